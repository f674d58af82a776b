"""Decide afresh who is who, fold all stored events afresh, and serve the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ops.local.home import LocalStackError
from ops.verify import untold
from processors.apply import Rules
from processors.cluster import Node, Partition, cluster
from processors.portray import summarise
from processors.refold import Observed, refold
from processors.segment import segment
from schemas.clean import CleanEvent
from schemas.computed import NOTHING, Computed
from schemas.identifiers import Identifier, by_strength, node_of
from schemas.identity import Member, Name
from schemas.ids import new_customer_id
from schemas.portrait import Portrait, Segments, Summary
from sinks.postgres.rebuild import Fresh, Rebuild, rebuilding

Progress = Callable[[int, int], None]
"""Told (events read, events in all, both twice over: once to see who is who, once to fold)."""


class Rebuilt(NamedTuple):
    """What `rebuild` did. `changed`: customers that differ from what was served before."""

    customers: int
    events: int
    changed: int


def rebuild(url: str, rules: Rules, now: int, progress: Progress = untold) -> Rebuilt:
    """Rebuild the store at `url` (as its owner). `now` is Unix ms. Workers wait meanwhile, readers do not.

    Judgements stay in force, and what jobs computed of customers stays with them. What waited to be settled, or was parked, is
    decided. Memory: as `ops.verify.verify`.
    """
    with rebuilding(url, now) as store:
        total, done = store.count(), 0
        told = _Told()
        for node, event in store.events():
            told.add(node, event)
            done += 1
            if done % 2_000 == 0:
                progress(done, 2 * total)
        partition = cluster(told.observed.facts(store.judgements()), rules.identity)
        told.place(store, partition)
        owners, names = _named(partition, told.used, store.names())
        refused = {pair: why for pair, why in partition.refused.items() if why.code != "quarantined"}
        store.assign(Fresh(_members(partition, owners), told.observed.links.values(), refused, told.moved, names))
        anchors = {name.id: name.anchor for name in names if name.id == name.customer}
        customers, computed = 0, _InOrder(store.computed())

        def folded() -> Iterator[tuple[str, Portrait, Summary, Segments, str]]:
            nonlocal customers, done
            for customer, portrait, _ in refold(store.events_by_customer()):
                done += portrait.events
                if customer is None:
                    continue
                customers += 1
                if customers % 500 == 0:
                    progress(done, 2 * total)
                summary = summarise(portrait, rules.base_currency)
                found = segment(portrait, rules.segments, now, (), computed.of(customer))
                yield customer, portrait, summary, found, anchors[customer]

        store.put(folded())
        for name, failure in list(rules.segments.failing.items()):
            raise LocalStackError(f"nothing was changed: the rule of segment {name} fails, {failure.message}")
        families = {name: (family.name, family.version) for name, family in rules.segments.family_of.items()}
        changed = store.swap(families)
        progress(2 * total, 2 * total)
    return Rebuilt(customers, total, changed)


class _InOrder:
    """What jobs computed, for customers that are asked for in the order of ids."""

    def __init__(self, known: Iterator[tuple[str, Computed]]) -> None:
        self._known = known
        self._next = next(known, None)

    def of(self, customer: str) -> Computed:
        """What was computed of this customer, who comes after all that were asked for before."""
        while self._next is not None and self._next[0] < customer:
            self._next = next(self._known, None)
        return self._next[1] if self._next is not None and self._next[0] == customer else NOTHING


class _Told:
    """What the events say, and where they belong. used: nodes that have events. moved: event key → node, where that is new."""

    def __init__(self) -> None:
        self.observed = Observed()
        self.used: set[str] = set()
        self.moved: dict[str, str | None] = {}
        self._elsewhere: dict[str, tuple[str | None, tuple[Identifier, ...], int]] = {}

    def add(self, node: str | None, event: CleanEvent) -> None:
        """Take in an event, and the node that it is stored for."""
        self.observed.add(event)
        plain = node_of(min(event.identifiers, key=by_strength)) if event.identifiers else None
        if node != plain:
            self._elsewhere[event.key] = (node, event.identifiers, event.time)
        elif plain is not None:
            self.used.add(plain)

    def place(self, store: Rebuild, partition: Partition) -> None:
        """Find out where events belong that are not simply their strongest identifier's."""
        special = {node_of(each) for each in (*partition.quarantined, *partition.turns)}
        self.used -= special
        for node, event in store.events_at(special):
            self._elsewhere[event.key] = (node, event.identifiers, event.time)
        for key, (stored, identifiers, time) in self._elsewhere.items():
            if not identifiers:
                self.moved[key] = None
                continue
            subject = partition.subject(identifiers, time)
            node = node_of(subject.identifier, subject.since)
            self.used.add(node)
            if node != stored:
                self.moved[key] = node


def _named(partition: Partition, used: set[str], names: list[Name]) -> tuple[dict[Node, str], list[Name]]:
    """The customer of each cluster that has events, and where every id leads: of the ids that began with the identifiers of a
    cluster the oldest one names it, and the others lead there."""
    cluster_of: dict[str, Node] = {}
    strongest: dict[Node, str] = {}
    for node, first in sorted(partition.clusters.items(), key=lambda each: each[0].strength):
        name = node_of(node.identifier, node.since)
        if name in used:
            cluster_of[name] = first
            strongest.setdefault(first, name)
    heirs: dict[str, str] = {}
    for each in names:
        if each.anchor in cluster_of:
            heirs[each.customer] = min(each.anchor, heirs.get(each.customer, each.anchor))
    ids: dict[Node, list[tuple[str, str]]] = {first: [] for first in strongest}
    for each in names:
        anchor = each.anchor if each.anchor in cluster_of else heirs.get(each.customer)
        if anchor is not None:
            ids[cluster_of[anchor]].append((each.id, anchor))
    owners: dict[Node, str] = {}
    found: list[Name] = []
    for first, known in ids.items():
        known = sorted(known) or [(new_customer_id(), strongest[first])]
        owners[first] = known[0][0]
        found += [Name(each, anchor, owners[first]) for each, anchor in known]
    return owners, found


def _members(partition: Partition, owners: dict[Node, str]) -> Iterator[Member]:
    for node, first in partition.clusters.items():
        identifier = node.identifier
        why = partition.quarantined.get(identifier)
        yield Member(identifier, node.since, owners.get(first), partition.standing[identifier], why)
