"""Evaluate customers of whom nothing new is known, because their time has come. By other rules: `processors.sweep`."""

from __future__ import annotations

from processors.apply import Rules, changes_of
from sinks.store import Store


def refresh(store: Store, rules: Rules, now: int, limit: int = 500) -> int:
    """Evaluate the segments of customers whose time has come; return how many there were."""
    with store.transaction() as tx:
        rules.segments.bounds = tx.bounds()  # it may be new ones that customers are due by
        customers = tx.due(now, limit)
        if customers:
            portraits = tx.portraits(customers)
            backfill = {customer for customer, is_backfill in customers.items() if is_backfill}
            tx.save(store.pack(changes_of(tx, portraits, rules, now, backfill=backfill, evaluation=True)))
    return len(customers)
