"""Whether a rule can ever apply, as far as its text shows: conditions of parts joined by `&&`, and comparisons with numbers.

What is not shown here may still be so: conditions are not solved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

_ALWAYS = frozenset(("true", "1 == 1"))
_COMPARISON = re.compile(r"""(\w+(?:\(\s*(?:"[^"]*"|'[^']*')\s*\))?)\s*(<=|<|>=|>|==)\s*(-?\d+(?:\.\d+)?)""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
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


def why_never(conditions: Sequence[str], before: Iterable[tuple[str, Sequence[str]]]) -> str | None:
    """Why a rule of these conditions, of which one is enough, can never apply; None when that does not show. `before` are the
    segments that come first, each with its conditions, where the first that applies is chosen."""
    for condition in conditions:
        if contradicts_itself(condition):
            return f"nobody is as {condition} asks"
    for segment, earlier in before:
        if any(each in _ALWAYS for each in earlier):
            return f"{segment}, before it, always does"
        if set(conditions) <= set(earlier):
            return f"{segment} has the same condition"
        if all(is_met_before(each, earlier) for each in conditions):
            return f"{segment}, before it, does whenever this would"
    return None


def contradicts_itself(condition: str) -> bool:
    """Whether it asks of one number to be here and there, such as `orders > 5 && orders < 3`."""
    ranges = [found for part in _parts(condition) if (found := _range(part))]
    return any(
        name == other and not asked.meets(also)
        for at, (name, asked) in enumerate(ranges)
        for other, also in ranges[at + 1 :]
    )


def is_met_before(condition: str, earlier: Sequence[str]) -> bool:
    """Whether, whenever the condition holds, one of the `earlier` ones does, such as `orders > 1` before `orders > 5`."""
    return any(_implies(condition, each) for each in earlier)


def _implies(condition: str, other: str) -> bool:
    parts = _parts(condition)
    return all(any(_part_implies(part, wanted) for part in parts) for wanted in _parts(other))


def _part_implies(part: str, wanted: str) -> bool:
    if part == wanted or wanted in _ALWAYS:
        return True
    found, asked = _range(part), _range(wanted)
    return found is not None and asked is not None and found[0] == asked[0] and found[1].within(asked[1])


def _range(part: str) -> tuple[str, Range] | None:
    """What a part compares, and the numbers that it may be."""
    found = _COMPARISON.fullmatch(part)
    if found is None:
        return None
    number, sign = Decimal(found[3]), found[2]
    low, high = (-_ENDLESS, number) if "<" in sign else (number, _ENDLESS) if ">" in sign else (number, number)
    asked = Range(low, "=" in sign and low == number, high, "=" in sign and high == number)
    return "".join(found[1].split()).replace("'", '"'), asked


def _parts(condition: str) -> list[str]:
    """What `&&` joins, when nothing else joins; else the condition itself."""
    bare = _QUOTED.sub(lambda found: " " * len(found[0]), condition)
    if "||" in bare or "?" in bare:
        return [_plain(condition)]
    parts, depth, begun = [], 0, 0
    for at, letter in enumerate(bare):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and bare.startswith("&&", at):
            parts.append(condition[begun:at])
            begun = at + 2
    return [_plain(part) for part in [*parts, condition[begun:]]]


def _plain(part: str) -> str:
    return " ".join(part.split())
