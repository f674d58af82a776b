"""What somebody answered: every question by all its names, and as the columns that a mapping reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

from producers.composed import composed

BETWEEN = ", "
"""Between the things that were chosen, where they are wanted as one text."""


class Answer(NamedTuple):
    """What was answered to one question, as JSON. `names` are its id, what else names it, and last what people read."""

    names: tuple[str, ...]
    value: Any


class Submission(NamedTuple):
    """`columns` → text, for a mapping; see `columns_of`. `ambiguous` are names that more than one question has: they,
    and what was chosen under them, are no columns."""

    columns: Columns
    answers: tuple[Answer, ...]
    ambiguous: frozenset[str]

    def doubts(self, column: str) -> bool:
        """Whether more than one question could be meant by `column`, as `plain` has it."""
        names = (column[: found.start()] for found in _PART.finditer(column))
        return column not in self.columns and (
            column in self.ambiguous or any(name in self.ambiguous for name in names)
        )


_PART = re.compile(r"[\[.]")
"""What begins the part of a column that says which thing, or member, of an answer it is."""


_LONGEST_NAME = 1_000
"""Characters. What has a longer path is one value, and no column: paths must not grow beyond what was sent."""

_MOST_COLUMNS = 20_000

_OFTEN = 200
"""Characters: names that come again and again are not longer."""


def plain(name: str) -> str:
    """A name as it is compared: people type the same title with other code points, and with spaces that nobody sees."""
    return _plain(name) if len(name) <= _OFTEN else _plain.__wrapped__(name)


@lru_cache(maxsize=10_000)
def _plain(name: str) -> str:
    return " ".join(composed(name).split())


class Columns(dict[str, str]):
    """Texts by name; names are compared by `plain`."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(plain(name), default)

    def without(self, name: str) -> Columns:
        """All but one."""
        return Columns((each, text) for each, text in self.items() if each != plain(name))


def submission(document: Mapping[str, Any], answers: Iterable[Answer]) -> Submission:
    """All of `document` by paths such as `form_response.hidden.utm_source`, and over these the answers by their names."""
    answered = tuple(answer for answer in answers if any(answer.names))
    names = Counter(name for answer in answered for name in {plain(name) for name in answer.names if name})
    ambiguous = frozenset(name for name, count in names.items() if count > 1)
    told = [(name, answer.value) for answer in answered for name in {*map(plain, filter(None, answer.names))}]
    columns = Columns(islice(columns_of(document, ""), _MOST_COLUMNS))
    for name, _ in _columns((name, value) for name, value in told if name in ambiguous):
        columns.pop(name, None)
    columns.update(_columns((name, value) for name, value in told if name not in ambiguous))
    return Submission(columns, answered, ambiguous)


def _columns(told: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    return islice(chain.from_iterable(columns_of(value, name) for name, value in told), _MOST_COLUMNS)


def columns_of(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """A value as columns: a text or number is one, members of an object are `name.member`, things in a list `name.0`.

    A list of plain values is one text as well; and each thing that was chosen is the column `name[thing]`, true.
    """
    if len(name) > _LONGEST_NAME:
        return
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from columns_of(inner, plain(f"{name}.{member}") if name else plain(member))
    elif isinstance(value, list):
        chosen = [text for text in map(text_of, value) if text is not None]
        if len(chosen) == len(value) and name:
            # A page may have the same field twice, for narrow and for wide windows, and one of the two stays empty.
            yield name, BETWEEN.join(text for text in chosen if text.strip())
            yield from ((_thing(name, text), "true") for text in chosen if len(text) <= _CHOSEN)
        for index, inner in enumerate(value):
            yield from columns_of(inner, f"{name}.{index}" if name else str(index))
    elif (text := text_of(value)) is not None:
        yield name, text
        if name and len(text) <= _CHOSEN:
            yield _thing(name, text), "true"


_CHOSEN = 200
"""Characters: what is longer was written, not chosen."""


def _thing(name: str, text: str) -> str:
    return plain(f"{name}[{text}]")


def text_of(value: Any) -> str | None:
    """A plain value as text; None for null, objects and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, str | int) else None


def leaves(value: Any, name: str = "") -> Iterator[Answer]:
    """Every field of a JSON document as a question of its own, named by its path."""
    if isinstance(value, dict) and len(name) <= _LONGEST_NAME:
        for member, inner in value.items():
            yield from leaves(inner, f"{name}.{member}" if name else member)
    elif (
        isinstance(value, list) and len(name) <= _LONGEST_NAME and any(isinstance(each, dict | list) for each in value)
    ):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{name}.{index}" if name else str(index))
    else:
        yield Answer((name,), value)


def unread(answered: Submission, read: frozenset[str]) -> dict[str, Any]:
    """The answers that a mapping does not read, by the name that people read. `read` are its columns, as `plain` has them.

    An answer is read when one of its names is, or every part of it: each thing that was chosen, each member.
    """
    kept: dict[str, Any] = {}
    again: Counter[str] = Counter()
    for answer in answered.answers:
        names = [plain(name) for name in answer.names if name]
        if answer.value in (None, "", [], {}) or any(_is_read(answer.value, name, read) for name in names):
            continue
        shown = names[-1][:_SHOWN]
        if names[-1] in answered.ambiguous:
            shown = f"{shown} ({names[0][:40]})"
        name = shown
        while name in kept:
            again[shown] += 1
            name = f"{shown} #{again[shown] + 1}"
        kept[name] = answer.value
    return kept


_SHOWN = 150
"""Characters of a title: events have names of 200."""


def _is_read(value: Any, name: str, read: frozenset[str]) -> bool:
    if name in read:
        return True
    if isinstance(value, dict):
        return bool(value) and all(_is_read(inner, plain(f"{name}.{member}"), read) for member, inner in value.items())
    if isinstance(value, list):
        chosen = [text_of(each) for each in value]
        if value and all(text is not None and _thing(name, text) in read for text in chosen):
            return True
        return bool(value) and all(_is_read(inner, f"{name}.{index}", read) for index, inner in enumerate(value))
    text = text_of(value)
    return text is not None and _thing(name, text) in read
