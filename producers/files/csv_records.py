"""Records of a CSV text, each with the line it begins on, in bounded memory, and without one stray quotation mark costing more
than its own line.

To `csv` a mark that opens a text and is not closed takes in every line up to the next mark, and what comes of it can have as many
columns as a row should have. So what cannot be one record, or looks like several, is refused by its first line alone, and
the lines behind it are read again as lines of their own.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

MAX_FIELD_CHARACTERS = 1024 * 1024
MAX_LINE_CHARACTERS = 4 * 1024 * 1024
MAX_LINES = 500
"""Of one record."""

_NOT_CLOSED = "has a quotation mark that is not closed, or that stands in the middle of a text and is not doubled"
_FEW_COLUMNS = 4
"""With fewer, a text of two lines with a comma in each looks like two rows."""


class _TooLong(csv.Error):
    """A line, or what would be a record of many lines."""


class BadRecord(Exception):
    """Line `line` begins no record. The message says why; reading goes on behind that line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """The fields of a line, or of several. `line` is the first, counted from 1; an empty line has no fields."""

    line: int
    fields: list[str]


class CsvRecords:
    """The records of `text`, line by line with their ends; None stands for a line that is too long to be kept."""

    def __init__(self, text: Iterator[str | None], delimiter: str) -> None:
        csv.field_size_limit(MAX_FIELD_CHARACTERS)
        self._delimiter = delimiter
        self._lines = _Lines(text)
        self._reader = csv.reader(self._lines, delimiter=delimiter, skipinitialspace=True, strict=True)

    def next(self, columns: int = 0) -> CsvRecord | None:
        """The next one, None at the end. `columns`: how many it should have, 0 when nobody knows.

        Raises BadRecord, and what reading raises.
        """
        lines = self._lines
        lines.begin()
        try:
            fields = next(self._reader)
        except StopIteration:
            return None
        except csv.Error as error:
            message = str(error) if lines.read == 1 and isinstance(error, _TooLong) else f"{_NOT_CLOSED}: {error}"
            raise BadRecord(lines.back(), message) from None
        if columns >= _FEW_COLUMNS and lines.read > 1 and lines.are_rows(self._delimiter, columns):
            message = (
                f"{_NOT_CLOSED}: the next one stands on line {lines.number}, and these look like lines of their own"
            )
            raise BadRecord(lines.back(), message)
        return CsvRecord(lines.number - lines.read + 1, fields)


class _Lines:
    """Hands out lines, and those of a record again except for its first. `number` is the last line handed out, from 1, and
    `read` how many of the record are."""

    def __init__(self, text: Iterator[str | None]) -> None:
        self._text = text
        self._record: list[str | None] = []
        self._again: deque[str | None] = deque()
        self._size = 0
        self.number = 0

    @property
    def read(self) -> int:
        return len(self._record)

    def begin(self) -> None:
        """What comes now is another record."""
        self._record.clear()
        self._size = 0

    def back(self) -> int:
        """Begin behind the first line of the record, which is returned."""
        first = self.number - self.read + 1
        self._again.extendleft(reversed(self._record[1:]))
        self.number = first
        self.begin()
        return first

    def are_rows(self, delimiter: str, columns: int) -> bool:
        """Whether the first and the last line of the record could each be a row."""
        ends = (self._record[0], self._record[-1])
        return all(line is not None and line.count(delimiter) >= columns - 1 for line in ends)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self.number += 1
        self._record.append(line)
        if line is None:
            raise _TooLong(f"is longer than {MAX_LINE_CHARACTERS} characters")
        self._size += len(line)
        if self.read > 1 and (self.read > MAX_LINES or self._size > MAX_FIELD_CHARACTERS):
            raise _TooLong(f"the text would have more than {MAX_LINES} lines or {MAX_FIELD_CHARACTERS} characters")
        return line
