"""One file of a drop folder, from its bytes to its report.

Its lines go the way of every import, with a checkpoint: after a kill it goes on where it was, and nothing counts twice.
"""

from __future__ import annotations

import gzip
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from producers.drop_folder.folder import DONE, FAILED, DropFolder, FileReplaced, shown
from producers.drop_folder.report import Outcome, report
from producers.drop_folder.sent_lines import KnownFile, Remembering, SentLines
from producers.files.checkpoint import CheckpointFile, import_name
from producers.files.destinations import Destination, ImportStopped
from producers.files.encodings import Unrecognised, recognise_file
from producers.files.importer import Progress, RejectedRow, import_file
from producers.files.mapping import ColumnsMissing, FileMapping, MappingError
from producers.files.rows import FileError, format_of, open_rows

log = logging.getLogger(__name__)

_TELL_SECONDS = 10.0
_DELIMITERS = (",", ";", "\t", "|")


class Held(Exception):
    """The file stays where it is, and is tried again later: Kafka is away, the disk is full. The message says why."""


class DropImport:
    """Imports files of `folder` by `mapping`. `home` is where checkpoints are kept. `stopping` says that it is time to end."""

    def __init__(
        self,
        folder: DropFolder,
        mapping: FileMapping,
        source: str,
        destination: Destination,
        home: Path,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Raises MappingError when the mapping does not say what a line is known by."""
        if mapping.id is None:
            raise MappingError(
                "a folder needs a mapping with an id: files come again there, whole or corrected, and what a line is known by "
                'must not be where it stands; as in id: "{receipt}-{line}"'
            )
        self._folder = folder
        self._mapping = mapping
        self._source = source
        self._destination = destination
        self._home = home
        self._stopping = stopping

    def take(self, path: Path) -> Outcome:
        """Import a whole file, and move it with its report. Raises Held."""
        try:
            lines = SentLines(self._home)
            try:
                return self._take(path, lines)
            finally:
                lines.close()
        except FileReplaced as error:
            raise _written_to(path) from error
        except (OSError, sqlite3.Error) as error:
            raise Held(f"{shown(path)}: {getattr(error, 'strerror', None) or error}") from error

    def _take(self, path: Path, lines: SentLines) -> Outcome:
        log.info("%s: %s bytes", shown(path), format(path.stat().st_size, ","))
        mapping, read_as, whole = self._mapping, "", _nothing_in(path)
        if not whole and format_of(path, mapping.format) == "csv":
            mapping, read_as, whole = self._fitted(path)
        if whole:
            return self._end(path, Outcome(shown(path), whole=whole), [])
        name = import_name(path, mapping.model_dump_json(), self._source)
        file = lines.open_file(name, shown(path))
        outcome = replace(self._import(path, mapping, lines, file, name), read_as=read_as)
        if file.moved_to is not None:
            outcome = replace(outcome, earlier=(file.name, datetime.fromtimestamp(file.first_seen, UTC)))
        if not self._folder.is_unchanged(path):
            raise _written_to(path)
        outcome = self._end(path, outcome, _read(self._refused(name)))
        lines.moved(file, DONE if outcome.good else FAILED)
        self._refused(name).unlink(missing_ok=True)  # it holds what the file holds, and the report says what it is for
        return outcome

    def _import(self, path: Path, mapping: FileMapping, lines: SentLines, file: KnownFile, name: str) -> Outcome:
        told = time.monotonic()

        def progress(step: Progress) -> None:
            nonlocal told
            if self._stopping():
                raise ImportStopped("told to stop; the next start goes on here")
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                share = 100 * step.bytes_read // max(1, step.bytes_total)
                log.info("%s: %s lines, %d %% of the file", shown(path), format(step.rows, ","), share)

        before = lines.first_sent_by(file) if file.moved_to is not None else 0
        whole, header = "", tuple[str, ...]()
        try:
            import_file(
                path,
                mapping,
                Remembering(self._destination, lines, file),
                home=self._home,
                source=self._source,
                rejects=self._refused(name),
                again=file.moved_to == FAILED,  # what was refused may be taken now
                progress=progress,
            )
        except ImportStopped as error:
            raise Held(f"{shown(path)}: {error}") from error
        except ColumnsMissing as error:
            whole, header = f"The mapping does not fit: {error.without_values}.", tuple(error.header)
        except MappingError as error:
            whole = f"The mapping does not fit: {error}."
        except FileError as error:
            if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, gzip.BadGzipFile):
                raise Held(f"{shown(path)}: {error.__cause__.strerror}") from error
            whole = f"{error}."
        done = CheckpointFile(self._home, name).read()
        new = min(done.sent, lines.first_sent_by(file) - before)
        return Outcome(shown(path), done.rows, new, done.sent - new, done.rejected, whole=whole, header=header)

    def _fitted(self, path: Path) -> tuple[FileMapping, str, str]:
        """The mapping, with encoding and delimiter of the file unless it names them; the encoding in words; or why not."""
        mapping, told = self._mapping, f"{self._mapping.encoding}, as the mapping says"
        if "encoding" not in mapping.model_fields_set:
            found = recognise_file(path)
            if isinstance(found, Unrecognised):
                return mapping, "", found.why
            log.info("%s: read as %s", shown(path), found.told)
            mapping, told = mapping.model_copy(update={"encoding": found.encoding}), found.told
        if "delimiter" not in mapping.model_fields_set:
            mapping = next((each for each in map(_by(mapping), _DELIMITERS) if _fits(path, each)), mapping)
        return mapping, told, ""

    def _refused(self, name: str) -> Path:
        return self._home / "imports" / f"{name}.rejected.jsonl"

    def _end(self, path: Path, outcome: Outcome, refused: Iterable[RejectedRow]) -> Outcome:
        now = datetime.now(UTC)
        self._folder.move(path, DONE if outcome.good else FAILED, report(outcome, refused, now))
        return outcome


def _written_to(path: Path) -> Held:
    return Held(f"{shown(path)}: was written to while it was read; it is read again once it is whole")


def _by(mapping: FileMapping) -> Callable[[str], FileMapping]:
    return lambda delimiter: mapping.model_copy(update={"delimiter": delimiter})


def _fits(path: Path, mapping: FileMapping) -> bool:
    try:
        with open_rows(
            path, file_format=mapping.format, delimiter=mapping.delimiter, encoding=mapping.encoding
        ) as rows:
            mapping.check_columns(rows.columns or ())
    except (FileError, MappingError):
        return False
    return True


def _nothing_in(path: Path) -> str:
    return "There is nothing in it: 0 bytes." if path.stat().st_size == 0 else ""


def _read(refused: Path) -> Iterator[RejectedRow]:
    """In the order of the file."""
    if refused.exists():
        with open(refused, "rb") as lines:
            yield from (msgspec.json.decode(line, type=RejectedRow) for line in lines)
