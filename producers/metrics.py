"""What the collector counts. Names and labels are an interface: dashboards and alerts read them."""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from producers.admit import Admission

UNKNOWN_SOURCE = "-"
"""In place of the source's name while nobody has shown a valid key. Names come from the file of keys: they are few."""


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
            "Events that Kafka has acknowledged.",
            ["source"],
            registry=self.registry,
        )
        self._rejected = Counter(
            "portrait_collector_events_rejected",
            "Events refused, kept in events.rejected.",
            ["source", "reason"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "portrait_collector_request_seconds",
            "From the headers of POST /v1/events to its answer, which waits for Kafka.",
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

    def received(self, source: str, admission: Admission, size: int) -> None:
        self._received.labels(source).inc(len(admission.records) + len(admission.refusals))
        self._bytes.labels(source).inc(size)

    def acknowledged(self, source: str, admission: Admission) -> None:
        self._accepted.labels(source).inc(len(admission.records))
        for reason, count in Tally(refusal.rejected.reason.value for refusal in admission.refusals).items():
            self._rejected.labels(source, reason).inc(count)

    def answered(self, source: str, status: int, seconds: float) -> None:
        self._seconds.labels(source, str(status)).observe(seconds)

    def exposition(self, connected: bool) -> bytes:
        """All of it, in Prometheus' text format."""
        self._connected.set(connected)
        return generate_latest(self.registry)
