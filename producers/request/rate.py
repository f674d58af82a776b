"""How many events a second each source may send: whoever sends more is told when to come again, and starves nobody."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic

from producers.keys import Source
from producers.request.problems import too_many_requests

_LONGEST_SECONDS = 300


class Rates:
    """A bucket for each source that has a limit. For one event loop.

    A bucket holds the events of one second. A request is let in while there is anything in it, and may take more than
    there is: how many events it brings is known only afterwards. The debt is waited for.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def check(self, source: Source) -> None:
        """Raises Problem 429 while the source is in debt."""
        if source.events_per_second is None:
            return
        left = self._left(source.name, source.events_per_second)
        if left < 0:
            raise too_many_requests(min(math.ceil(-left / source.events_per_second), _LONGEST_SECONDS))

    def spend(self, source: Source, events: int) -> None:
        """Take `events` out of the bucket of the source."""
        if source.events_per_second is not None:
            left = self._left(source.name, source.events_per_second)
            self._buckets[source.name] = (left - events, self._clock())

    def _left(self, name: str, rate: int) -> float:
        now = self._clock()
        left, since = self._buckets.get(name, (rate, now))
        return min(float(rate), left + (now - since) * rate)
