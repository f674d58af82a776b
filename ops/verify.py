"""Fold the stored events afresh and compare with what is served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from ops.verify_segments import Memberships
from processors.cluster import Node, Partition, cluster
from processors.identity_rules import IdentityRules, identity_rules
from processors.refold import Folded, Observed, fingerprint, refold, store_hash
from processors.segments.catalogue import Catalogue
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Standing, node_of
from schemas.portrait import Listed, Portrait, canonical
from sinks.snapshot import Snapshot
from sinks.store import Store

DIFFERENCES_TOLD = 20

Progress = Callable[[int, int], None]
"""Told (events folded, events in all), every few thousand."""


def untold(done: int, total: int) -> None:
    """Progress that nobody is told."""


class Verdict(NamedTuple):
    """What `verify` found. `hash` is of what is served; `differences` are in words, the first twenty. segments: whether they were
    compared, too; not as long as new rules are being applied to everybody.

    How often a customer changed segments depends on how events came; where the changes lead does not. So changes are in the hash
    by what they come to: the memberships. One that is missing, told again, or leads elsewhere makes another hash.
    """

    equal: bool
    hash: str
    customers: int
    events: int
    differences: list[str]
    segments: bool = False


def verify(
    store: Store,
    progress: Progress = untold,
    rules: IdentityRules | None = None,
    segments: Catalogue | None = None,
    now: int = 0,
) -> Verdict:
    """Compare every served portrait, its segments at `now` (Unix ms), and who is who, with what the stored events say, as of one
    instant. Without `segments`, these are not compared.

    Memory: one portrait at a time, some 1 kB an identifier and as much a link, 32 bytes a customer.
    """
    with store.snapshot() as snapshot:
        return _verify(
            snapshot,
            progress,
            identity_rules() if rules is None else rules,
            None if segments is None else Memberships(snapshot, segments, now),
        )


def _verify(snapshot: Snapshot, progress: Progress, rules: IdentityRules, memberships: Memberships | None) -> Verdict:
    customers, total = snapshot.counts()
    check = _Identities(snapshot, rules)
    differences: list[str] = []
    fresh, served = [], []
    pairs = _side_by_side(refold(_watched(snapshot, check, total, progress)), snapshot.served())
    for customer, folded, stored in pairs:
        if customer is None and folded is not None:
            fresh.append(folded.keys)
            served.append(folded.keys)
            continue
        named: tuple[Sequence[str], Sequence[str]] = (), ()
        if folded is not None and stored is not None and memberships is not None:
            named = memberships.sides(folded.portrait, stored)
        if folded is not None and customer is not None:
            fresh.append(fingerprint(folded.portrait, folded.keys, named[0]))
        if stored is not None:
            served.append(fingerprint(stored.portrait, folded.keys if folded is not None else b"", named[1]))
        if folded is None:
            differences.append(f"customer {customer} is served and has no events")
        elif stored is None:
            differences.append(f"customer {customer} has events and is not served")
        elif differing := _differing(folded.portrait, stored.portrait):
            differences.append(f"customer {customer}: {', '.join(differing)}")
    if memberships is not None:
        differences += memberships.differences
        for uneven in memberships.uneven():
            served.append(blake2b(uneven.encode(), digest_size=16).digest())
            if len(differences) < DIFFERENCES_TOLD:
                differences.append(uneven)
    differences += check.differences()
    served_hash = store_hash(served)
    return Verdict(
        equal=not differences and served_hash == store_hash(fresh),
        hash=served_hash,
        customers=customers,
        events=total,
        differences=differences[:DIFFERENCES_TOLD],
        segments=memberships is not None and memberships.compared,
    )


def _watched(
    snapshot: Snapshot, check: _Identities, total: int, progress: Progress
) -> Iterator[tuple[str | None, CleanEvent]]:
    done = 0
    for done, (customer, node, event) in enumerate(snapshot.events_by_customer(), 1):
        check.add(node, event)
        if done % 2_000 == 0:
            progress(done, total)
        yield customer, event
    progress(done, total)


def _side_by_side(
    folded: Iterator[Folded], served: Iterator[Listed]
) -> Iterator[tuple[str | None, Folded | None, Listed | None]]:
    """Join two streams that are ordered by customer id."""
    left, right = next(folded, None), next(served, None)
    while left is not None or right is not None:
        if right is None or (left is not None and (left.customer or "") < right.customer):
            assert left is not None
            yield left.customer, left, None
            left = next(folded, None)
        elif left is None or right.customer < (left.customer or ""):
            yield right.customer, None, right
            right = next(served, None)
        else:
            yield right.customer, left, right
            left, right = next(folded, None), next(served, None)


def _differing(fresh: Portrait, served: Portrait) -> list[str]:
    return [
        f"{name} is {getattr(served, name)!r:.80}, the events say {getattr(fresh, name)!r:.80}"
        for name in Portrait.__struct_fields__
        if canonical(getattr(fresh, name)) != canonical(getattr(served, name))
    ]


class _Identities:
    """Whether who is who is as the events, the rules and the judgements have it.

    What waits to be settled, and what is parked for people, is left out, with all that hangs together with it.
    """

    def __init__(self, snapshot: Snapshot, rules: IdentityRules) -> None:
        self._snapshot = snapshot
        self._observed = Observed()
        self._misplaced: list[Identifier] = []
        self._nobodys = 0
        self._stored = list(snapshot.members())
        identifiers = {member.identifier for member in self._stored}
        self._links = {(link.a, link.b, link.rule): link for link in snapshot.links()}
        facts = Observed()
        facts.identifiers, facts.links = identifiers, self._links
        self._partition: Partition = cluster(facts.facts(snapshot.judgements()), rules)

    def add(self, node: str | None, event: CleanEvent) -> None:
        """Take in an event, and the node that it is stored for."""
        self._observed.add(event)
        identifiers = event.identifiers
        if identifiers:
            subject = self._partition.subject(identifiers, event.time)
            if node != node_of(subject.identifier, subject.since):
                self._misplaced.append(identifiers[0])
        elif node is not None:
            self._nobodys += 1

    def differences(self) -> list[str]:
        """In words."""
        found: list[tuple[Identifier, str]] = []
        for pair in self._observed.links.keys() | self._links.keys():
            said, stored = self._observed.links.get(pair), self._links.get(pair)
            if said != stored:
                found.append((pair[0], f"the link of a {pair[0].kind} and a {pair[1].kind} is not what the events say"))
        for each in self._misplaced:
            found.append((each, f"an event that names a {each.kind} is not with the customer that it belongs to"))
        for identifier in self._observed.identifiers.difference(member.identifier for member in self._stored):
            found.append((identifier, f"a {identifier.kind} of an event is not stored"))
        found += self._ownership()
        waiting = self._waiting() if found else frozenset()
        told = [words for identifier, words in found if identifier not in waiting]
        return told + [f"{self._nobodys} events of nobody are with a customer"] * bool(self._nobodys)

    def _ownership(self) -> Iterator[tuple[Identifier, str]]:
        customer_of: dict[Node, str | None] = {}
        cluster_of: dict[str, Node] = {}
        known = set()
        for member in self._stored:
            identifier, kind, customer = member.identifier, member.identifier.kind, member.customer
            node = Node(*identifier, member.since)
            known.add(node)
            first = self._partition.clusters.get(node)
            if identifier not in self._observed.identifiers:
                yield identifier, f"a {kind} of customer {customer} stands in no event"
            elif first is None:
                yield identifier, f"a {kind} of customer {customer} did not change hands then"
            elif customer_of.setdefault(first, customer) != customer:
                yield identifier, f"customers {customer_of[first]} and {customer} are linked and not one"
            elif customer is not None and cluster_of.setdefault(customer, first) != first:
                yield identifier, f"customer {customer} holds identifiers that no event links"
            elif member.standing is not self._partition.standing[identifier]:
                now, due = member.standing.name, self._partition.standing[identifier].name
                yield identifier, f"a {kind} of customer {customer} is {now.lower()}, not {due.lower()}"
        for node in self._partition.clusters.keys() - known:
            yield node.identifier, f"a {node.kind} that changed hands is not stored so"

    def _waiting(self) -> set[Identifier]:
        """All that hangs together with what is marked or parked."""
        parked = {member.identifier for member in self._stored if member.standing is Standing.PARKED}
        frontier = parked | set(self._snapshot.unsettled())
        if not frontier:
            return set()
        near: dict[Identifier, set[Identifier]] = {}
        for pair in self._observed.links:
            near.setdefault(pair[0], set()).add(pair[1])
            near.setdefault(pair[1], set()).add(pair[0])
        waiting: set[Identifier] = set()
        while frontier:
            waiting |= frontier
            frontier = {other for each in frontier for other in near.get(each, ())} - waiting
        return waiting
