"""Fold the stored events afresh and compare with what is served."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from processors.refold import Clusters, Folded, fingerprint, refold, store_hash
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from schemas.portrait import Portrait, canonical
from sinks.store import Snapshot, Store

DIFFERENCES_TOLD = 20

Progress = Callable[[int, int], None]
"""Told (events folded, events in all), every few thousand."""


def untold(done: int, total: int) -> None:
    """Progress that nobody is told."""


class Verdict(NamedTuple):
    """What `verify` found. `hash` is of what is served; `differences` are in words, the first twenty."""

    equal: bool
    hash: str
    customers: int
    events: int
    differences: list[str]


def verify(store: Store, progress: Progress = untold) -> Verdict:
    """Compare every served portrait, and who is who, with a fresh fold of the stored events, as of one instant.

    Memory: one portrait at a time, some 250 bytes an identifier, 32 bytes a customer.
    """
    with store.snapshot() as snapshot:
        return _verify(snapshot, progress)


def _verify(snapshot: Snapshot, progress: Progress) -> Verdict:
    customers, total = snapshot.counts()
    differences: list[str] = []
    clusters = Clusters()
    owners: dict[int, str] = {}
    fresh, served = [], []
    pairs = _side_by_side(refold(_watched(snapshot, clusters, total, progress)), snapshot.served())
    for customer, folded, stored in pairs:
        if customer is None and folded is not None:
            fresh.append(folded.keys)
            served.append(folded.keys)
            continue
        if folded is not None and customer is not None:
            fresh.append(fingerprint(folded.portrait, folded.keys))
            differences += _named_twice(customer, folded.portrait, clusters, owners)
        if stored is not None:
            served.append(fingerprint(stored, folded.keys if folded is not None else b""))
        if folded is None:
            differences.append(f"customer {customer} is served and has no events")
        elif stored is None:
            differences.append(f"customer {customer} has events and is not served")
        elif fresh[-1] != served[-1]:
            differences.append(f"customer {customer}: {', '.join(_differing(folded.portrait, stored))}")
    differences += _identity(snapshot, clusters, owners)
    served_hash = store_hash(served)
    return Verdict(
        equal=not differences and served_hash == store_hash(fresh),
        hash=served_hash,
        customers=customers,
        events=total,
        differences=differences[:DIFFERENCES_TOLD],
    )


def _watched(
    snapshot: Snapshot, clusters: Clusters, total: int, progress: Progress
) -> Iterator[tuple[str | None, CleanEvent]]:
    done = 0
    for done, row in enumerate(snapshot.events_by_customer(), 1):
        clusters.add(row[1])
        if done % 2_000 == 0:
            progress(done, total)
        yield row
    progress(done, total)


def _side_by_side(
    folded: Iterator[Folded], served: Iterator[tuple[str, Portrait]]
) -> Iterator[tuple[str | None, Folded | None, Portrait | None]]:
    """Join two streams that are ordered by customer id."""
    left, right = next(folded, None), next(served, None)
    while left is not None or right is not None:
        if right is None or (left is not None and (left.customer or "") < right[0]):
            assert left is not None
            yield left.customer, left, None
            left = next(folded, None)
        elif left is None or right[0] < (left.customer or ""):
            yield right[0], None, right[1]
            right = next(served, None)
        else:
            yield right[0], left, right[1]
            left, right = next(folded, None), next(served, None)


def _differing(fresh: Portrait, served: Portrait) -> list[str]:
    return [
        f"{name} is {getattr(served, name)!r:.80}, the events say {getattr(fresh, name)!r:.80}"
        for name in Portrait.__struct_fields__
        if canonical(getattr(fresh, name)) != canonical(getattr(served, name))
    ]


def _named_twice(customer: str, portrait: Portrait, clusters: Clusters, owners: dict[int, str]) -> Iterator[str]:
    """Where events of `customer` name an identifier that events of another customer name, too. Notes whose each one is."""
    for name in portrait.identifiers:
        kind, _, value = name.partition(":")
        number = clusters.number(Identifier(kind, value))
        if number is not None and owners.setdefault(number, customer) != customer:
            yield f"a {kind} stands in events of customer {owners[number]} and of customer {customer}"


def _identity(snapshot: Snapshot, clusters: Clusters, owners: Mapping[int, str]) -> list[str]:
    """Where the stored customers of identifiers are not exactly the connected components of the events, or not those of which
    the events are."""
    found: list[str] = []
    customer_of: dict[int, str] = {}
    component_of: dict[str, int] = {}
    known = 0
    for identifier, customer in snapshot.identifiers():
        known += 1
        component = clusters.component(identifier)
        if component is None:
            found.append(f"a {identifier.kind} of customer {customer} stands in no event")
        elif customer_of.setdefault(component, customer) != customer:
            found.append(f"customers {customer_of[component]} and {customer} are linked and not one")
        elif component_of.setdefault(customer, component) != component:
            found.append(f"customer {customer} holds identifiers that no event links")
        elif owners.get(clusters.number(identifier) or 0, customer) != customer:
            found.append(f"a {identifier.kind} of customer {customer} stands in events of another one")
    if known < len(clusters):
        found.append(f"{len(clusters) - known} identifiers of events are not stored")
    return found
