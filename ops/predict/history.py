"""What the models know of a customer: how often, how recently, for how long, and how much.

Days are those of the installation's time zone. What was bought on one day is one purchase, as in the papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.portrait import Portrait

WEEK = 7
"""Days. The models count in weeks, so that their parameters can be held against published ones."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Floats = NDArray[np.float64]


class History(NamedTuple):
    """One customer who bought.

    frequency: days with a purchase after the first one. recency, age: days from the first purchase to the last one, and to
    today. value: the mean of what was paid on those days, in minor units, less the share of all purchases that was paid back;
    0 when there are none, or all was paid back.
    """

    frequency: int
    recency: int
    age: int
    value: float


class Histories(NamedTuple):
    """Many of them, one column each: frequency, recency and age in weeks, value as above; weight: how many customers a row is."""

    frequency: Floats
    recency: Floats
    age: Floats
    value: Floats
    weight: Floats

    @classmethod
    def of(cls, histories: Sequence[History]) -> Histories:
        """One row a customer, in the same order."""
        columns = np.array(histories, dtype=np.float64).reshape(-1, len(History._fields))
        frequency, recency, age, value = columns.T
        return cls(frequency, recency / WEEK, age / WEEK, value, np.ones(len(columns)))

    def timing(self) -> Histories:
        """Who bought at the same times as one row, without values, sorted: less to compute, and sums that do not depend on the
        order in which customers were read."""
        rows, weight = np.unique(np.stack(self[:3]), axis=1, return_counts=True)
        frequency, recency, age = rows
        return Histories(frequency, recency, age, np.zeros(len(weight)), weight.astype(np.float64))

    def spending(self) -> Histories:
        """Those of which something was paid on a day after the first, sorted."""
        order = np.lexsort((self.age, self.recency, self.value, self.frequency))
        paid = order[(self.frequency[order] > 0) & (self.value[order] > 0)]
        return Histories(*(column[paid] for column in self))


def history(known: Portrait, zone: tzinfo, today: date) -> History | None:
    """The history of a customer as of `today`; None of one who bought nothing.

    First and last purchase are exact. Of who bought at more instants than a portrait keeps (400), the days of the newest ones are
    counted; the orders that were before these are taken to be as many a day as they are, and value is that of the newest ones.
    """
    if known.first_order is None or known.last_order is None:
        return None
    first, last = _day(known.first_order, zone), _day(known.last_order, zone)
    bought = [(time, _day(time, zone), amount) for time, amount in known.recent if amount >= 0]
    days = {day for _, day, _ in bought} | {last}
    frequency = len(days - {first})
    if not bought or known.first_order < bought[0][0]:
        orders = max(known.orders - len(bought) - 1, 0)
        free = min(days) - first - 1
        frequency += max(min(round(orders * len(days) / max(len(bought), 1)), free), 0)
    paid = sum(amount for _, _, amount in bought)
    paid_back = -sum(amount for _, amount in known.recent if amount < 0)
    repeats = sum(amount for _, day, amount in bought if day != first)
    counted = len({day for _, day, _ in bought} - {first})
    kept = max(1 - paid_back / paid, 0) if paid else 0
    return History(
        frequency=frequency,
        recency=last - first,
        age=max(today.toordinal(), last) - first,
        value=repeats / counted * kept if counted else 0.0,
    )


def _day(instant: int, zone: tzinfo) -> int:
    return (_EPOCH + timedelta(0, 0, 0, instant)).astimezone(zone).toordinal()
