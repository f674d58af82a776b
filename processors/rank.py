"""Keep everybody ranked: what all customers' values come to is computed again and again, and who stands elsewhere by it is due.

Computing it reads everybody once, beside the stream, and takes a hundredth of the time at the most; evaluating is for those only
whose scores are others by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from processors import counters
from processors.apply import Rules
from processors.sweep import begin_sweep
from sinks.store import Store

LEAST_CUSTOMERS = 20
"""Of fewer buyers than this no fifths are made."""

_LEAST_PAUSE_MS, _PAUSES = 60_000, 100
MOST_DUE = 2_000
"""Customers that are let wait to be evaluated: those whose time comes meanwhile wait behind them."""


class Ranking:
    """What one worker does about it, beside the stream; and about everybody being evaluated by the rules that it has."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules
        self._begun = ""
        self._more = True
        self._told: dict[str, tuple[str, int]] | None = None

    def turn(self, now: int) -> None:
        """Learn the bounds in force, compute them when it is time, let those be due whom they rank elsewhere, some at a time, and
        tell operators which rules fail. `now` is Unix ms.

        Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
        """
        self._learn()  # who is yet to be evaluated is not yet to be ranked
        if measure_all(self._store, now):
            self._more = True
            self._learn()  # the first bounds of all are for everybody
        if self._more:
            self._more = call_up(self._store, now)
        self._tell_failures(now)

    def _learn(self) -> None:
        segments = self._rules.segments
        segments.bounds = self._store.bounds()
        digest = segments.digest
        if digest != self._begun:
            begin_sweep(self._store, digest)
            if not self._begun:
                with self._store.transaction() as tx:
                    tx.forget_failures()
            self._begun = digest

    def _tell_failures(self, now: int) -> None:
        failing = {segment: (why, times) for segment, (why, times) in list(self._rules.segments.failing.items())}
        if failing != self._told:
            if failing:
                with self._store.transaction() as tx:
                    tx.keep_failures(failing, now)
            counters.FAILING.clear()
            for segment, (_, times) in failing.items():
                counters.FAILING.labels(segment).set(times)
            self._told = failing


def measure_all(store: Store, now: int, timer: Callable[[], float] = time.monotonic) -> bool:
    """Compute the bounds, if it is time; whether it was.

    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        if not tx.begin_ranking(now):
            return False
        begun = timer()
        bounds = tx.measure(now)
        pause = max(_LEAST_PAUSE_MS, int(_PAUSES * 1000 * (timer() - begun)))
        if bounds is None or bounds.customers < LEAST_CUSTOMERS:
            bounds = tx.bounds()  # those there are stay: to be without again would be for everybody to be evaluated
        tx.keep_bounds(bounds, now + pause)
    return True


def call_up(store: Store, now: int, most: int = MOST_DUE) -> bool:
    """Let some of those be due whom the bounds in force rank elsewhere, `most` at a time; whether there may be others.

    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        bounds, room = tx.bounds(), most - tx.waiting(now, most)
        if bounds is None or room <= 0:
            return bounds is not None
        elsewhere = tx.ranked_elsewhere(bounds, now, room)
        if elsewhere:
            tx.bring_forward(dict.fromkeys(elsewhere, now))
        return len(elsewhere) == room
