"""Decide who each event is about.

Identifiers that were seen in one event belong to one customer, and so, through chains of events, do customers: identity is the
connected components of that graph. Components do not depend on the order in which the links were seen. The oldest customer of a
component survives; the others become its aliases. (Customer ids begin with the time, so the smallest id is the oldest.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link, by_strength

RULE = "same_event"
"""The rule that a link rests on: one event named both identifiers."""


class Identity(NamedTuple):
    """Who is who, after a batch.

    customers: event key → customer id, for each event that has an identifier.
    assigned: identifiers not known before → their customer.
    created: customers that are new.
    merged: customer that ends → the customer that it is part of from now on.
    links: one per pair of identifiers, the earliest.
    """

    customers: Mapping[str, str]
    assigned: Mapping[Identifier, str]
    created: frozenset[str]
    merged: Mapping[str, str]
    links: Sequence[Link]


def identify(
    known: Mapping[Identifier, str], events: Iterable[CleanEvent], new_customer_id: Callable[[], str]
) -> Identity:
    """Assign each event to a customer.

    `known` maps identifiers of these events to the living customers they belong to; those it lacks are new.
    """
    parent: dict[Identifier | str, Identifier | str] = {}

    def root(node: Identifier | str) -> Identifier | str:
        top = node
        while (above := parent.setdefault(top, top)) is not top:
            top = above
        while (above := parent[node]) is not top:
            parent[node], node = top, above
        return top

    links: dict[tuple[Identifier, Identifier], tuple[int, str]] = {}
    events = list(events)
    for event in events:
        identifiers = event.identifiers
        if not identifiers:
            continue
        for identifier in identifiers:
            if identifier not in parent:
                customer = known.get(identifier)
                if customer is None:
                    parent[identifier] = identifier
                else:
                    top = root(customer)
                    parent[identifier] = top
        if len(identifiers) > 1:
            strongest = min(identifiers, key=by_strength)
            top = root(strongest)
            stamp = (event.time, event.key)
            for identifier in identifiers:
                if identifier is strongest or identifier == strongest:
                    continue
                parent[root(identifier)] = top
                pair = (strongest, identifier)
                if pair not in links or stamp < links[pair]:
                    links[pair] = stamp

    survivors: dict[Identifier | str, str] = {}
    ended: list[str] = []
    for customer in sorted({*known.values()}):
        if customer in parent:
            top = root(customer)
            if survivors.setdefault(top, customer) != customer:
                ended.append(customer)
    created: set[str] = set()
    assigned: dict[Identifier, str] = {}
    customers: dict[str, str] = {}
    for event in events:
        if not event.identifiers:
            continue
        top = root(event.identifiers[0])
        owner = survivors.get(top)
        if owner is None:
            owner = survivors[top] = new_customer_id()
            created.add(owner)
        customers[event.key] = owner
        for identifier in event.identifiers:
            if identifier not in known:
                assigned[identifier] = owner
    return Identity(
        customers=customers,
        assigned=assigned,
        created=frozenset(created),
        merged={customer: survivors[root(customer)] for customer in ended},
        links=[Link(a, b, time, key, RULE) for (a, b), (time, key) in links.items()],
    )
