"""Rows of a CSV or JSON Lines file, plain or gzipped, one after the other in constant memory."""

from __future__ import annotations

import codecs
import gzip
import io
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Literal

from producers.files.csv_records import MAX_LINE_CHARACTERS, BadRecord, CsvRecords
from schemas.codec import read_json
from schemas.rejected import Rejected

FileFormat = Literal["csv", "jsonl"]

MAX_LINE_BYTES = 4 * 1024 * 1024


class FileError(Exception):
    """The file as a whole cannot be read, or not to its end. The message names it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts data rows from 1, `line` is the file's line it begins on, `raw` tells rows apart."""

    number: int
    line: int
    values: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read. `column` is its name, or "" when it is the row as a whole."""

    number: int
    line: int
    column: str
    message: str
    text: str


class RowFile:
    """An open file of rows. `columns` are those of a CSV header, None for JSON Lines, where each row brings its own."""

    def __init__(self, raw: BinaryIO, content: BinaryIO, name: str, file_format: FileFormat, **options: str) -> None:
        self._raw = raw
        self._content = content
        self._name = name
        self._format = file_format
        self._encoding = options.get("encoding", "utf-8-sig")
        self.columns: tuple[str, ...] | None = None
        if file_format == "csv":
            # Bytes that are not of the encoding pass through as lone surrogates: they cost one row, not the file.
            self._text = io.TextIOWrapper(content, self._encoding, errors="surrogateescape", newline="")
            lines = _lines(self._text, _has_loose_accents(self._encoding))
            self._records = CsvRecords(lines, options.get("delimiter", ","))
            self.columns = self._header()

    def bytes_read(self) -> int:
        """How far into the file on disk the reading is."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Every row. Raises FileError when the file breaks off (a gzip that is not whole)."""
        try:
            yield from self._csv() if self._format == "csv" else self._json_lines()
        except (EOFError, zlib.error, OSError, UnicodeError) as error:
            raise FileError(f"{self._name} cannot be read to its end: {error}") from error

    def _header(self) -> tuple[str, ...]:
        try:
            first = self._records.next()
        except (BadRecord, EOFError, zlib.error, OSError, UnicodeError) as error:
            raise FileError(f"{self._name} has no header that can be read: {error}") from error
        if first is None:
            raise FileError(f"{self._name} is empty")
        header = tuple(name.strip() for name in first.fields)
        if not all(map(_is_text, header)):
            number = 1 + [_is_text(name) for name in header].index(False)
            raise FileError(f"{self._name}: the header is not {self._encoding}, in column {number}")
        if not header:
            raise FileError(f"{self._name}: the first line is empty; it must be the header")
        if len(set(header)) != len(header) or "" in header:
            raise FileError(f"{self._name}: the header has a column without a name, or one twice")
        return header

    def _csv(self) -> Iterator[Row | BadRow]:
        columns = self.columns or ()
        number = 0
        while True:
            try:
                record = self._records.next(len(columns))
            except BadRecord as error:
                number += 1
                yield BadRow(number, error.line, "", str(error), "")
                continue
            if record is None:
                return
            line, fields = record.line, record.fields
            if not fields:
                continue
            number += 1
            if len(fields) != len(columns):
                message = f"has {len(fields)} columns, the header has {len(columns)}"
                yield BadRow(number, line, "", message, _shown(fields))
                continue
            raw = "\x1f".join(fields)
            try:
                yield Row(number, line, dict(zip(columns, fields, strict=True)), raw.encode())
            except UnicodeEncodeError:
                column = next(name for name, field in zip(columns, fields, strict=True) if not _is_text(field))
                yield BadRow(number, line, column, f"is not {self._encoding}", _shown(fields))

    def _json_lines(self) -> Iterator[Row | BadRow]:
        number = line = 0
        while data := self._content.readline(MAX_LINE_BYTES + 1):
            line += 1
            begun, too_long = line, False
            while len(data) > MAX_LINE_BYTES and not data.endswith(b"\n"):
                too_long, data = True, self._content.readline(MAX_LINE_BYTES + 1)
            if not too_long and not data.strip():
                continue
            number += 1
            if too_long:
                yield BadRow(number, begun, "", f"is longer than {MAX_LINE_BYTES} bytes", "")
                continue
            document = read_json(data)
            if isinstance(document, Rejected):
                yield BadRow(number, begun, "", document.message, data.decode(errors="replace").rstrip("\r\n"))
            elif not isinstance(document, dict):
                yield BadRow(number, begun, "", "is not a JSON object", data.decode().rstrip("\r\n"))
            else:
                yield Row(number, begun, dict(_flat(document, "")), data.strip())


def _flat(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Inner objects as `outer.inner`; arrays are left out."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield prefix + name, "true" if value else "false"
        elif isinstance(value, Decimal):
            yield prefix + name, format(value, "f")
        elif isinstance(value, str | int):
            yield prefix + name, str(value)


def _has_loose_accents(encoding: str) -> bool:
    """Windows-1258 writes the tone of a letter behind it."""
    return codecs.lookup(encoding).name == "cp1258"


def _lines(text: io.TextIOWrapper, loose_accents: bool) -> Iterator[str | None]:
    """With their ends; None for a line that is longer than a line may be, of which only a part is in memory at a time."""
    while line := text.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS and not line.endswith(("\n", "\r")):
            while line and not line.endswith(("\n", "\r")):
                line = text.readline(MAX_LINE_CHARACTERS)
            yield None
        else:
            yield unicodedata.normalize("NFC", line) if loose_accents else line


def _is_text(field: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in field)


def _shown(fields: list[str]) -> str:
    return ",".join(fields).encode(errors="surrogateescape").decode(errors="replace")


def format_of(path: Path, stated: FileFormat | None) -> FileFormat:
    """What is stated, else what the name says."""
    name = path.name.lower().removesuffix(".gz")
    return stated or ("jsonl" if name.endswith((".jsonl", ".ndjson", ".json")) else "csv")


@contextmanager
def open_rows(
    path: Path, *, file_format: FileFormat | None = None, delimiter: str = ",", encoding: str = "utf-8-sig"
) -> Iterator[RowFile]:
    """Open `path`; `.gz` is inflated, the format is told by the name unless given. Raises FileError."""
    chosen = format_of(path, file_format)
    try:
        raw = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    with raw:
        content: Any = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
        with content:
            yield RowFile(raw, content, str(path), chosen, delimiter=delimiter, encoding=encoding)
