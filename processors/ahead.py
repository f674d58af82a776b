"""Decide a batch while the one before it is still being written.

A decision that is made ahead of its transaction reads what is committed, and, over that, what the decision before it changes.
It holds nothing. So its transaction first asks whether all that it took for granted (`base`) still stands, and locks it:
`processors.apply.write`. Where it does, the outcome is the same as if everything had been read under these locks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from processors.apply import Decision, Rules
from schemas.computed import Computed
from schemas.identifiers import Identifier, Known, Link, Pair, Standing, earliest, shut_among
from schemas.portrait import Portrait
from sinks.store import Base, Committed, Held, Partition, Span, Stamp


class Overlay:
    """What a decision changes, for the next one to read. Serves one decision: who reads a portrait here may change it."""

    def __init__(self, decision: Decision, base: Base) -> None:
        changes, identity = decision.changes, decision.identity
        self.ended: Mapping[str, str] = identity.merged
        self.assigned: Mapping[Identifier, Known] = identity.assigned
        self.links: dict[Pair, Link] = {(link.a, link.b, link.rule): link for link in identity.links}
        self.origins: dict[str, str] = {}
        self.held: dict[str, Held] = {}
        self.orders: dict[str, set[str]] = {}
        if changes is not None:
            self.origins = {event.key: event.origin for event, _ in changes.events}
            self.held = {
                customer: Held(base.stamps.get(customer, Stamp()).next(), after.names, portrait, after.computed)
                for customer, portrait in changes.portraits.items()
                for after in (changes.segments[customer],)
            }
        for customer, order in decision.orders:
            self.orders.setdefault(customer, set()).add(order)
        self.parts: dict[str, list[str]] = {}
        for ended, survivor in identity.merged.items():
            self.parts.setdefault(survivor, []).append(ended)


class MadeAhead(NamedTuple):
    """A decision made ahead: without its changes, which the store has packed; what it took for granted, what the next one reads
    over it, whether it leaves something to be settled, and by which rules it was made."""

    decision: Decision
    packed: Any
    base: Base
    overlay: Overlay
    unsettled: bool
    rules: Rules


class Ahead:
    """See `sinks.store.Reading`. For one decision, over `before`, the one that was made last, when it may not be written yet."""

    def __init__(self, committed: Committed, before: Overlay | None) -> None:
        self._generation, self._settlements = committed.generation(), committed.settlements()  # before all else
        self._committed = committed
        self._before = before
        self._positions: dict[Partition, int] = {}
        self._assigned: Mapping[Identifier, Known] = {}
        self._held: dict[str, Held] = {}
        self._shut: Mapping[Identifier, Standing] = {}

    @property
    def base(self) -> Base:
        """What the decision takes for granted, once it is made."""
        stamps = {customer: held.stamp for customer, held in self._held.items()}
        return Base(self._generation, self._positions, self._assigned, stamps, self._shut)

    def fresh(self, partition: Partition, span: Span) -> int:
        """Whoever reads in order begins where the store stands."""
        self._positions[partition] = span.first
        return span.first

    def stored(self, keys: Collection[str]) -> dict[str, str]:
        found = self._committed.stored(keys)
        if self._before is not None and self._before.origins:
            origins = self._before.origins
            found |= {key: origins[key] for key in keys if key in origins}
        return found

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, Known]:
        before = self._before
        if before is None:
            return self._committed.customers_of(identifiers)
        assigned, ended = before.assigned, before.ended
        found = self._committed.customers_of([each for each in identifiers if each not in assigned])
        if ended:
            found = {
                identifier: Known(ended.get(known.customer or "", known.customer), known.standing)
                for identifier, known in found.items()
            }
        for identifier in identifiers:
            known = assigned.get(identifier)
            if known is not None:
                found[identifier] = known
        return found

    def kin(self, customers: Collection[str]) -> dict[str, list[Identifier]]:
        before = self._before
        if before is None:
            return self._committed.kin(customers)
        parts = {part: customer for customer in customers for part in before.parts.get(customer, ())}
        found: dict[str, list[Identifier]] = {}
        for customer, identifiers in self._committed.kin({*customers, *parts}).items():
            found.setdefault(parts.get(customer, customer), []).extend(identifiers)
        asked = set(customers)
        for identifier, known in before.assigned.items():
            if known.customer in asked:
                found.setdefault(known.customer, []).append(identifier)
        return {customer: list(dict.fromkeys(identifiers)) for customer, identifiers in found.items()}

    def recorded(self, pairs: Collection[Pair]) -> dict[Pair, Link]:
        found = self._committed.recorded(pairs)
        if self._before is not None and self._before.links:
            for pair in pairs:
                link = self._before.links.get(pair)
                if link is not None:
                    found[pair] = earliest(link, found.get(pair, link))
        return found

    def stands(self, known: Mapping[Identifier, Known], kin: Mapping[str, Collection[Identifier]]) -> bool:
        """Whether nothing changed between reading it and looking at the versions; what changes from now on, these will tell."""
        if self._committed.settlements() != self._settlements and self.customers_of(known) != known:
            return False
        self._shut = shut_among(known)
        return not kin or all(set(its) == set(kin[customer]) for customer, its in self.kin(kin).items())

    def hold(self, assigned: Mapping[Identifier, Known], customers: Collection[str], created: Collection[str]) -> bool:
        """Looks at the customers, and takes note of their versions; only the transaction will hold them."""
        self._assigned = assigned
        over: Mapping[str, Held] = {} if self._before is None else self._before.held
        self._held = {customer: over[customer] for customer in customers if customer in over}
        living = [customer for customer in customers if customer not in created and customer not in over]
        found = self._committed.held(living) if living else {}
        self._held |= found
        return len(found) == len(living)

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        held = self._held
        return {customer: held[customer].portrait for customer in customers if customer in held}

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        held = self._held
        return {customer: held[customer].segments for customer in customers if customer in held}

    def computed(self, customers: Collection[str]) -> dict[str, Computed]:
        held = self._held
        return {customer: held[customer].computed for customer in customers if customer in held}

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        before, held = self._before, self._held
        asked = {customer: ids for customer, ids in orders.items() if customer in held}
        if before is None:
            return self._committed.orders_counted(asked)
        whose = {part: customer for customer in asked for part in before.parts.get(customer, ())}
        asked |= {part: orders[customer] for part, customer in whose.items()}
        found = self._committed.orders_counted(asked)
        counted = {(whose.get(customer, customer), order) for customer, order in found}
        for customer, ids in orders.items():
            counted |= {(customer, order) for order in before.orders.get(customer, ()) if order in ids}
        return counted

    def orders_of(self, customers: Collection[str]) -> dict[str, set[str]]:
        before = self._before
        if before is None:
            return self._committed.orders_of(customers)
        parts = {part: customer for customer in customers for part in before.parts.get(customer, ())}
        orders: dict[str, set[str]] = {}
        for customer, ids in self._committed.orders_of({*customers, *parts}).items():
            orders.setdefault(parts.get(customer, customer), set()).update(ids)
        for customer in customers:
            if customer in before.orders:
                orders.setdefault(customer, set()).update(before.orders[customer])
        return orders
