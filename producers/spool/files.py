"""The directory of a spool: its lock, its segments, how far it was drained, and what was set aside.

lock                                held by the one collector that uses it
000000000007-9f86d081884c7d65.seg   a segment: frames (`producers.spool.format`); number, and salt in hex
cursor                              how far the first segment was drained; when it is lost, more is sent again
set-aside/                          what was damaged, or refused by Kafka for good: for a person to look at
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import logging
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crc32c import crc32c

from producers.spool.format import Read

log = logging.getLogger(__name__)

_SEGMENT = re.compile(r"(\d{12})-([0-9a-f]{16})\.seg")
ASIDE = "set-aside"
REFUSED = ".refused"
_CHUNK = 1024 * 1024
_WINDOW = 256 * 1024
_BLOCK = 4096
_UNREADABLE = b"?"
"""In place of each byte that cannot be read. Not a zero: zeros at the end of a file are a write that was not finished."""


class SpoolUnusable(Exception):
    """The directory cannot be used. The message says why and what to do."""


class SpoolFailed(Exception):
    """The spool does not keep it. `code` is `spool_full` or `spool_failed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(eq=False)
class Segment:
    """One file. `size` is what was fsynced of it; `held` counts the entries, by source, that are yet to be drained.
    `bytes` are those that a process before left, by source. `keep` when something of it could not be set aside.
    """

    number: int
    salt: bytes
    path: Path
    size: int = 0
    records: int = 0
    held: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    keep: bool = False


class Directory:
    """The files. Not for several threads at once, but for reading segments."""

    def __init__(self, path: Path) -> None:
        """Made when missing, readable by its owner only; one that is there keeps its mode. Raises SpoolUnusable, also when
        another process uses it.
        """
        self.path = path
        self._aside = path / ASIDE
        try:
            if not path.is_dir():
                path.mkdir(mode=0o700, parents=True)
                _sync_directory(path.parent)
            self._aside.mkdir(mode=0o700, exist_ok=True)
            _sync_directory(path)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SpoolUnusable(
                f"cannot write to the spool {path} ({error.strerror}): give a directory of a local disk in "
                "PORTRAIT_SPOOL, or `off`"
            ) from error
        self.aside()
        if path.stat().st_mode & 0o002:
            log.warning("everybody may write to the spool %s, and so delete what is in it: `chmod 700` it", path)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise SpoolUnusable(
                f"the spool {path} is used by another collector: give each its own directory in PORTRAIT_SPOOL"
            ) from error

    def close(self) -> None:
        """Lets another process have it."""
        os.close(self._lock)

    def segments(self) -> list[Segment]:
        """Every segment there is, in order, with the size of its file. Raises OSError."""
        return segments_in(self.path)

    def create(self, number: int) -> tuple[Segment, int]:
        """A new, empty segment that outlives a loss of power, and its file descriptor. Raises OSError."""
        salt = secrets.token_bytes(8)
        path = self.path / f"{number:012}-{salt.hex()}.seg"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            _sync_directory(self.path)
        except OSError:
            os.close(file)
            with suppress(OSError):
                path.unlink()
            raise
        return Segment(number, salt, path), file

    def cursor(self) -> tuple[str, int]:
        """The name of the segment that was drained in part, and up to where; no name when that is not known."""
        return cursor_in(self.path)

    def move_cursor(self, segment: Segment, offset: int) -> None:
        """Remembers how far `segment` was drained, in one step. It is not fsynced: an old cursor, or none, means that
        more is sent again, and each event counts once. Raises OSError.
        """
        told = f"{segment.path.name} {offset}".encode()
        new = self.path / "cursor.new"
        new.write_bytes(b"%s %08x\n" % (told, crc32c(told)))
        new.replace(self.path / "cursor")

    def set_aside(self, name: str, parts: Iterable[bytes]) -> bool:
        """Keeps `parts` in a file, which outlives a loss of power. False when it was there. Raises OSError."""
        path = self._aside / name
        if path.exists():
            return False
        new = path.with_name(f".{name}")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        self.aside_bytes += new.stat().st_size
        new.replace(path)
        _sync_directory(self._aside)
        return True

    def remove(self, segment: Segment) -> None:
        """Deletes a segment that is drained, or moves it to what is set aside when it is to be kept. Raises OSError."""
        if segment.keep:
            self.put_aside(segment)
        else:
            segment.path.unlink()

    def put_aside(self, segment: Segment) -> None:
        """Moves a whole segment to what is set aside. Raises OSError."""
        segment.path.rename(self._aside / f"{segment.path.name}.unreadable")
        self.aside_bytes += segment.size

    def aside(self) -> list[int]:
        """The sizes of the files that are set aside, now; `aside_bytes` is their sum, and what was added since."""
        sizes = []
        with suppress(OSError), os.scandir(self._aside) as files:
            sizes = [file.stat().st_size for file in files if not file.name.startswith(".")]
        self.aside_bytes = sum(sizes)
        return sizes


def segments_in(directory: Path, ending: str = "") -> list[Segment]:
    """Every segment of a directory, in order, with the size of its file; `ending` stands behind the name. Raises OSError."""
    files = ((path, path.name.removesuffix(ending)) for path in directory.iterdir() if path.name.endswith(ending))
    named = ((path, _SEGMENT.fullmatch(name)) for path, name in files)
    found = [Segment(int(name[1]), bytes.fromhex(name[2]), path, path.stat().st_size) for path, name in named if name]
    return sorted(found, key=lambda segment: (segment.number, segment.path.name))


def cursor_in(directory: Path) -> tuple[str, int]:
    """What `Directory.cursor` tells, of the spool of any process."""
    try:
        text = (directory / "cursor").read_bytes()
    except FileNotFoundError:
        return "", 0
    told, _, checksum = text.strip().rpartition(b" ")
    name, _, offset = told.partition(b" ")
    if checksum != b"%08x" % crc32c(told) or not offset.isdigit():
        log.warning("%s cannot be read: what was drained last is sent again", directory / "cursor")
        return "", 0
    return name.decode(), int(offset)


@contextmanager
def reading(segment: Segment) -> Iterator[Read]:
    """Reads what was fsynced of `segment`, at any offset, while the block lasts. Raises OSError."""
    file = os.open(segment.path, os.O_RDONLY)
    window, first = b"", 0

    def read(offset: int, size: int) -> bytes:
        nonlocal window, first
        if not first <= offset <= first + len(window) - size:
            window, first = _read_what_can_be(file, max(size, _WINDOW), offset), offset
        return window[offset - first : offset - first + size]

    try:
        yield read
    finally:
        os.close(file)


def _read_what_can_be(file: int, size: int, offset: int) -> bytes:
    """One sector that the disk cannot read must not take what stands around it along: its block reads as damage."""
    try:
        return os.pread(file, size, offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    end = min(offset + size, os.fstat(file).st_size)
    borders = [offset, *range((offset // _BLOCK + 1) * _BLOCK, end, _BLOCK), end]
    parts = []
    for at, behind in itertools.pairwise(borders):
        try:
            parts.append(os.pread(file, behind - at, at))
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            parts.append(_UNREADABLE * (behind - at))
    return b"".join(parts)


def parts_of(read: Read, offset: int, end: int) -> Iterator[bytes]:
    """The bytes from `offset` to `end`, in pieces that fit memory."""
    for at in range(offset, end, _CHUNK):
        yield read(at, min(_CHUNK, end - at))


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
