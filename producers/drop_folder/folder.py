"""A folder into which tills and people put files: each is imported once it is whole, and then moved, with a report beside it.

    FOLDER/scans.csv ── whole? ── encoding? ── import ──┬─ FOLDER/done/     every line counts
                                                        └─ FOLDER/failed/   somebody has to look: the report says at what

A file is whole when its name is not one of a file that is being written (`.part`, `.tmp`, …, or a dot in front) and either its
size and times have not changed for `settle` seconds or there is an empty file NAME.done beside it, not older than the file.

Who may write into the folder may put a link where the watcher writes, and have it write elsewhere: it follows none.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SUFFIXES = (".csv", ".txt", ".tsv", ".jsonl", ".ndjson")
"""Of files that are taken, also with `.gz` behind."""

BEING_WRITTEN = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".writing", "~")
MARKER = ".done"
DONE, FAILED = "done", "failed"
LOCK = ".portrait-watch.lock"
REPORT = ".report.txt"
_MOST_NAME_BYTES = 255 - len(f" (99999)..new{REPORT}")


class FolderAway(Exception):
    """The folder is not there, or cannot be read or locked. The message says why."""


class FileReplaced(Exception):
    """Another file had come in the place of the one that was read. It is back in the folder, unread."""


class FolderTaken(Exception):
    """Another watcher has the folder."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What changes when a file is written to. Times are Unix times in nanoseconds."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Signature:
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def is_of(self, moved: os.stat_result) -> bool:
        """Whether it is the same file, which may have been renamed since."""
        return (self.inode, self.size, self.modified) == (moved.st_ino, moved.st_size, moved.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found. `whole` are ready to be imported, oldest first; `growing` are not yet; `strange` are nothing for us."""

    whole: tuple[Path, ...]
    growing: tuple[Path, ...]
    strange: tuple[Path, ...]


class DropFolder:
    """One folder, seen again and again. `clock` is in seconds, monotonic. Files in folders inside it are not looked at, and
    neither is what is no plain file, such as a link to one."""

    def __init__(self, path: Path, settle: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._settle = settle
        self._clock = clock
        self._known: dict[Path, tuple[Signature, float]] = {}

    def look(self) -> Seen:
        """Raises FolderAway."""
        now = self._clock()
        found: dict[Path, Signature] = {}
        strange: list[Path] = []
        markers: dict[str, int] = {}
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if not entry.name.endswith(MARKER) and _is_nothing(entry.name):
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        continue
                    if entry.name.endswith(MARKER):
                        markers[entry.name.removesuffix(MARKER)] = status.st_mtime_ns
                    elif stat.S_ISREG(status.st_mode) and entry.name.lower().removesuffix(".gz").endswith(SUFFIXES):
                        found[self.path / entry.name] = Signature.of(status)
                    else:
                        strange.append(self.path / entry.name)
        except OSError as error:
            raise FolderAway(f"{self.path}: {error.strerror}") from error
        self._known = {
            path: known if (known := self._known.get(path)) and known[0] == signature else (signature, now)
            for path, signature in found.items()
        }
        whole = [
            path
            for path, (signature, since) in self._known.items()
            if markers.get(path.name, -1) >= signature.modified or now - since >= self._settle
        ]
        whole.sort(key=lambda path: (found[path].modified, path.name))
        growing = sorted(set(found) - set(whole))
        return Seen(tuple(whole), tuple(growing), tuple(sorted(strange)))

    def is_unchanged(self, path: Path) -> bool:
        """Whether the file is still the one of the last look."""
        try:
            return Signature.of(path.stat(follow_symlinks=False)) == self._known[path][0]
        except (OSError, KeyError):
            return False

    def move(self, path: Path, to: str, text: str) -> Path:
        """Move a file into `to`, `done` or `failed`, with its report, which is there first; where it is then. Raises OSError,
        and FileReplaced when it was not the file of the last look that was moved."""
        directory = self.path / to
        directory.mkdir(exist_ok=True)
        target = _free(directory, path.name)
        told = target.with_name(target.name + REPORT)
        written = directory / f".{told.name}.new"
        written.unlink(missing_ok=True)
        mode = stat.S_IMODE(path.stat(follow_symlinks=False).st_mode) & 0o666  # it tells of what is in the file
        opened = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(opened, "w", encoding="utf-8", errors="replace") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(told)
        path.rename(target)
        signature, _ = self._known.pop(path)
        if not signature.is_of(target.stat(follow_symlinks=False)):
            # A till that writes under the same name again has done so in these moments.
            target.rename(_free(self.path, path.name))
            told.unlink()
            raise FileReplaced
        with suppress(OSError):  # one that stays is older than the next file of this name, and says nothing of it
            path.with_name(path.name + MARKER).unlink()
        return target

    @contextmanager
    def locked(self) -> Iterator[Callable[[], bool]]:
        """Nobody else watches the folder for so long; what is given says whether it still is this folder that is locked.
        Raises FolderAway and FolderTaken.
        """
        with self._lock_file() as lock:
            yield lambda: self._is_there(lock)

    def _is_there(self, lock: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(lock.fileno()), (self.path / LOCK).stat())
        except OSError:
            return False

    @contextmanager
    def _lock_file(self) -> Iterator[IO[str]]:
        try:
            opened = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            where = f"{self.path / LOCK} is a link" if error.errno == errno.ELOOP else f"{self.path}: {error.strerror}"
            raise FolderAway(where) from error
        with open(opened, "r+", encoding="utf-8", errors="replace") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise FolderAway(f"{self.path} cannot be locked: {error.strerror}") from error
                lock.seek(0)
                who = lock.read(200).strip()
                raise FolderTaken(f"{self.path} is watched already{f', by {who}' if who else ''}") from error
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {os.uname().nodename}\n")
            lock.flush()
            yield lock


def shown(path: Path) -> str:
    """The name of a file for people: in a folder that is shared with Windows it may be no Unicode."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _is_nothing(name: str) -> bool:
    lower = name.lower()
    return lower.startswith(".") or lower.endswith((*BEING_WRITTEN, MARKER)) or lower in ("desktop.ini", "thumbs.db")


def _free(directory: Path, name: str) -> Path:
    """A place for a file of this name and for its report: with a number where there is one already, and cut where it is too long
    to have more behind."""
    whole = name[: -len(".gz")] if name.lower().endswith(".gz") else name
    stem = whole.rpartition(".")[0]
    suffix = name[len(stem) :]
    while len(os.fsencode(stem + suffix)) > _MOST_NAME_BYTES:
        stem = stem[:-1]
    target, number = directory / f"{stem}{suffix}", 1
    while os.path.lexists(target) or os.path.lexists(f"{target}{REPORT}"):
        number += 1
        target = directory / f"{stem} ({number}){suffix}"
    return target
