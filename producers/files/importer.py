"""Import a file: each row becomes an event, by a mapping, and the events go the same way as all others.

An event's id is made of the row (`id` in the mapping, else a digest of source, row number and row). So a row that is
sent twice, because the import was interrupted or run again, counts once.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from producers.admit import judge
from producers.files.cells import Unreadable
from producers.files.checkpoint import Checkpoint, CheckpointFile, import_name
from producers.files.destinations import Destination, ImportStopped, Ready
from producers.files.mapping import FileMapping, MappingError
from producers.files.rows import BadRow, FileError, Row, RowFile, open_rows
from producers.record import Record

_BATCH_ROWS = 1_000
_BATCHES_ON_THEIR_WAY = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. `rows` are those done so far, those of earlier runs included; bytes are of the file on disk."""

    rows: int
    sent: int
    rejected: int
    bytes_read: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows: every one is sent (and acknowledged) or rejected. `resumed_at` rows were done before."""

    rows: int
    sent: int
    rejected: int
    resumed_at: int
    rejects: Path | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that became no event: where it stands, which column or JSON path of the event is wrong, and how."""

    row: int
    line: int
    column: str
    path: str
    code: str
    message: str
    text: str


def import_file(
    path: Path,
    mapping: FileMapping,
    destination: Destination,
    *,
    home: Path,
    source: str | None = None,
    rejects: Path | None = None,
    stop_after: int | None = None,
    again: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Send every row of `path` (CSV or JSON Lines, also .gz) to `destination` and say what became of them.

    `source` overrides the mapping's. Rows that cannot be read are written to `rejects` as JSON Lines (they hold what
    the file holds, so the file is readable by its owner alone), and the import goes on; with `stop_after` it ends at
    that many. The checkpoint, in `home`/imports, belongs to the file's content, the mapping and the source; an import
    that was interrupted goes on from it, a finished one is done unless `again`. `progress` is called after each
    batch, in this thread.

    Raises MappingError (does not fit the file, or no source), FileError (the file cannot be read to its end) and
    ImportStopped (the destination does not take it, or too many rows are bad). What is done by then is recorded.
    """
    chosen = source or mapping.source
    if not chosen:
        raise MappingError("name the source of the events, in the mapping or with --source")
    with ExitStack() as open_files:
        rows = open_files.enter_context(
            open_rows(path, file_format=mapping.format, delimiter=mapping.delimiter, encoding=mapping.encoding)
        )
        if rows.columns is not None:
            mapping.check_columns(rows.columns)
        checkpoints = CheckpointFile(home, import_name(path, mapping.model_dump_json(), chosen))
        begun = Checkpoint() if again else checkpoints.read()
        if begun.finished:
            return ImportReport(begun.rows, begun.sent, begun.rejected, begun.rows, rejects)
        rejected = open_files.enter_context(_open_rejects(rejects, begun.rejects_size)) if rejects else None
        run = _Run(mapping, chosen, destination, checkpoints, begun, rejected, stop_after)
        total = path.stat().st_size

        def show() -> None:
            if progress is not None:
                done = run.done
                progress(Progress(done.rows, done.sent, done.rejected, rows.bytes_read(), total))

        run.all(rows, show)
        return ImportReport(run.done.rows, run.done.sent, run.done.rejected, begun.rows, rejects)


class _Run:
    """One run of an import: `done` is what is acknowledged, in the order of the file."""

    def __init__(
        self,
        mapping: FileMapping,
        source: str,
        destination: Destination,
        checkpoints: CheckpointFile,
        begun: Checkpoint,
        rejects: IO[bytes] | None,
        stop_after: int | None,
    ) -> None:
        self._mapping = mapping
        self._source = source
        self._destination = destination
        self._checkpoints = checkpoints
        self._rejects = rejects
        self._stop_after = stop_after
        self.done = begun

    def all(self, rows: RowFile, show: Callable[[], None]) -> None:
        on_their_way: deque[Callable[[], None]] = deque()
        broken: FileError | None = None
        batches = _batches(row for row in rows if row.number > self.done.rows)
        while True:
            try:
                batch = next(batches, None)
            except FileError as error:  # what was read before is sent and recorded all the same
                broken, batch = error, None
            if batch is not None:
                on_their_way.append(self._begin(batch))
            while on_their_way and (batch is None or len(on_their_way) >= _BATCHES_ON_THEIR_WAY):
                on_their_way.popleft()()
                show()
            if batch is None:
                break
        if broken is not None:
            raise broken
        self._record(msgspec.structs.replace(self.done, finished=True))

    def _begin(self, batch: Sequence[Row | BadRow]) -> Callable[[], None]:
        """Send a batch. What is returned waits for the acknowledgement and then moves the checkpoint past the batch."""
        ready: list[Ready] = []
        bad: list[RejectedRow] = []
        for row in batch:
            made = self._event(row) if isinstance(row, Row) else _unreadable(row, row.column, row.message, row.text)
            if isinstance(made, Ready):
                ready.append(made)
            else:
                bad.append(made)
        finish = self._destination.begin(ready)

        def finished() -> None:
            refused = [
                RejectedRow(ready.row, ready.line, "", path, code, message, ready.record.value.decode())
                for ready, code, path, message in finish()
            ]
            self._finish(batch[-1].number, len(ready) - len(refused), sorted(bad + refused, key=lambda row: row.row))

        return finished

    def _event(self, row: Row) -> Ready | RejectedRow:
        try:
            document = self._mapping.event(row, self._source)
        except Unreadable as error:
            return _unreadable(row, error.column, error.message, _text(row))
        verdict = judge(msgspec.json.encode(document), _any_source)
        if isinstance(verdict, Record):
            return Ready(row.number, row.line, document["id"], verdict)
        found, _ = verdict
        return RejectedRow(row.number, row.line, "", found.path, found.reason.value, found.message, _text(row))

    def _finish(self, rows: int, sent: int, rejected: Sequence[RejectedRow]) -> None:
        size = self.done.rejects_size
        if self._rejects is not None and rejected:
            self._rejects.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rejected))
            self._rejects.flush()
            os.fsync(self._rejects.fileno())
            size = self._rejects.tell()
        count = self.done.rejected + len(rejected)
        self._record(Checkpoint(rows, self.done.sent + sent, count, size))
        if self._stop_after is not None and count >= self._stop_after:
            raise ImportStopped(f"{count} rows are bad; the import stops at {self._stop_after} of them")

    def _record(self, checkpoint: Checkpoint) -> None:
        self.done = checkpoint
        self._checkpoints.write(checkpoint)


def _batches(rows: Iterable[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    """A file that breaks off gives the rows before the break first, and then its error."""
    batch: list[Row | BadRow] = []
    broken: FileError | None = None
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH_ROWS:
                yield batch
                batch = []
    except FileError as error:
        broken = error
    if batch:
        yield batch
    if broken is not None:
        raise broken


def _open_rejects(path: Path, size: int) -> IO[bytes]:
    """What an interrupted run wrote after its last checkpoint is cut off: those rows come again."""
    file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")  # noqa: SIM115
    file.truncate(min(size, os.fstat(file.fileno()).st_size))
    file.seek(0, os.SEEK_END)
    return file


def _unreadable(row: Row | BadRow, column: str, message: str, text: str) -> RejectedRow:
    return RejectedRow(row.number, row.line, column, "", "unreadable_row", message, text)


def _text(row: Row) -> str:
    return msgspec.json.encode(row.values).decode()


def _any_source(_: str) -> bool:
    return True
