"""How far a target is, between two transactions that say so."""

from __future__ import annotations

from sinks.activation import metrics
from sinks.activation.message import Record
from sinks.activation.targets import Target
from sinks.postgres.targets import Failed, Targets


class Stopped(Exception):
    """It was asked to stop before this record was settled."""


class Progress:
    """Records that were taken, and what became of them, until `settle` writes that down."""

    def __init__(self, store: Targets, target: Target) -> None:
        self._store = store
        self._target = target
        self._moved: dict[int, int] = {}
        self._skipped: dict[str, int] = {}

    def take(self, record: Record, skipped: str | None = None) -> None:
        """Up to here, this record included; `skipped`: the target was not to be told of it, and why."""
        self._moved[record.partition] = record.offset + 1
        if skipped is not None:
            self._skipped[skipped] = self._skipped.get(skipped, 0) + 1

    def settle(self, *, delivered: int = 0, told: str | None = None, failed: Failed | None = None) -> None:
        """Write down how far it is, in one transaction with what was `delivered` or `failed`, and `told` (a change id to be
        remembered). Raises sinks.postgres.targets.Removed, sinks.store.Retryable.
        """
        if not self._moved and not delivered:
            return
        skipped = sum(self._skipped.values())
        self._store.advance(
            self._target.id, self._moved, delivered=delivered, skipped=skipped, told=told, failed=failed
        )
        self._moved = {}
        for why, number in self._skipped.items():
            metrics.SKIPPED.labels(self._target.name, why).inc(number)
        self._skipped = {}
        if delivered:
            metrics.DELIVERED.labels(self._target.name).inc(delivered)
            metrics.FAILING.labels(self._target.name).set(0)
        if failed is not None:
            metrics.UNDELIVERED.labels(self._target.name).inc()
