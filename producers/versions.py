"""Which version of a file is there: for files that people change, and processes read again."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Version(NamedTuple):
    """What tells one version of a file from another: time of the last change (Unix, ns), size in bytes, inode, mode."""

    modified: int
    size: int
    inode: int
    mode: int


def version_of(path: Path) -> Version | None:
    """None when the file cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Version(found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
