"""What a worker counts, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("portrait_prepare_received_total", "Raw records read, by topic.", ["topic"])
PREPARED = Counter("portrait_prepare_valid_total", "Clean events sent on, by topic.", ["topic"])
REJECTED = Counter("portrait_prepare_rejected_total", "Raw records made dead letters, by reason.", ["reason"])
PROBLEMS = Counter("portrait_prepare_problems_total", "Stated facts left out of accepted events, by code.", ["code"])
STORED = Counter("portrait_events_stored_total", "Events stored.")
DUPLICATES = Counter("portrait_events_repeated_total", "Events not stored because they were stored already.")
RETRIES = Counter("portrait_store_retries_total", "Batches that had to be tried again.")
ANEW = Counter("portrait_batches_decided_anew_total", "Batches decided ahead in vain, by why: stale, failed.", ["why"])
SETTLED = Counter("portrait_identity_settled_total", "Identifiers whose customer was decided from all facts.")
SWEPT = Counter("portrait_segments_swept_total", "Customers evaluated because the rules of segments changed.")
FAILING = Gauge(
    "portrait_segment_failures", "How often a rule of segments failed since the start, by segment.", ["segment"]
)
BATCH = Histogram(
    "portrait_batch_events",
    "Events in one transaction.",
    buckets=(1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000),
)
LAG = Gauge("portrait_lag_events", "Records not yet applied, by topic and partition.", ["topic", "partition"])
