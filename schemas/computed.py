"""Computed traits: what batch jobs computed of one customer, from everybody's history."""

from __future__ import annotations

from typing import NamedTuple


class Computed(NamedTuple):
    """What was computed last; None where nothing was.

    adopter_group: one of Rogers' groups, by `portrait adopters`. Of the others, by `portrait predict`, as many digits are kept as
    mean something: p_alive hundredths, 0 to 1; purchases_90d and value_90d (minor units of the base currency) two digits that
    count. value_top_percent: of those of whom value is expected, one of the best 1, 5, 10, 20, 50 or 100 percent.
    """

    adopter_group: str | None = None
    p_alive: float | None = None
    purchases_90d: float | None = None
    value_90d: int | None = None
    value_top_percent: int | None = None


NOTHING = Computed()
"""Of whom nothing was computed."""
