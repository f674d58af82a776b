"""Workers as one would write them at first. Each lacks one thing that the real one has, and must break a promise for it.

python -m tests.crash.naive VARIANT
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from processors import app, transport  # first: it says how Faust is to be imported

from faust.transport.drivers.aiokafka import Consumer  # isort: skip
from schemas.clean import CleanEvent
from sinks.postgres import store
from sinks.postgres.sql import statement
from sinks.store import Partition, Span


def auto_commit() -> None:
    """Begin where Kafka's committed offset is, as consumers do, and not at the stored position."""
    transport.FetchConsumer.seek_to_committed = Consumer.seek_to_committed  # type: ignore[method-assign]
    _without_comparing()


def counting() -> None:
    """`+=` for whatever arrives; events are kept, but not claimed. Needs a table of events without its key."""

    def claim(_: store.PostgresTransaction, events: Sequence[CleanEvent]) -> list[CleanEvent]:
        return list(events)

    store.PostgresTransaction.claim = claim  # type: ignore[method-assign, assignment]


def no_locks() -> None:
    """Read, decide, write, without holding what was read."""
    for name in ("lock_position", "hold_customers"):
        text = statement(name)
        assert "for update" in text
        store._statements[name] = text.replace("for update", "")


def no_fence() -> None:
    """Neither locks nor claims nor positions keep a worker from writing what another one wrote."""
    no_locks()
    counting()
    _without_comparing()


def _without_comparing() -> None:
    def fresh(self: store.PostgresTransaction, partition: Partition, span: Span) -> int:
        self.execute("begin_position", topic=partition.topic, partition=partition.number, first=span.first)
        return span.first

    store.PostgresTransaction.fresh = fresh  # type: ignore[method-assign]


VARIANTS: dict[str, Callable[[], None]] = {
    "auto_commit": auto_commit,
    "counting": counting,
    "no_locks": no_locks,
    "no_fence": no_fence,
}

if __name__ == "__main__":
    VARIANTS[sys.argv.pop(1)]()
    app.main()
