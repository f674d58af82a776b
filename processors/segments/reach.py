"""Whether a rule can ever apply, as far as its text shows: conditions of parts joined by `&&`, and comparisons with numbers.

What is not shown here may still be so: conditions are not solved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from processors.segments.tokens import ForTheLibrary, Tokens

_ALWAYS = frozenset(("true", "1 == 1"))
_COMPARISON = re.compile(r"""(\w+(?:\(\s*(?:"[^"]*"|'[^']*')\s*\))?)\s*(<=|<|>=|>|==)\s*(-?\d+(?:\.\d+)?)""")
_REMEMBERED = 10_000
"""Conditions and parts of them: each is compared with all that come after it."""
_ENDLESS = Decimal("Infinity")


class Range(NamedTuple):
    """The numbers from `low` to `high`; each end is one of them or not."""

    low: Decimal
    has_low: bool
    high: Decimal
    has_high: bool

    def within(self, other: Range) -> bool:
        """Whether each of these numbers is one of the others."""
        from_there = self.low > other.low or (self.low == other.low and (other.has_low or not self.has_low))
        to_there = self.high < other.high or (self.high == other.high and (other.has_high or not self.has_high))
        return from_there and to_there

    def meets(self, other: Range) -> bool:
        """Whether there is a number that is one of both."""
        low = max((self.low, not self.has_low), (other.low, not other.has_low))
        high = min((self.high, self.has_high), (other.high, other.has_high))
        return low[0] < high[0] or (low[0] == high[0] and not low[1] and high[1])


class Before:
    """The rules that come first in a family of which the first that applies is chosen: to be asked about each after them."""

    def __init__(self) -> None:
        self._always: str | None = None
        self._of_part: dict[str, str] = {}
        self._of_number: dict[tuple[str, Range], str] = {}
        self._upwards: dict[str, tuple[Range, str]] = {}
        self._downwards: dict[str, tuple[Range, str]] = {}
        self._joined: list[tuple[tuple[str, ...], str]] = []

    def add(self, segment: str, conditions: Iterable[str]) -> None:
        """One more rule, with its conditions, of which one is enough."""
        for condition in conditions:
            parts = parts_of(condition)
            if len(parts) > 1:
                self._joined.append((parts, segment))
                continue
            (part,) = parts
            self._of_part.setdefault(part, segment)
            if part in _ALWAYS:
                self._always = self._always or segment
            if found := _range(part):
                self._add_range(*found, segment)

    def _add_range(self, subject: str, asked: Range, segment: str) -> None:
        if asked.low == asked.high:
            self._of_number.setdefault((subject, asked), segment)
            return
        ends = self._upwards if asked.high == _ENDLESS else self._downwards
        if subject not in ends or ends[subject][0].within(asked):
            ends[subject] = asked, segment

    def why_never(self, conditions: Sequence[str]) -> str | None:
        """Why a rule of these conditions can never apply after those; None when that does not show."""
        for condition in conditions:
            if contradicts_itself(condition):
                return f"nobody is as {condition} asks"
        if self._always:
            return f"{self._always}, before it, always does"
        met = [self.meeting(each) for each in conditions]
        if not all(met):
            return None
        same = all(len(parts_of(each)) == 1 and parts_of(each)[0] in self._of_part for each in conditions) or all(
            any(parts_of(each) == parts for parts, _ in self._joined) for each in conditions
        )
        return f"{met[0]} has the same condition" if same else f"{met[0]}, before it, does whenever this would"

    def meeting(self, condition: str) -> str | None:
        """A segment that holds whenever the condition does, such as that of `orders > 1` where it is `orders > 5`."""
        parts = parts_of(condition)
        for part in parts:
            if segment := self._of_part.get(part):
                return segment
            if found := _range(part):
                subject, asked = found
                if segment := self._of_number.get(found):
                    return segment
                for ends in (self._upwards, self._downwards):
                    if subject in ends and asked.within(ends[subject][0]):
                        return ends[subject][1]
        for wanted, segment in self._joined:
            if all(any(_part_implies(part, each) for part in parts) for each in wanted):
                return segment
        return self._always


def contradicts_itself(condition: str) -> bool:
    """Whether it asks of one number to be here and there, such as `orders > 5 && orders < 3`."""
    ranges = [found for part in parts_of(condition) if (found := _range(part))]
    return any(
        name == other and not asked.meets(also)
        for at, (name, asked) in enumerate(ranges)
        for other, also in ranges[at + 1 :]
    )


def _part_implies(part: str, wanted: str) -> bool:
    if part == wanted or wanted in _ALWAYS:
        return True
    found, asked = _range(part), _range(wanted)
    return found is not None and asked is not None and found[0] == asked[0] and found[1].within(asked[1])


@lru_cache(_REMEMBERED)
def _range(part: str) -> tuple[str, Range] | None:
    """What a part compares, and the numbers that it may be."""
    found = _COMPARISON.fullmatch(part)
    if found is None:
        return None
    number, sign = Decimal(found[3]), found[2]
    low, high = (-_ENDLESS, number) if "<" in sign else (number, _ENDLESS) if ">" in sign else (number, number)
    asked = Range(low, "=" in sign and low == number, high, "=" in sign and high == number)
    return "".join(found[1].split()).replace("'", '"'), asked


@lru_cache(_REMEMBERED)
def parts_of(condition: str) -> tuple[str, ...]:
    """What `&&` joins, when nothing else joins; else the condition itself."""
    whole = (" ".join(condition.split()),)
    try:
        tokens = Tokens(condition)
    except ForTheLibrary:
        return whole
    parts, depth, begun = [], 0, 0
    while token := tokens.peek():
        if token in ("||", "?"):
            return whole
        depth += (token in ("(", "[")) - (token in (")", "]"))
        if depth == 0 and token == "&&":  # noqa: S105
            parts.append(tokens.text(begun, tokens.at))
            begun = tokens.at + 1
        tokens.take()
    return (*parts, tokens.text(begun, tokens.at))
