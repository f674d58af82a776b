"""What a spool tells of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpoolState:
    """What is in the spool now. `size_bytes` are those of its segments, `limit_bytes` those of the directory at most."""

    records: int
    size_bytes: int
    limit_bytes: int
    oldest_seconds: float
    aside_files: int
    aside_bytes: int
