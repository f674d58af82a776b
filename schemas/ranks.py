"""Where a customer stands among all others: bounds that everybody is measured by, and one customer's scores.

Bounds are the least value that is enough, in ascending order, so that a score is one more than the bounds that were reached.
Money is minor units of the base currency, instants are Unix ms.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import msgspec

TOP_PERCENT = (100, 20, 10, 5, 1)
"""Shares of the customers, the narrower the better: a customer is told the narrowest that it is in."""


class Bounds(msgspec.Struct, frozen=True):
    """What all customers' values come to, at `computed_at`.

    recency, frequency, monetary: the last purchase, the orders and the revenue from which the score is 2, 3, 4 and 5, among those
    who have bought. top: the revenue of the last year from which a customer is among the first 20, 10, 5 and 1 percent, of those
    who have any; vital: from which it is of the smallest group that makes 80 percent of all. customers: how many had bought.
    """

    recency: tuple[int, ...]
    frequency: tuple[int, ...]
    monetary: tuple[int, ...]
    top: tuple[int, ...]
    vital: int | None
    customers: int
    computed_at: int


class Ranked(NamedTuple):
    """Where a customer stood when it was evaluated; None without a purchase, or before there were bounds.

    Scores are 1 to 5, five is best. top: one of TOP_PERCENT. vital: of the few who make 80 percent of the revenue.
    year_revenue: of the 365 days before.
    """

    year_revenue: int = 0
    recency: int | None = None
    frequency: int | None = None
    monetary: int | None = None
    top: int | None = None
    vital: bool | None = None


def rank(bounds: Bounds | None, *, last_order: int | None, orders: int, revenue: int, year_revenue: int) -> Ranked:
    """Measure one customer by the bounds."""
    if bounds is None or last_order is None or orders < 1:
        return Ranked(year_revenue)
    top, vital = None, None
    if year_revenue > 0 and bounds.vital is not None:
        top, vital = TOP_PERCENT[bisect_right(bounds.top, year_revenue)], year_revenue >= bounds.vital
    return Ranked(
        year_revenue,
        1 + bisect_right(bounds.recency, last_order),
        1 + bisect_right(bounds.frequency, orders),
        1 + bisect_right(bounds.monetary, revenue),
        top,
        vital,
    )
