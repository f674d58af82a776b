"""The worked examples of docs/identity.md, read from its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, parse_identifier
from tests.stories import DAY, NOW, said

PAGE = Path(__file__).parents[1] / "docs/identity.md"
FIRST = NOW - 1_000 * DAY
"""The first day of every example."""


class Owned(NamedTuple):
    """A row of customers: its identifiers, of a recycled one with ` from day N`; the days of its events."""

    name: str
    identifiers: frozenset[str]
    days: tuple[int, ...]


class Row(NamedTuple):
    """A row that schema crm has: about one identifier, or a link of two."""

    view: str
    about: tuple[str, ...]
    says: str


class Command(NamedTuple):
    """`portrait identity VERB WHO...`."""

    verb: str
    who: tuple[str, ...]


Step = CleanEvent | Command | Sequence[Owned] | Sequence[Row]


class Example(NamedTuple):
    """A section: events, what is so then, commands, what is so then."""

    title: str
    steps: Sequence[Step]


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Each table as its heads and its rows of cells."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        heads, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        yield heads, rows


def examples() -> list[Example]:
    """The sections with a table of events."""
    sections = re.split(r"^#{2,3} ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return [_example(section) for section in sections if "\n| day |" in section]


def _example(section: str) -> Example:
    title, _, body = section.partition("\n")
    steps: list[Step] = []
    told: list[Command] = []
    for prose, table in re.findall(r"((?:^(?!\|).*\n)*)((?:^\|.*\n)+)", body, re.MULTILINE):
        told += [
            Command(verb, tuple(who.split()))
            for verb, who in re.findall(r"`portrait identity\s+(split|join|never|block|trust)\s+([^`]+)`", prose)
        ]
        ((heads, rows),) = tables(table)
        if heads[0] == "day":
            steps += [_event(int(day), named) for day, named in rows]
        elif heads[0] == "customer":
            steps += told
            told = []
            steps.append([Owned(n, frozenset(_spans(own)), tuple(map(int, days.split()))) for n, own, days in rows])
        else:
            assert heads == ["row in", "about", "says"], heads
            steps.append(
                [Row(_spans(view)[0], tuple(_spans(about)), says.replace("`", "")) for view, about, says in rows]
            )
    return Example(title, steps)


def _event(day: int, named: str) -> CleanEvent:
    stated: dict[str, str] = {}
    verified: list[str] = []
    for span in _spans(named):
        name, _, remark = span.partition(" ")
        identifier = parse_identifier(name)
        stated[identifier.kind] = identifier.value
        assert remark in ("", "verified"), remark
        verified += [identifier.kind] if remark else []
    return said(day, stated, FIRST + day * DAY, verified)


def _spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def day_of(milliseconds: int) -> int:
    """The day of an example that a time is in."""
    return (milliseconds - FIRST) // DAY


def owned(identifier: Identifier, since: int) -> str:
    """An identifier as the tables of customers write it."""
    return f"{identifier} from day {day_of(since)}" if since else str(identifier)
