"""What was sent of the lines of files, so that a line that comes again is known, and one that comes again changed is told.

An event counts once: what is sent again with the same id changes nothing in the store, whatever it says. So a corrected line
must not be passed on as if it corrected something; it is refused, and its file says which line stands. Only a line that is
acknowledged stands: of one that was on its way when Kafka went away nobody knows, and the next that comes for it is sent.

In SQLite, some 100 bytes a line: digests, and no value of any customer.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import msgspec

from producers.files.destinations import Destination, Ready, Refusal

CHANGED = "changed_line"
"""The code of a line whose event was sent before, and said something else."""

KEPT_DAYS = 400
"""So long a line is remembered."""

_TABLES = """
create table if not exists files (
    number integer primary key,
    import text not null unique,    -- of producers.files.checkpoint: the content, the mapping and the source
    name text not null,
    first_seen integer not null,    -- Unix time in seconds
    moved_to text,                  -- null while the file is not done with
    acknowledged integer not null default 0 -- all its lines up to this one are
);
create table if not exists lines (
    event blob primary key,         -- digest of source and id
    content blob not null,          -- digest of the event
    file integer not null,
    line integer not null
) without rowid;
create index if not exists lines_of_file on lines (file);
"""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was seen. `number` is ours; `moved_to` is None while it is not done with."""

    number: int
    name: str
    first_seen: int
    moved_to: str | None


class SentLines:
    """The memory of one home, in `directory`/imports. Every method may raise sqlite3.Error, as when the disk is full."""

    def __init__(self, directory: Path) -> None:
        directory = directory / "imports"
        directory.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(directory / "lines.sqlite3", timeout=30, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    def open_file(self, import_name: str, name: str) -> KnownFile:
        """What is known of a file with this content; it is known from now on, by `name`."""
        now = int(time.time())
        self._db.execute(
            "insert or ignore into files (import, name, first_seen) values (?, ?, ?)", (import_name, name, now)
        )
        found = self._db.execute(
            "select number, name, first_seen, moved_to from files where import = ?", (import_name,)
        )
        return KnownFile(*found.fetchone())

    def moved(self, file: KnownFile, to: str) -> None:
        """The file is done with."""
        self._db.execute("update files set moved_to = ? where number = ?", (to, file.number))

    def first_sent_by(self, file: KnownFile) -> int:
        """How many events were sent by this file before any other."""
        return int(self._db.execute("select count(*) from lines where file = ?", (file.number,)).fetchone()[0])

    def forget_old(self, now: float) -> None:
        """Lines of files that were seen more than `KEPT_DAYS` ago."""
        old = "select number from files where first_seen < ?"
        with self._db:
            self._db.execute("begin immediate")
            self._db.execute(f"delete from lines where file in ({old})", (now - KEPT_DAYS * 86_400,))  # noqa: S608
            self._db.execute("delete from files where first_seen < ?", (now - KEPT_DAYS * 86_400,))

    def remember(self, file: KnownFile, batch: Sequence[Ready]) -> list[tuple[Ready, KnownFile, int] | None]:
        """Remember the events of `batch`. For each None, or, when it was sent before and said something else, which file and
        line of it said so."""
        told: list[tuple[Ready, KnownFile, int] | None] = []
        with self._db, closing(self._db.cursor()) as at:
            at.execute("begin immediate")
            for ready in batch:
                event, content = _digests(ready)
                at.execute("insert or ignore into lines values (?, ?, ?, ?)", (event, content, file.number, ready.line))
                if at.rowcount:
                    told.append(None)
                    continue
                at.execute(
                    "select content, file, line, line <= acknowledged from lines join files on number = file where event = ?",
                    (event,),
                )
                known, number, line, stands = at.fetchone()
                if not stands and number != file.number:
                    at.execute(
                        "update lines set content = ?, file = ?, line = ? where event = ?",
                        (content, file.number, ready.line, event),
                    )
                    known = content
                told.append(None if known == content else (ready, self._file(at, number), line))
        return told

    def acknowledged(self, file: KnownFile, batch: Sequence[Ready]) -> None:
        """These, and all before them in the file, are taken."""
        last = max((ready.line for ready in batch), default=0)
        self._db.execute("update files set acknowledged = max(acknowledged, ?) where number = ?", (last, file.number))

    def forget(self, file: KnownFile, batch: Sequence[Ready]) -> None:
        """These were not taken: whatever comes for them is the first."""
        with self._db:
            self._db.execute("begin immediate")
            self._db.executemany(
                "delete from lines where event = ? and file = ?",
                [(_digests(ready)[0], file.number) for ready in batch],
            )

    @staticmethod
    def _file(at: sqlite3.Cursor, number: int) -> KnownFile:
        at.execute("select number, name, first_seen, moved_to from files where number = ?", (number,))
        return KnownFile(*at.fetchone())


def _digests(ready: Ready) -> tuple[bytes, bytes]:
    source: str = msgspec.json.decode(ready.record.value, type=_Named).source
    event = blake2b(f"{source}\0{ready.id}".encode(), digest_size=16).digest()
    return event, blake2b(ready.record.value, digest_size=16).digest()


class _Named(msgspec.Struct):
    source: str


class Remembering:
    """A destination that refuses what was sent before and said something else, and hands all other events on to another one."""

    def __init__(self, destination: Destination, lines: SentLines, file: KnownFile) -> None:
        self._destination = destination
        self._lines = lines
        self._file = file

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        told = self._lines.remember(self._file, batch)
        changed = [self._refusal(*each) for each in told if each is not None]
        handed_on = [ready for ready, each in zip(batch, told, strict=True) if each is None]
        finish = self._destination.begin(handed_on)

        def finished() -> Sequence[Refusal]:
            refused = finish()
            if refused:
                self._lines.forget(self._file, [refusal.ready for refusal in refused])
            self._lines.acknowledged(self._file, batch)
            return [*changed, *refused]

        return finished

    def _refusal(self, ready: Ready, known: KnownFile, line: int) -> Refusal:
        where = f"line {line} of this file"
        if known.number != self._file.number:
            day = datetime.fromtimestamp(known.first_seen, UTC)
            where = f"line {line} of {known.name}, {day:%Y-%m-%d %H:%M} UTC"
        message = f"{ready.id!r} was sent before and said something else ({where}); what was sent first counts"
        return Refusal(ready, CHANGED, "", message)
