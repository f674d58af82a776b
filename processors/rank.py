"""Keep everybody ranked: what all customers' values come to is computed again and again, and who stands elsewhere by it is due.

Computing it reads everybody once, beside the stream, and takes a hundredth of the time at the most; evaluating is for those only
whose scores are others by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from processors.apply import Rules
from processors.sweep import begin_sweep
from sinks.store import Store

LEAST_CUSTOMERS = 20
"""Of fewer buyers than this no fifths are made."""

_LEAST_PAUSE_MS, _PAUSES = 10_000, 100
_MOST_DUE, _AT_A_TIME = 20_000, 1_000
"""Customers that are let wait to be evaluated, and those that are held at a time."""


class Ranking:
    """What one worker does about it, beside the stream; and about everybody being evaluated by the rules that it has."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules
        self._begun = ""
        self._told: dict[str, tuple[str, int]] = {}

    def turn(self, now: int) -> None:
        """Learn the bounds in force, compute them when it is time, and tell operators which rules fail. `now` is Unix ms.

        Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
        """
        segments = self._rules.segments
        segments.bounds = self._store.bounds()
        if segments.digest != self._begun:
            begin_sweep(self._store, self._rules)
            if not self._begun:
                with self._store.transaction() as tx:
                    tx.forget_failures()
            self._begun = segments.digest
        self._tell_failures(now)
        rank_all(self._store, now)

    def _tell_failures(self, now: int) -> None:
        failing = {segment: (why, times) for segment, (why, times) in list(self._rules.segments.failing.items())}
        if failing != self._told:
            with self._store.transaction() as tx:
                tx.keep_failures(failing, now)
            self._told = failing


def rank_all(store: Store, now: int, timer: Callable[[], float] = time.monotonic) -> int:
    """Compute the bounds, if it is time, and let those be due whom they rank elsewhere; return how many.

    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        if not tx.begin_ranking(now):
            return 0
        begun = timer()
        bounds = tx.measure(now)
        pause = max(_LEAST_PAUSE_MS, int(_PAUSES * 1000 * (timer() - begun)))
        if bounds is not None and bounds.customers < LEAST_CUSTOMERS:
            bounds = None
        tx.keep_bounds(bounds, now + pause)
        elsewhere = [] if bounds is None else tx.ranked_elsewhere(bounds, now, _MOST_DUE)
    for at in range(0, len(elsewhere), _AT_A_TIME):
        with store.transaction() as tx:
            tx.bring_forward(dict.fromkeys(elsewhere[at : at + _AT_A_TIME], now))
    return len(elsewhere)
