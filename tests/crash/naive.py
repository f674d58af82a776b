"""Workers as one would write them at first. Each lacks one thing that the real one has, and must break a promise for it.

python -m tests.crash.naive VARIANT
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from processors import app, apply, transport, writer  # first: it says how Faust is to be imported

from faust.transport.drivers.aiokafka import Consumer  # isort: skip
from schemas.clean import CleanEvent
from sinks.postgres import transaction
from sinks.postgres.sql import statement
from sinks.store import Base, Partition, Reading, Span


def auto_commit() -> None:
    """Begin where Kafka's committed offset is, as consumers do, and not at the stored position."""

    async def seek_to_committed(self: transport.FetchConsumer) -> Any:
        self._begun.update(self.assignment())
        return await Consumer.seek_to_committed(self)

    transport.FetchConsumer.seek_to_committed = seek_to_committed  # type: ignore[method-assign]
    _without_comparing()


def counting() -> None:
    """`+=` for whatever arrives; events are kept, but not claimed. Needs a table of events without its key."""

    def claim(_: Reading, events: Sequence[CleanEvent]) -> tuple[list[CleanEvent], dict[str, str]]:
        return list(events), {}

    apply._claim = claim


def no_locks() -> None:
    """Read, decide, write, without holding what was read."""

    def unlocked(name: str) -> str:
        text = statement(name)
        if name not in ("lock_position", "hold_customers"):
            return text
        assert "for update" in text
        return text.replace("for update", "")

    transaction.statement = unlocked  # type: ignore[attr-defined]
    writer.Writer._decide = lambda *_: None  # type: ignore[method-assign]


def no_confirming() -> None:
    """Decide ahead, and write it, whatever others did meanwhile."""

    def confirm(self: transaction.PostgresTransaction, base: Base) -> dict[str, tuple[str, ...]]:
        self._assign(base.assigned)
        return {}

    transaction.PostgresTransaction.confirm = confirm  # type: ignore[method-assign]


def no_fence() -> None:
    """Neither locks nor claims nor positions keep a worker from writing what another one wrote."""
    no_locks()
    counting()
    _without_comparing()


def _without_comparing() -> None:
    def fresh(self: transaction.PostgresTransaction, partition: Partition, span: Span) -> int:
        self.execute("begin_position", topic=partition.topic, partition=partition.number, first=span.first)
        return span.first

    transaction.PostgresTransaction.fresh = fresh  # type: ignore[method-assign]


def stumbling() -> None:
    """Not naive, but broken: an error that nobody foresaw, at the event whose id is `e-77`."""
    real = app.prepare  # type: ignore[attr-defined]

    def prepare(payload: bytes | None, **more: Any) -> Any:
        if b'"e-77"' in (payload or b""):
            raise LookupError("nobody foresaw this")
        return real(payload, **more)

    app.prepare = prepare  # type: ignore[attr-defined]


VARIANTS: dict[str, Callable[[], None]] = {
    "auto_commit": auto_commit,
    "counting": counting,
    "no_locks": no_locks,
    "no_confirming": no_confirming,
    "no_fence": no_fence,
    "stumbling": stumbling,
}

if __name__ == "__main__":
    VARIANTS[sys.argv.pop(1)]()
    app.main()
