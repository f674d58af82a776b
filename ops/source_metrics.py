"""What the store tells of each CloudEvents source, as Prometheus metrics: the collector cannot know it, it has no database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric

from ops.sources import Kept, in_the_store

_FRESH_SECONDS = 60.0
_MOST_SOURCES = 1_000
"""A sender without `allow` may name any source: what many of them name becomes one line."""
OTHERS = "(others)"


class SourceMetrics:
    """Asks the database at `url`, at most once a minute. For any thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._kept: dict[str, Kept] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format. Raises psycopg2.Error."""
        with self._lock:
            if time.monotonic() - self._asked > _FRESH_SECONDS:
                self._kept = in_the_store(self._url, stored=False)
                self._asked = time.monotonic()
            return generate_latest(self._registry)

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
        for number, (source, kept) in enumerate(self._kept.items()):
            name = source if number < _MOST_SOURCES else OTHERS
            duplicates[name] = duplicates.get(name, 0) + kept.duplicates
            for reason, count in kept.rejected.items():
                letters[name, reason] = letters.get((name, reason), 0) + count
        for name, count in duplicates.items():
            repeated.add_metric([name], count)
        for (name, reason), count in letters.items():
            rejected.add_metric([name, reason], count)
        yield from (repeated, rejected)
