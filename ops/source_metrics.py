"""What the store tells of each CloudEvents source, as Prometheus metrics: the collector cannot know it, it has no database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg2
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric

from ops.sources import Kept, in_the_store

_FRESH_SECONDS = 60.0
_AGAIN_SECONDS, _ASK_SECONDS = 5.0, 10.0
"""After it did not answer, it is left alone for so long; and a statement may take so long."""
_MOST_SOURCES = 1_000
"""A sender without `allow` may name any source: what many of them name becomes one line."""
OTHERS = "(others)"


class NotKnown(Exception):
    """The database has not answered yet, or not the last time."""


class SourceMetrics:
    """Asks the database at `url`, at most once a minute, and one at a time. For any thread, none of which waits for another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._ask_at = float("-inf")
        self._kept: dict[str, Kept] | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format. Raises NotKnown."""
        if self._lock.acquire(blocking=False):
            try:
                if time.monotonic() >= self._ask_at:
                    self._ask()
            finally:
                self._lock.release()
        if self._kept is None:
            raise NotKnown
        return generate_latest(self._registry)

    def _ask(self) -> None:
        try:
            self._kept, again = in_the_store(self._url, stored=False, seconds=_ASK_SECONDS), _FRESH_SECONDS
        except psycopg2.Error:
            self._kept, again = None, _AGAIN_SECONDS
        self._ask_at = time.monotonic() + again

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for it."""
        repeated = CounterMetricFamily(
            "portrait_source_events_duplicate", "Records that repeat a stored event.", labels=["source"]
        )
        rejected = CounterMetricFamily(
            "portrait_source_events_rejected",
            "Dead letters; source is empty where none could be read.",
            labels=["source", "reason"],
        )
        duplicates: dict[str, int] = {}
        letters: dict[tuple[str, str], int] = {}
        for number, (source, kept) in enumerate((self._kept or {}).items()):
            name = source if number < _MOST_SOURCES else OTHERS
            duplicates[name] = duplicates.get(name, 0) + kept.duplicates
            for reason, count in kept.rejected.items():
                letters[name, reason] = letters.get((name, reason), 0) + count
        for name, count in duplicates.items():
            repeated.add_metric([name], count)
        for (name, reason), count in letters.items():
            rejected.add_metric([name, reason], count)
        yield from (repeated, rejected)
