"""What is said of a file that was in a drop folder, beside the file, for whoever put it there. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from producers.drop_folder.sent_lines import CHANGED
from producers.files.importer import RejectedRow

MOST_LINES = 10_000
"""Of refused lines that a report lists."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. `rows` = `new` + `repeated` + `refused`; `whole` says why none of it, or not all, could be read.

    `header` is the first line where it names other columns than the mapping; it may be one of values: it is for the report alone.
    `read_as` is the encoding, in words. `earlier` is the name and the time of a file with the same content.
    """

    name: str
    rows: int = 0
    new: int = 0
    repeated: int = 0
    refused: int = 0
    read_as: str = ""
    whole: str = ""
    header: tuple[str, ...] = ()
    earlier: tuple[str, datetime] | None = None

    @property
    def good(self) -> bool:
        """Nobody has to look at it."""
        return not self.whole and not self.refused

    def line(self) -> str:
        """For the log."""
        if self.whole and not self.rows:
            return f"{self.name}: not read. {self.whole}"
        lines = "1 line" if self.rows == 1 else f"{self.rows:,} lines"
        counted = f"{self.name}: {lines}, {self.new:,} new, {self.repeated:,} sent before, {self.refused:,} refused"
        return f"{counted}. {self.whole}" if self.whole else counted


def report(outcome: Outcome, refused: Iterable[RejectedRow], now: datetime) -> str:
    """The text of the report; `refused` in the order of the file."""
    said = [f"{outcome.name}", f"Read by Portrait on {now:%Y-%m-%d at %H:%M} UTC.", ""]
    if outcome.whole:
        so_far = "It was not read to its end" if outcome.rows else "Nothing of this file was counted"
        said += [f"{so_far}. {outcome.whole}", ""]
    if outcome.header:
        said += [f"Its first line, which must name the columns, is: {', '.join(outcome.header)}", ""]
    if outcome.earlier is not None:
        name, day = outcome.earlier
        said += [f"A file with exactly this content was read before: {name}, on {day:%Y-%m-%d at %H:%M} UTC.", ""]
    if outcome.rows or not outcome.whole:
        said += [
            f"Lines (without the header): {outcome.rows:,}",
            f"  counted now:              {outcome.new:,}",
            f"  counted before, the same: {outcome.repeated:,}",
            f"  refused:                  {outcome.refused:,}",
        ]
        if outcome.read_as:
            said.append(f"The letters were read as {outcome.read_as}.")
        said.append("")
    listed = _listed(refused)
    if listed:
        said += ["What was refused, by line of the file (the header is line 1):", "", *listed, ""]
        said += [_WHAT_TO_DO]
    return "\n".join(said).rstrip() + "\n"


def _listed(refused: Iterable[RejectedRow]) -> list[str]:
    said: list[str] = []
    left = changed = 0
    for row in refused:
        changed += row.code == CHANGED
        if len(said) < MOST_LINES:
            said.append(f"  line {row.line}: {_why(row)}")
        else:
            left += 1
    if left:
        said.append(f"  … and {left:,} more")
    if changed:
        said += ["", _WHAT_IS_CHANGED]
    return said


def _why(row: RejectedRow) -> str:
    place = f"column {row.column}" if row.column else row.path.removeprefix("$.")
    return f"{place}: {row.message}" if place and place != "$" else row.message


_WHAT_IS_CHANGED = (
    "A line that was sent before and now says something else is not counted: Portrait never changes what it has counted.\n"
    "To correct it, send what is different as a line with a number of its own: for a wrong amount a return (negative) of the\n"
    "wrong line and then the right one, as a till does it."
)
_WHAT_TO_DO = (
    "Mend these lines and put the whole file, or a file of these lines with the header, into the folder again. Lines that were\n"
    "counted are known again and not counted twice."
)
