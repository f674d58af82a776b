"""What the profile store in memory holds, and the questions put to it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from schemas.clean import CleanEvent
from schemas.computed import NOTHING, Computed
from schemas.identifiers import Identifier, Known, Link, Pair, node_of
from schemas.identity import Mark, Member, Refusal, Review, Turn
from schemas.judgements import Judgement
from schemas.portrait import Listed, Move, Portrait, Segments, Summary
from schemas.ranks import Bounds
from schemas.rejected import DeadLetter
from sinks.store import Held, Partition, Stamp


@dataclass
class Tables:
    """All that the store holds. `events` keeps the node that an event belongs to; `members` say whose that is now."""

    positions: dict[Partition, int] = field(default_factory=dict)
    events: dict[str, tuple[CleanEvent, str | None]] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    letters: dict[str, DeadLetter] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)
    links: dict[Pair, Link] = field(default_factory=dict)
    refused: dict[tuple[Identifier, Identifier], Refusal] = field(default_factory=dict)
    judgements: list[Judgement] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)
    marked: int = 0
    large: set[int] = field(default_factory=set)
    reviews: list[Review] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    portraits: dict[str, Portrait] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    segments: dict[str, Segments] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    computed: dict[str, Computed] = field(default_factory=dict)
    backfills: set[str] = field(default_factory=set)
    moves: list[Move] = field(default_factory=list)
    generation: int = 0
    settlements: int = 0
    sweeps: dict[str, str | None] = field(default_factory=dict)
    failures: dict[str, tuple[str, int]] = field(default_factory=dict)
    bounds: Bounds | None = None
    next_ranking: int = 0

    def customer(self, node: str | None) -> str | None:
        """The living customer of a node."""
        member = self.members.get(node or "")
        return None if member is None else member.customer

    def listed(self, customer: str) -> Listed:
        """A living customer, with a portrait of the caller's own."""
        names, due, ranked = (held := self.segments[customer]).names, held.due, held.ranked
        portrait, computed = copy.deepcopy(self.portraits[customer]), self.computed.get(customer, NOTHING)
        return Listed(customer, names, due, ranked, portrait, computed)

    def held(self, customers: Iterable[str]) -> dict[str, Held]:
        """Those of these customers that are living, with portraits of the caller's own."""
        return {
            customer: Held(
                self.stamps[customer],
                self.segments[customer].names,
                copy.deepcopy(self.portraits[customer]),
                self.computed.get(customer, NOTHING),
            )
            for customer in customers
            if customer in self.portraits
        }

    def mark(self, identifiers: Iterable[Identifier], judged: bool = False) -> None:
        """Remember that these are to be settled."""
        for identifier in sorted(identifiers):
            self.marked += 1
            self.marks[self.marked] = Mark(self.marked, identifier, judged)


class TableLookup:
    """See `sinks.store.Lookup`."""

    @property
    def _tables(self) -> Tables:
        raise NotImplementedError

    def stored(self, keys: Collection[str]) -> dict[str, str]:
        events = self._tables.events
        return {key: events[key][0].origin for key in keys if key in events}

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, Known]:
        stored = self._tables.members
        found = {identifier: stored.get(node_of(identifier)) for identifier in identifiers}
        return {each: Known(member.customer, member.standing) for each, member in found.items() if member is not None}

    def kin(self, customers: Collection[str]) -> dict[str, list[Identifier]]:
        found: dict[str, list[Identifier]] = {}
        for member in self._tables.members.values():
            if member.customer in customers:
                found.setdefault(member.customer or "", []).append(member.identifier)
        return found

    def recorded(self, pairs: Collection[Pair]) -> dict[Pair, Link]:
        stored = self._tables.links
        return {pair: stored[pair] for pair in pairs if pair in stored}

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        return {(customer, order) for customer, order in self._orders(set(orders)) if order in orders[customer]}

    def orders_of(self, customers: Collection[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for customer, order in self._orders({*customers}):
            found.setdefault(customer, set()).add(order)
        return found

    def _orders(self, customers: set[str]) -> set[tuple[str, str]]:
        found = set()
        for event, node in self._tables.events.values():
            customer = self._tables.customer(node)
            purchase = event.purchase
            if (
                customer in customers
                and purchase is not None
                and purchase.order_id is not None
                and purchase.amount >= 0
            ):
                found.add((customer, purchase.order_id))
        return found
