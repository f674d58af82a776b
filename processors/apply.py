"""The heart of the stream: one batch of clean events becomes one transaction of the profile store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from processors.identify import Identity, identify
from processors.portray import fold, is_new_order, merge, summarise
from processors.segment import RuleSet, moves, segment
from schemas.clean import CleanEvent
from schemas.ids import new_customer_id
from schemas.portrait import Move, Portrait, Segments, Summary
from schemas.rejected import DeadLetter
from sinks.crash import crash_point
from sinks.store import Changes, Partition, Position, Retryable, Span, Store, Transaction

ATTEMPTS_TO_HOLD = 20


class Slice(NamedTuple):
    """What one fetch brought from one partition: events and unreadable records, each with its offset, ascending."""

    partition: Partition
    span: Span
    events: Sequence[tuple[int, CleanEvent]]
    letters: Sequence[tuple[int, DeadLetter]] = ()


class Judgement(NamedTuple):
    """What the stages need to know besides the events: the rules, the money, the time."""

    base_currency: str
    lifecycle: RuleSet


class Applied(NamedTuple):
    """What became of a batch: numbers of events."""

    stored: int
    duplicates: int
    skipped: int


def apply(
    store: Store,
    batch: Iterable[Slice],
    judgement: Judgement,
    now: int,
    new_id: Callable[[], str] = new_customer_id,
) -> Applied:
    """Apply `batch` once, whatever was applied before. `now` is Unix ms.

    Raises sinks.store.Retryable (call again with the same batch) and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        events, letters, spans = _unapplied(tx, batch)
        skipped = sum(span.end - span.first for span in spans.values()) - len(events) - len(letters)
        claimed = tx.claim(events)
        if claimed:
            identity = _settle(tx, claimed, new_id)
            tx.save(_decide(tx, claimed, identity, judgement, now))
        if letters:
            tx.keep_letters(letters)
        crash_point("inserted")
        tx.advance(Position(spans))
        crash_point("before_commit")
    crash_point("after_commit")
    return Applied(len(claimed), len(events) - len(claimed), skipped)


def refresh(store: Store, judgement: Judgement, now: int, limit: int = 500) -> int:
    """Evaluate the segments of customers whose time has come; return how many there were."""
    with store.transaction() as tx:
        customers = tx.due(now, limit)
        if customers:
            portraits = tx.portraits(customers)
            tx.save(_changes(tx, (), portraits, _nobody, judgement, now))
    return len(customers)


def _unapplied(
    tx: Transaction, batch: Iterable[Slice]
) -> tuple[list[CleanEvent], list[DeadLetter], dict[Partition, Span]]:
    runs: dict[Partition, list[Slice]] = {}
    for part in sorted(batch, key=lambda part: (part.partition, part.span)):
        run = runs.setdefault(part.partition, [])
        if run and run[-1].span.end != part.span.first:
            raise ValueError(f"{part.partition}: {run[-1].span} and {part.span} are not one run of offsets")
        run.append(part)
    events: list[CleanEvent] = []
    letters: list[DeadLetter] = []
    spans: dict[Partition, Span] = {}
    for partition, run in runs.items():  # in sorted order: the positions' rows are locked in it
        span = spans[partition] = Span(run[0].span.first, run[-1].span.end)
        first = tx.fresh(partition, span)
        for part in run:
            events.extend(event for offset, event in part.events if offset >= first)
            letters.extend(letter for offset, letter in part.letters if offset >= first)
    return events, letters, spans


def _settle(tx: Transaction, events: Sequence[CleanEvent], new_id: Callable[[], str]) -> Identity:
    """Find out who the events are about, and hold these customers. Others may do the same at the same time."""
    identifiers = {identifier for event in events for identifier in event.identifiers}
    created: set[str] = set()
    for _ in range(ATTEMPTS_TO_HOLD):
        identity = identify(tx.customers_of(identifiers), events, new_id)
        created |= identity.created
        touched = {*identity.customers.values(), *identity.merged, *identity.merged.values()}
        if tx.hold(identity.assigned, touched, created):
            return identity
    raise Retryable(f"customers were merged by others {ATTEMPTS_TO_HOLD} times while this batch was being identified")


def _decide(
    tx: Transaction, claimed: Sequence[CleanEvent], identity: Identity, judgement: Judgement, now: int
) -> Changes:
    customers = identity.customers
    portraits = tx.portraits({*customers.values(), *identity.merged, *identity.merged.values()})
    if identity.merged:
        shared = tx.shared_orders(identity.merged)
        for ended in sorted(identity.merged):
            survivor, other = identity.merged[ended], portraits.pop(ended, None)
            if other is not None:
                merge(portraits.setdefault(survivor, Portrait()), other, shared_orders=shared.pop(survivor, 0))
    orders: dict[str, set[str]] = {}
    for event in claimed:
        if event.purchase is not None and event.purchase.order_id is not None and event.identifiers:
            orders.setdefault(customers[event.key], set()).add(event.purchase.order_id)
    counted = tx.orders_counted(_with_ended(orders, identity.merged)) if orders else set()
    counted = {(identity.merged.get(customer, customer), order) for customer, order in counted}
    for event in claimed:
        if not event.identifiers:
            continue
        customer = customers[event.key]
        portrait = portraits.get(customer)
        if portrait is None:
            portrait = portraits[customer] = Portrait()
        fold(portrait, event, new_order=is_new_order(event, customer, counted))
    return _changes(tx, claimed, portraits, identity, judgement, now)


def _with_ended(orders: Mapping[str, set[str]], merged: Mapping[str, str]) -> dict[str, set[str]]:
    """Ask for the orders of a survivor under the names of the customers that end in it, too."""
    asked = dict(orders)
    for ended, survivor in merged.items():
        if survivor in orders:
            asked[ended] = orders[survivor]
    return asked


_nobody = Identity(customers={}, assigned={}, created=frozenset(), merged={}, links=())


def _changes(
    tx: Transaction,
    claimed: Sequence[CleanEvent],
    portraits: dict[str, Portrait],
    identity: Identity,
    judgement: Judgement,
    now: int,
) -> Changes:
    summaries: dict[str, Summary] = {}
    segments: dict[str, Segments] = {}
    moved: list[Move] = []
    before = tx.segments(portraits)
    rules = judgement.lifecycle
    for customer, portrait in portraits.items():
        summaries[customer] = summarise(portrait, judgement.base_currency)
        segments[customer] = after = segment(portrait, rules, now)
        if after.names != before.get(customer, ()):
            moved.extend(moves(customer, before.get(customer, ()), after, portrait, rules, now))
    return Changes(
        events=[(event, identity.customers.get(event.key)) for event in claimed],
        portraits=portraits,
        summaries=summaries,
        segments=segments,
        moves=moved,
        merged=identity.merged,
        links=identity.links,
        now=now,
    )
