"""Evaluate everybody by new rules of segments, some at a time, beside the stream.

Nobody is written whom the new rules leave where they are. What changes is told as a backfill. Killed, it goes on where it was.
"""

from __future__ import annotations

from processors.apply import ATTEMPTS_TO_HOLD, Rules, changes_of
from sinks.store import Retryable, Store

CUSTOMERS_AT_A_TIME = 1_000


def begin_sweep(store: Store, digest: str) -> None:
    """Let everybody be evaluated by the rules of this digest, unless they are those that were begun with last. For a worker that
    starts with them: when two take turns, each would otherwise undo what the other did, for ever.

    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        tx.begin_sweep(digest)


def go_by(store: Store, digest: str) -> None:
    """Say that a worker decides by the rules of this digest: every few seconds, by the thread that writes what it decides. So
    another one can tell when nobody does any more, and see to whoever was decided by them.

    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        tx.go_by(digest)


def sweep(store: Store, rules: Rules, now: int, *, limit: int = CUSTOMERS_AT_A_TIME) -> int:
    """Evaluate the next customers whom these rules have not seen; return how many: 0 when none is left, or somebody else is at
    it. `now` is Unix ms.

    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    for _ in range(ATTEMPTS_TO_HOLD):
        with store.transaction() as tx:
            digest = rules.segments.digest
            place = tx.sweep(digest)
            if place is None:
                return 0
            listed = tx.customers_after(place, limit)
            moved: list[str] = []
            dues: dict[str, int] = {}
            for customer, names, due, ranked, portrait, computed in listed:
                found = rules.segments.evaluate(portrait, now, names, computed=computed)
                if found.names != names or found.ranked != ranked:
                    moved.append(customer)
                elif found.due is not None and (due is None or found.due < due):
                    dues[customer] = found.due
            if (moved or dues) and not tx.hold({}, [*moved, *dues], ()):  # all at once: in one order with everybody
                continue  # some became part of others meanwhile
            if moved:
                portraits = tx.portraits(moved)
                tx.save(store.pack(changes_of(tx, portraits, rules, now, backfill=moved, evaluation=True)))
            if dues:
                tx.bring_forward(dues)
            if len(listed) == limit:
                tx.swept(digest, listed[-1].customer)
            elif rules.segments.whole:
                tx.swept(digest, None)
            else:
                tx.forget_sweep(digest)
        return len(listed)
    raise Retryable(f"customers were merged by others {ATTEMPTS_TO_HOLD} times while they were being evaluated")
