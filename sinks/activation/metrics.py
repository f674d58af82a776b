"""What activation counts, by target, as Prometheus metrics."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import Counter, Gauge

DELIVERED = Counter("portrait_activation_delivered_total", "Changes that a target has taken.", ["target"])
RETRIED = Counter("portrait_activation_retried_total", "Tries that failed and are made again.", ["target"])
UNDELIVERED = Counter("portrait_activation_undelivered_total", "Changes that became dead letters.", ["target"])
SKIPPED = Counter(
    "portrait_activation_skipped_total", "Changes a target was not to be told, by why.", ["target", "why"]
)
FAILING = Gauge("portrait_activation_failing", "1 while a target does not take what it is told.", ["target"])
LAG = Gauge("portrait_activation_lag_changes", "Changes that a target has yet to be told.", ["target"])


def forget(gauge: Gauge, target: str) -> None:
    """Show a gauge of this target no more."""
    with suppress(KeyError):
        gauge.remove(target)
