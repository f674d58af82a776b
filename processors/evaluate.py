"""Evaluate customers of whom nothing new is known: because their time has come, or by other rules."""

from __future__ import annotations

from collections.abc import Collection

from processors.apply import Rules, changes_of
from schemas.portrait import Portrait
from sinks.store import Changes, Reading, Store


def refresh(store: Store, rules: Rules, now: int, limit: int = 500) -> int:
    """Evaluate the segments of customers whose time has come; return how many there were."""
    with store.transaction() as tx:
        rules.segments.bounds = tx.bounds()  # it may be new ones that customers are due by
        customers = tx.due(now, limit)
        if customers:
            portraits = tx.portraits(customers)
            backfill = {customer for customer, is_backfill in customers.items() if is_backfill}
            tx.save(store.pack(evaluation_of(tx, portraits, rules, now, backfill=backfill)))
    return len(customers)


def evaluation_of(
    reading: Reading, portraits: dict[str, Portrait], rules: Rules, now: int, *, backfill: Collection[str] = ()
) -> Changes:
    """What changes for customers who look like `portraits`, as before: by time alone, or by other rules. `backfill`: those of
    them of whom that is told as one."""
    return changes_of(reading, portraits, rules, now, backfill=backfill)._replace(evaluation=True)
