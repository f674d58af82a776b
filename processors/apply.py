"""The heart of the stream: one batch of clean events becomes one transaction of the profile store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from processors.identify import Asked, Identity, identify
from processors.identity_rules import IdentityRules
from processors.portray import fold, is_new_order, merge, summarise
from processors.segment import moves
from processors.segments.catalogue import Catalogue
from schemas.clean import CleanEvent
from schemas.computed import NOTHING, Computed
from schemas.identifiers import Identifier, node_of
from schemas.ids import new_customer_id
from schemas.portrait import Move, Portrait, Segments, Summary
from schemas.rejected import DeadLetter
from sinks.crash import crash_point
from sinks.store import Base, Changes, Held, Partition, Position, Reading, Retryable, Span, Store, Transaction

ATTEMPTS_TO_HOLD = 20
HISTORY_MS = 24 * 60 * 60 * 1000
"""What happened longer ago than this is history: it is told as a backfill."""

NOBODY = Identity(customers={}, nodes={}, assigned={}, created={}, merged={}, links=(), unsettled=frozenset())


class Slice(NamedTuple):
    """What one fetch brought from one partition: events and unreadable records, each with its offset, ascending."""

    partition: Partition
    span: Span
    events: Sequence[tuple[int, CleanEvent]]
    letters: Sequence[tuple[int, DeadLetter]] = ()


class Rules(NamedTuple):
    """What the stages need to know besides the events: the base currency, the segments, and the rules of identity."""

    base_currency: str
    segments: Catalogue
    identity: IdentityRules


class Applied(NamedTuple):
    """What became of a batch: numbers of events."""

    stored: int
    duplicates: int
    skipped: int


class Decision(NamedTuple):
    """What is to become of a batch.

    duplicates: origin of a record → key of the stored event that it repeats. orders: (customer, order id) counted in this batch,
    or asked for and known before. lately: the customers of whom something is told that is no history.
    """

    changes: Changes | None
    identity: Identity
    orders: Collection[tuple[str, str]]
    duplicates: Mapping[str, str]
    letters: Sequence[DeadLetter]
    position: Position
    applied: Applied
    lately: Collection[str]

    def without_changes(self) -> Decision:
        """What is needed besides the changes, once these are packed: it takes little memory."""
        return self._replace(changes=None, identity=NOBODY, orders=())


class Stale(Exception):
    """What a decision took for granted is no longer so: somebody else was there first. Decide anew."""


def apply(
    store: Store,
    batch: Iterable[Slice],
    rules: Rules,
    now: int,
    new_id: Callable[[], str] = new_customer_id,
) -> Applied:
    """Apply `batch` once, whatever was applied before: hold what it is about, decide, write. `now` is Unix ms.

    Raises sinks.store.Retryable (call again with the same batch), sinks.store.Refused and sinks.store.Fatal.
    """
    with store.transaction() as tx:
        decision = decide(tx, batch, rules, now, new_id)
        _write(tx, decision, None if decision.changes is None else store.pack(decision.changes))
    crash_point("after_commit")
    return decision.applied


def write(store: Store, decision: Decision, packed: Any, base: Base, rules: Rules, now: int) -> None:
    """Write a decision that was made ahead, if all it took for granted (`base`) still holds. `packed`: store.pack(its changes).

    Who was evaluated meanwhile, and nothing else, is evaluated once more, at `now` (Unix ms): from where that left it.
    Raises Stale, and what `apply` raises; then nothing was written.
    """
    with store.transaction() as tx:
        evaluated = tx.confirm(base)
        if evaluated is None:
            raise Stale
        crash_point("confirmed")
        _write(tx, decision, packed, evaluated)
        if evaluated:
            saved = tx.saved(evaluated)
            portraits = {customer: held.portrait for customer, held in saved.items()}
            old = portraits.keys() - decision.lately
            changes = changes_of(Before(evaluated, saved), portraits, rules, now, backfill=old, evaluation=True)
            tx.save(store.pack(changes))
    crash_point("after_commit")


class Before(NamedTuple):
    """Customers whose segments were `names` when they became as they are `held` now. See `sinks.store.Reading`."""

    names: Mapping[str, tuple[str, ...]]
    held: Mapping[str, Held]

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        return {customer: self.names[customer] for customer in customers}

    def computed(self, customers: Collection[str]) -> dict[str, Computed]:
        return {customer: self.held[customer].computed for customer in customers}


def _write(tx: Transaction, decision: Decision, packed: Any, unmoved: Collection[str] = ()) -> None:
    if decision.duplicates:
        tx.keep_duplicates(decision.duplicates)
    if packed is not None:
        tx.save(packed, unmoved)
    if decision.letters:
        tx.keep_letters(decision.letters)
    crash_point("inserted")
    tx.advance(decision.position)
    crash_point("before_commit")


def decide(
    reading: Reading,
    batch: Iterable[Slice],
    rules: Rules,
    now: int,
    new_id: Callable[[], str] = new_customer_id,
) -> Decision:
    """Decide what becomes of `batch`, by what `reading` says is stored. `now` is Unix ms."""
    events, letters, spans = _unapplied(reading, batch)
    skipped = sum(span.end - span.first for span in spans.values()) - len(events) - len(letters)
    claimed, duplicates = _claim(reading, events)
    changes, identity, orders, lately = None, NOBODY, set[tuple[str, str]](), set[str]()
    if claimed:
        identity = _identify(reading, claimed, rules.identity, new_id)
        portraits, orders = _portray(reading, claimed, identity)
        lately = {identity.customers.get(event.key, "") for event in claimed if event.time >= now - HISTORY_MS}
        old = portraits.keys() - lately
        changes = changes_of(reading, portraits, rules, now, claimed=claimed, identity=identity, backfill=old)
    applied = Applied(len(claimed), len(events) - len(claimed), skipped)
    return Decision(changes, identity, orders, duplicates, letters, Position(spans), applied, lately)


def _unapplied(
    reading: Reading, batch: Iterable[Slice]
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
        first = reading.fresh(partition, span)
        for part in run:
            events.extend(event for offset, event in part.events if offset >= first)
            letters.extend(letter for offset, letter in part.letters if offset >= first)
    return events, letters, spans


def _claim(reading: Reading, events: Sequence[CleanEvent]) -> tuple[list[CleanEvent], dict[str, str]]:
    """Those of `events` that are not stored yet, each once, in their order; and the others as duplicates (origin → key), unless
    they are the stored record itself, delivered again."""
    stored = reading.stored([event.key for event in events]) if events else {}
    claimed: dict[str, CleanEvent] = {}
    duplicates: dict[str, str] = {}
    for event in events:
        first = claimed.get(event.key)
        origin = stored.get(event.key) if first is None else first.origin
        if origin is None:
            claimed[event.key] = event
        elif origin != event.origin:
            duplicates[event.origin] = event.key
    return list(claimed.values()), duplicates


def _identify(
    reading: Reading, events: Sequence[CleanEvent], rules: IdentityRules, new_id: Callable[[], str]
) -> Identity:
    """Find out who the events are about, and hold these customers. Others may do the same at the same time."""
    identifiers = {identifier for event in events for identifier in event.identifiers}
    for _ in range(ATTEMPTS_TO_HOLD):
        known, kin = reading.customers_of(identifiers), dict[str, Collection[Identifier]]()

        def asked_kin(customers: Collection[str]) -> Mapping[str, Collection[Identifier]]:
            kin.update(reading.kin(customers))  # noqa: B023
            return kin  # noqa: B023

        identity = identify(known, events, rules, Asked(asked_kin, reading.recorded), new_id)
        touched = {*identity.customers.values(), *identity.merged, *identity.merged.values()}
        if reading.hold(identity.assigned, touched, identity.created) and reading.stands(known, kin):
            return identity
    raise Retryable(f"customers were merged by others {ATTEMPTS_TO_HOLD} times while this batch was being identified")


def _portray(
    reading: Reading, claimed: Sequence[CleanEvent], identity: Identity
) -> tuple[dict[str, Portrait], set[tuple[str, str]]]:
    customers = identity.customers
    portraits = reading.portraits({*customers.values(), *identity.merged, *identity.merged.values()})
    had: dict[str, set[str]] = {}
    if identity.merged:
        had = reading.orders_of({*identity.merged, *identity.merged.values()})
        for ended in sorted(identity.merged):
            survivor, other = identity.merged[ended], portraits.pop(ended, None)
            if other is not None:
                mine, theirs = had.setdefault(survivor, set()), had.get(ended, set())
                merge(portraits.setdefault(survivor, Portrait()), other, shared_orders=len(mine & theirs))
                mine |= theirs
    orders: dict[str, set[str]] = {}
    for event in claimed:
        if event.purchase is not None and event.purchase.order_id is not None and event.key in customers:
            orders.setdefault(customers[event.key], set()).add(event.purchase.order_id)
    merging = {*identity.merged.values()}
    asked = {customer: ids for customer, ids in orders.items() if customer not in merging}
    counted = reading.orders_counted(asked) if asked else set()
    counted |= {(customer, order) for customer in merging for order in had.get(customer, ())}
    for event in claimed:
        customer = customers.get(event.key)
        if customer is None:
            continue
        portrait = portraits.get(customer)
        if portrait is None:
            portrait = portraits[customer] = Portrait()
        fold(portrait, event, new_order=is_new_order(event, customer, counted))
    return portraits, counted


def changes_of(
    reading: Reading | Before,
    portraits: dict[str, Portrait],
    rules: Rules,
    now: int,
    *,
    claimed: Sequence[CleanEvent] = (),
    identity: Identity = NOBODY,
    backfill: Collection[str] = (),
    evaluation: bool = False,
) -> Changes:
    """What is to be stored when customers look like `portraits` now; `reading` holds those that there were. `backfill`: those of
    them who did nothing lately that would be the reason. `evaluation`: they look as before, the time or the rules are others."""
    summaries: dict[str, Summary] = {}
    segments: dict[str, Segments] = {}
    moved: list[Move] = []
    before, computed = reading.segments(portraits), reading.computed(portraits)
    for customer, portrait in portraits.items():
        held = before.get(customer, ())
        summaries[customer] = summarise(portrait, rules.base_currency)
        view = rules.segments.see(portrait, now, computed=computed.get(customer, NOTHING))
        segments[customer] = after = rules.segments.decide(view, held)
        if after.names != held:
            moved.extend(moves(customer, held, after, view, rules.segments, customer in backfill))
    return Changes(
        events=[(event, identity.nodes.get(event.key)) for event in claimed],
        portraits=portraits,
        summaries=summaries,
        segments=segments,
        moves=moved,
        merged=identity.merged,
        links=identity.links,
        created={customer: node_of(first) for customer, first in identity.created.items()},
        unsettled=identity.unsettled,
        now=now,
        evaluation=evaluation,
    )
