"""Let what jobs computed of customers stand with them, and let those be evaluated of whom something else is said than before.

Some thousand customers at a time, each time in a transaction of its own: killed, the next run goes on. Workers do the evaluating.
As long as they do, no more are let wait than they look at soon: those whose time comes meanwhile wait behind them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from ops.sql import rows, writing
from processors.rank import MOST_DUE
from sinks.postgres.rows import timestamp

AT_A_TIME = 2_000
"""Customers who are looked at in one transaction."""

PATIENCE_SECONDS = 10.0
"""When none of those who are due was evaluated for so long, there is nobody to wait for."""

_LOOK_AGAIN_SECONDS = 0.5
_FIRST = "00000000-0000-0000-0000-000000000000"

Progress = Callable[[int, int | None], None]


class Handed(NamedTuple):
    """changed: customers of whom something else is said than before. waiting: of these, and of others whose time had come, how
    many are yet to be evaluated."""

    changed: int
    waiting: int


def hand_over(
    url: str, now: int, told: Progress, *, most: int = AT_A_TIME, patience_seconds: float = PATIENCE_SECONDS
) -> Handed:
    """Hand over what was computed last, of everybody, `most` at a time; `now` is Unix ms. `told`: customers looked at, and all.

    Raises psycopg2.Error; what was handed over by then stays.
    """
    with writing(url) as at:
        ((total,),) = rows(at, "customers_counted")
    after, done, changed = _FIRST, 0, 0
    workers = _Workers(url, now, patience_seconds)
    while True:
        with writing(url) as at:
            rows(at, "alone_handing_over")
            ((last, looked, due),) = rows(at, "hand_over", after=after, limit=most, now=timestamp(now))
        done, changed = done + looked, changed + due
        told(done, max(total, done))
        if looked < most:
            return Handed(changed, workers.waiting())
        after = last
        if due:
            workers.catch_up(due)


class _Workers:
    """Those who evaluate whoever is due, as far as one sees them do it."""

    def __init__(self, url: str, now: int, patience_seconds: float) -> None:
        self._url = url
        self._now = now
        self._patience = patience_seconds
        self._gone = False
        self._left = 0

    def waiting(self) -> int:
        """How many customers are due."""
        with writing(self._url) as at:
            ((waiting,),) = rows(at, "customers_due", now=timestamp(self._now))
        return int(waiting)

    def catch_up(self, added: int) -> None:
        """Wait until few enough are due, `added` of them since the last time, unless there is no worker."""
        before, seen_at = self.waiting(), time.monotonic()
        self._gone = self._gone and before >= self._left + added
        while not self._gone and before > MOST_DUE:
            time.sleep(_LOOK_AGAIN_SECONDS)
            waiting = self.waiting()
            if waiting < before:
                before, seen_at = waiting, time.monotonic()
            elif time.monotonic() - seen_at > self._patience:
                self._gone = True
        self._left = before
