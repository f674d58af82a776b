"""What the collector counts. Names and labels are an interface: dashboards and alerts read them."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from producers.intake.punctuality import Punctuality
from producers.spool.state import SpoolState

if TYPE_CHECKING:  # who only asks for the numbers needs no model of any event
    from producers.admit import Admission

UNKNOWN_SOURCE = "-"
"""In place of the source's name while nobody has shown a valid key. Names come from the file of keys: they are few."""

_SPOOL = {
    "records": "Records that wait in the spool for Kafka.",
    "size_bytes": "Bytes of the segments of the spool on the disk.",
    "limit_bytes": "How many bytes the directory of the spool may take; 0 without one.",
    "oldest_seconds": "How long ago the oldest record in the spool was received; 0 when it is empty.",
    "aside_files": "Files of what was damaged, or refused by Kafka for good, for a person to look at.",
    "aside_bytes": "Their size.",
}
"""What is known of the spool at a time: fields of `SpoolState`."""


class _Counters(NamedTuple):
    """Those of one source. `clocks`: in the order of `Punctuality`."""

    received: Counter
    size: Counter
    clocks: tuple[Counter, ...]
    accepted: Counter


class CollectorMetrics:
    """The counters, in a registry of their own. `received` = `accepted` + `rejected` + those that were answered 503."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = Counter(
            "portrait_collector_events_received",
            "Events in requests that could be read.",
            ["source"],
            registry=self.registry,
        )
        self._accepted = Counter(
            "portrait_collector_events_accepted",
            "Events that Kafka has acknowledged, or that are in the spool.",
            ["source"],
            registry=self.registry,
        )
        self._rejected = Counter(
            "portrait_collector_events_rejected",
            "Events refused, kept in events.rejected.",
            ["source", "reason"],
            registry=self.registry,
        )
        self._late = Counter(
            "portrait_collector_events_late",
            "Readable events that happened more than an hour before they came.",
            ["source"],
            registry=self.registry,
        )
        self._ahead = Counter(
            "portrait_collector_events_ahead",
            "Readable events that say they happened more than 5 seconds after they came: a clock is wrong.",
            ["source"],
            registry=self.registry,
        )
        self._skewed = Counter(
            "portrait_collector_events_skewed",
            "Calls of the Segment API sent, as they say, over 5 seconds after they came or a minute before: a clock is wrong.",
            ["source"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "portrait_collector_request_seconds",
            "From the headers of POST /v1/events to its answer, which waits for Kafka or the spool.",
            ["source", "status"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30),
            registry=self.registry,
        )
        self._bytes = Counter(
            "portrait_collector_bytes_received", "Bytes of bodies, inflated.", ["source"], registry=self.registry
        )
        self._connected = Gauge(
            "portrait_collector_kafka_connected", "1 while there is a connection to Kafka.", registry=self.registry
        )

        self._left_out = Counter(
            "portrait_collector_left_out",
            "What webhooks told that no customer did, by the platform's word for it: it is not kept.",
            ["source", "what"],
            registry=self.registry,
        )
        self._spooled = Counter(
            "portrait_collector_spooled_records",
            "Records that Kafka did not take in time and the spool has kept.",
            ["source"],
            registry=self.registry,
        )
        self._drained = Counter(
            "portrait_collector_drained_records",
            "Records of the spool that Kafka has acknowledged since.",
            registry=self.registry,
        )
        self._spool = {
            name: Gauge(f"portrait_collector_spool_{name}", told, registry=self.registry)
            for name, told in _SPOOL.items()
        }

        self._counters: dict[str, _Counters] = {}
        self._answers: dict[tuple[str, int], Histogram] = {}

    def received(self, source: str, admission: Admission, size: int, clocks: Punctuality) -> None:
        counters = self._of(source)
        counters.received.inc(len(admission.records) + len(admission.refusals))
        counters.size.inc(size)
        for counter, count in zip(counters.clocks, clocks, strict=True):
            if count:
                counter.inc(count)

    def acknowledged(self, source: str, admission: Admission) -> None:
        self._of(source).accepted.inc(len(admission.records))
        for reason, count in Tally(refusal.rejected.reason.value for refusal in admission.refusals).items():
            self._rejected.labels(source, reason).inc(count)

    def left_out(self, source: str, counts: Mapping[str, int]) -> None:
        for what, count in counts.items():
            self._left_out.labels(source, what).inc(count)

    def spooled(self, source: str, records: int) -> None:
        self._spooled.labels(source).inc(records)

    def drained(self, records: int) -> None:
        self._drained.inc(records)

    def answered(self, source: str, status: int, seconds: float) -> None:
        histogram = self._answers.get((source, status))
        if histogram is None:
            histogram = self._answers[source, status] = self._seconds.labels(source, str(status))
        histogram.observe(seconds)

    def _of(self, source: str) -> _Counters:
        """What every request of a source counts, looked up once."""
        counters = self._counters.get(source)
        if counters is None:
            clocks = tuple(each.labels(source) for each in (self._late, self._ahead, self._skewed))
            counters = self._counters[source] = _Counters(
                self._received.labels(source), self._bytes.labels(source), clocks, self._accepted.labels(source)
            )
        return counters

    def exposition(self, connected: bool, spool: SpoolState | None) -> bytes:
        """All of it, in Prometheus' text format. Without a spool, what tells of it stays 0."""
        self._connected.set(connected)
        if spool is not None:
            for name, gauge in self._spool.items():
                gauge.set(getattr(spool, name))
        return generate_latest(self.registry)
