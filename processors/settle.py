"""Decide anew, from all facts, who the identifiers are that a batch left unsettled, in a transaction of its own.

What the facts divide differently from what is stored is changed together: who owns which identifier, which ids lead where, the
portraits, and what is told of it. Where nothing but a link was refused, nothing but that is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from processors.apply import ATTEMPTS_TO_HOLD, Rules, changes_of
from processors.cluster import TOO_MANY, Partition, cluster
from processors.drawing import Drawing, Folded, Scattered, TooMany, TooMuch
from processors.gather import Gathered, TooLarge, gather
from processors.redraw import parts
from schemas.identifiers import UNPLACED, Identifier, Standing, node_of
from schemas.identity import Mark, Member, Refusal, Resettled, Review
from schemas.ids import new_customer_id
from sinks.crash import crash_point
from sinks.store import Fatal, Retryable, Settling, Store

MARKS_AT_A_TIME = 250
MOST_EVENTS = 5_000
"""As many events are folded while the stream waits, at the most: a fraction of a second."""

ATTEMPTS_TO_FOLD = 3


class _Large(Exception):
    """So many events hang together with some marks that the stream is not to wait for them. Its argument: their numbers."""


class _Grown(Exception):
    """While the customers were being locked, more came to hang together with them."""


def settle(
    store: Store,
    rules: Rules,
    now: int,
    *,
    limit: int = MARKS_AT_A_TIME,
    most_events: int | None = None,
    new_id: Callable[[], str] = new_customer_id,
) -> int:
    """Settle what is marked, up to `limit` marks; return how many were: fewer than there are, when too much hangs together with
    them. `now` is Unix ms.

    Where more than `most_events` events would have to be folded, it is postponed, for `settle_large`.
    Raises sinks.store.Retryable (call again) and sinks.store.Fatal.
    """
    ties: list[tuple[Identifier, ...]] = []
    grown = 0
    while grown < ATTEMPTS_TO_HOLD:
        try:
            with store.transaction() as tx:
                marks = tx.unsettled(limit)
                marks = [mark for mark in marks if mark.judged is marks[0].judged]
                if marks:
                    crash_point("marked")
                    try:
                        together = most_events if limit > 1 else None
                        marks = _settle(
                            store, tx, marks, ties, rules, now, new_id, most_events=most_events, together=together
                        )
                    except TooLarge as error:
                        if len(marks) > 1:
                            raise
                        _park(store, tx, marks, error.args[0], rules, now)
                    tx.settled([mark.number for mark in marks])
                    crash_point("resettled")
            return len(marks)
        except (TooLarge, TooMuch):
            limit, ties = max(1, limit // 4), []  # it may be that each hangs together with few
        except _Large as error:
            with store.transaction() as tx:
                tx.postpone(error.args[0])
        except Scattered as error:
            ties += _new(error.args[0], ties)
        except _Grown:
            grown += 1
    raise Retryable(f"customers were linked by others {ATTEMPTS_TO_HOLD} times while they were being settled")


def settle_large(store: Store, rules: Rules, now: int, *, new_id: Callable[[], str] = new_customer_id) -> int:
    """Settle one mark that was postponed; return how many were: 0 or 1. Otherwise as `settle`.

    The events are folded while nobody is made to wait; only then are the customers locked, what came meanwhile is folded, too,
    and all is written. Meanwhile the old portraits are served, and new events are counted there. Killed, it begins anew.
    """
    ties: list[tuple[Identifier, ...]] = []
    grown = 0
    while grown < ATTEMPTS_TO_HOLD:
        try:
            with store.transaction() as tx:
                marks = tx.unsettled(1, large=True)
                if marks:
                    try:
                        # What changes faster than it can be folded is folded while the stream waits, in the end.
                        folded = _fold_ahead(tx, marks, ties, rules, new_id) if grown < ATTEMPTS_TO_FOLD else None
                        crash_point("folded_ahead")
                        marks = _settle(store, tx, marks, ties, rules, now, new_id, folded=folded)
                    except TooLarge as error:
                        _park(store, tx, marks, error.args[0], rules, now)
                    tx.settled([mark.number for mark in marks])
            return len(marks)
        except Scattered as error:
            ties += _new(error.args[0], ties)
        except _Grown:
            grown += 1
    raise Retryable(f"customers were linked by others {ATTEMPTS_TO_HOLD} times while they were being settled")


def _others(tx: Settling, identifiers: Collection[Identifier], marks: Sequence[Mark], *, large: bool) -> list[Mark]:
    """Marks of these identifiers besides `marks`, of the same kind."""
    known = {mark.number for mark in marks}
    found = tx.unsettled_of(identifiers, judged=marks[0].judged, large=large)
    return [mark for mark in found if mark.number not in known]


def _new(
    found: Collection[tuple[Identifier, ...]], ties: Sequence[tuple[Identifier, ...]]
) -> set[tuple[Identifier, ...]]:
    """Those ties that were not known; there must be some, to bring us further."""
    new = set(found).difference(ties)
    if not new:
        raise Fatal(f"{len(found)} events belong to none of the identifiers that they name")
    return new


def _fold_ahead(
    tx: Settling,
    marks: Collection[Mark],
    ties: Sequence[Collection[Identifier]],
    rules: Rules,
    new_id: Callable[[], str],
) -> Folded:
    gathered = gather(tx, marks, rules.identity, ties)
    partition = cluster(gathered.facts, rules.identity)
    drawing = Drawing(tx, gathered, partition, new_id)
    (part,) = parts(gathered, partition, {mark.identifier for mark in marks})
    folded = drawing.fold_ahead(part)
    if drawing.elsewhere:
        raise Scattered(drawing.elsewhere)
    return folded


def _settle(
    store: Store,
    tx: Settling,
    marks: Sequence[Mark],
    ties: Sequence[Collection[Identifier]],
    rules: Rules,
    now: int,
    new_id: Callable[[], str],
    *,
    most_events: int | None = None,
    together: int | None = None,
    folded: Folded | None = None,
) -> list[Mark]:
    """Settle `marks` and what hangs together with them; returns all marks that are settled with that."""
    gathered = gather(tx, marks, rules.identity, ties)
    # Found before the facts are read again: what a mark is about is stored before it, or with it.
    marks = [*marks, *_others(tx, gathered.opened, marks, large=folded is not None)]
    held, loose = gathered.customers, gathered.loose
    if held and not tx.hold({}, held, ()):
        raise _Grown
    if loose:
        tx.hold_nodes(loose)
    # As it is, now that nobody else can change it.
    gathered = gather(tx, marks, rules.identity, ties, gathered.opened)
    if not (gathered.customers <= held and gathered.loose <= loose):
        raise _Grown
    partition = cluster(gathered.facts, rules.identity)
    if folded is not None and not folded.holds(partition):
        raise _Grown
    drawing = Drawing(tx, gathered, partition, new_id, most_events=most_events, together=together, folded=folded)
    try:
        drawing.add(parts(gathered, partition, {mark.identifier for mark in marks}))
    except TooMany as error:
        waits = error.args[0]
        raise _Large([mark.number for mark in marks if node_of(mark.identifier, UNPLACED) in waits]) from error
    if drawing.elsewhere:
        raise Scattered(drawing.elsewhere)
    changes = changes_of(tx, drawing.portraits, rules, now)
    tx.resettle(_resettled(gathered, partition, drawing, now), store.pack(changes))
    return marks


def _resettled(gathered: Gathered, partition: Partition, drawing: Drawing, now: int) -> Resettled:
    """All that is to be written besides portraits."""
    before = gathered.members
    members: list[Member] = []
    restless: set[str] = set()
    reviews: list[Review] = []
    for node, first in partition.clusters.items():
        if first not in drawing.owners:
            continue  # shut: no part of what was gathered
        identifier, why = node.identifier, partition.quarantined.get(node.identifier)
        member = Member(identifier, node.since, drawing.owners[first], partition.standing[identifier], why)
        known = before.get(member.node)
        if known == member:
            continue
        members.append(member)
        if known is not None and known.customer is not None:
            restless.add(known.customer)
        if why == TOO_MANY and (known is None or known.standing is not Standing.QUARANTINED):
            reviews.append(Review("quarantined", identifier, None, why))
    here = {node_of(node.identifier, node.since) for node in partition.clusters}
    pairs = sorted({(link.a, link.b) for link in gathered.links})
    refused: dict[tuple[Identifier, Identifier], Refusal | None] = {}
    for a, b in pairs:
        refusal = partition.refused.get((a, b))
        # That a value is quarantined is kept with the value: what is linked to it comes without being settled.
        refused[a, b] = None if refusal is None or refusal.code == "quarantined" else refusal
        if refusal is not None and refusal.code not in ("quarantined", "judgement"):
            reviews.append(Review("refused", a, b, refusal.message))
    return Resettled(
        members=members,
        gone=[node for node, member in before.items() if member.since and node not in here],
        moved=drawing.moved,
        ended=drawing.ended,
        names=drawing.names,
        refused=refused,
        reviews=reviews,
        turns=drawing.turns,
        touched=restless.difference(drawing.ended, drawing.portraits),
        now=now,
    )


def _park(
    store: Store, tx: Settling, marks: Collection[Mark], identifiers: Collection[Identifier], rules: Rules, now: int
) -> None:
    """More hangs together than is decided by a machine: leave it as it is, and ask people."""
    links = Counter(end for link in tx.links_at(identifiers) for end in (link.a, link.b))
    hub = max(sorted({*identifiers, *(mark.identifier for mark in marks)}), key=lambda each: links[each])
    message = f"more than {rules.identity.largest} identifiers hang together: is this one a person's?"
    tx.park(identifiers)
    resettled = Resettled(
        members=(),
        gone=(),
        moved={},
        ended={},
        names=(),
        refused={},
        reviews=[Review("too_large", hub, None, message)],
        turns=(),
        touched=(),
        now=now,
    )
    tx.resettle(resettled, store.pack(changes_of(tx, {}, rules, now)))
