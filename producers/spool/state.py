"""What a spool tells of itself, and what it has in hand."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from producers.spool.format import HEADER_BYTES


@dataclass(frozen=True)
class SpoolState:
    """What is in the spool now. `size_bytes` are those of its segments, `limit_bytes` those of the directory at most."""

    records: int
    size_bytes: int
    limit_bytes: int
    oldest_seconds: float
    aside_files: int
    aside_bytes: int


class Waiting(NamedTuple):
    """An entry that is to be written, and who waits for that."""

    payload: bytes
    source: str
    records: int
    result: Future[None]

    @property
    def size(self) -> int:
        return HEADER_BYTES + len(self.payload)
