"""The profile store in memory: the plain meaning of the port, for tests and for folding afresh."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Known, Link, Pair, earliest, node_of
from schemas.identity import Mark, Member, Name, Refusal, Resettled, Review, Turn
from schemas.judgements import Judgement
from schemas.portrait import Move, Portrait, Segments, Summary
from schemas.rejected import DeadLetter
from sinks.store import (
    Base,
    Changes,
    Gap,
    Held,
    Partition,
    Position,
    Retryable,
    Span,
)


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
    reviews: list[Review] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    portraits: dict[str, Portrait] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    segments: dict[str, Segments] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    generation: int = 0

    def customer(self, node: str | None) -> str | None:
        """The living customer of a node."""
        member = self.members.get(node or "")
        return None if member is None else member.customer

    def mark(self, identifiers: Iterable[Identifier], judged: bool = False) -> None:
        """Remember that these are to be settled."""
        for identifier in sorted(identifiers):
            self.marked += 1
            self.marks[self.marked] = Mark(self.marked, identifier, judged)


class MemoryStore:
    """One process, one thread; a transaction works on a copy and replaces the tables when it commits."""

    def __init__(self) -> None:
        self.tables = Tables()

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        tables = copy.copy(self.tables)
        for name, table in vars(tables).items():
            setattr(tables, name, copy.copy(table))
        yield MemoryTransaction(tables)
        self.tables = tables

    def committed(self) -> MemoryCommitted:
        return MemoryCommitted(self)

    def pack(self, changes: Changes) -> Changes:
        """A copy: who decided this may go on with its portraits."""
        return changes._replace(portraits=copy.deepcopy(dict(changes.portraits)))

    def judge(self, judgement: Judgement) -> None:
        """Enter a judgement: what it names is decided anew."""
        self.tables.judgements.append(judgement)
        self.tables.mark((*judgement.left, *judgement.right), judged=True)

    def undo(self, number: int) -> None:
        """Take a judgement back."""
        (undone,) = (each for each in self.tables.judgements if each.number == number)
        self.tables.judgements.remove(undone)
        self.tables.mark((*undone.left, *undone.right), judged=True)

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return {each: self.tables.positions[each] for each in partitions if each in self.tables.positions}

    @contextmanager
    def snapshot(self) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(self.tables)

    def close(self) -> None:
        pass


class MemorySnapshot:
    """See `sinks.store.Snapshot`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def counts(self) -> tuple[int, int]:
        return len(self._tables.portraits), len(self._tables.events)

    def events_by_customer(self) -> Iterator[tuple[str | None, str | None, CleanEvent]]:
        rows = [(self._tables.customer(node), node, event) for event, node in self._tables.events.values()]
        yield from sorted(rows, key=lambda row: (row[0] or "", row[2].key))

    def served(self) -> Iterator[tuple[str, Portrait]]:
        yield from sorted(self._tables.portraits.items())

    def members(self) -> Iterator[Member]:
        yield from sorted(self._tables.members.values(), key=lambda member: member[:2])

    def links(self) -> Iterator[Link]:
        yield from self._tables.links.values()

    def judgements(self) -> list[Judgement]:
        return list(self._tables.judgements)

    def unsettled(self) -> list[Identifier]:
        return [mark.identifier for mark in self._tables.marks.values()]


class _Lookup:
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


class MemoryCommitted(_Lookup):
    """See `sinks.store.Committed`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @property
    def _tables(self) -> Tables:
        return self._store.tables

    def generation(self) -> int:
        return self._tables.generation

    def held(self, customers: Collection[str]) -> dict[str, Held]:
        tables = self._tables
        return {
            customer: Held(
                tables.versions[customer], tables.segments[customer].names, copy.deepcopy(tables.portraits[customer])
            )
            for customer in customers
            if customer in tables.portraits
        }


class MemoryTransaction(_Lookup):
    """See `sinks.store.Settling`."""

    def __init__(self, tables: Tables) -> None:
        self._now = tables

    @property
    def _tables(self) -> Tables:
        return self._now

    def fresh(self, partition: Partition, span: Span) -> int:
        stored = self._tables.positions.get(partition)
        if stored is None:
            return span.first
        if span.first > stored:
            raise Gap(f"{partition.topic}/{partition.number}: offsets {stored} to {span.first - 1} are missing")
        return min(max(stored, span.first), span.end)

    def confirm(self, base: Base) -> bool:
        tables = self._tables
        stands = (
            base.generation == tables.generation
            and all(tables.positions.get(partition, first) == first for partition, first in base.positions.items())
            and not any(node_of(identifier) in tables.members for identifier in base.assigned)
            and all(tables.versions.get(customer) == version for customer, version in base.versions.items())
        )
        self._assign(base.assigned)
        return stands

    def keep_duplicates(self, duplicates: Mapping[str, str]) -> None:
        for origin, key in duplicates.items():
            self._tables.duplicates.setdefault(origin, key)

    def hold(self, assigned: Mapping[Identifier, Known], customers: Collection[str], created: Collection[str]) -> bool:
        """Nobody else writes here: there is nothing to wait for or to lose."""
        del customers, created
        self._assign(assigned)
        return True

    def stands(self, known: Mapping[Identifier, Known], kin: Mapping[str, Collection[Identifier]]) -> bool:
        del known, kin
        return True

    def _assign(self, assigned: Mapping[Identifier, Known]) -> None:
        for identifier, known in assigned.items():
            member = Member(identifier, 0, known.customer, known.standing)
            self._tables.members.setdefault(member.node, member)

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        stored = self._tables.portraits
        return {customer: copy.deepcopy(stored[customer]) for customer in customers if customer in stored}

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        stored = self._tables.segments
        return {customer: stored[customer].names for customer in customers if customer in stored}

    def save(self, packed: Changes) -> None:
        changes, tables = packed, self._tables
        for event, node in changes.events:
            if event.key in tables.events:
                raise Retryable(f"another worker stored event {event.key} a moment ago")
            tables.events[event.key] = (event, node)
        for ended, survivor in changes.merged.items():
            self._end(ended, survivor)
            for alias, into in list(tables.aliases.items()):
                if into == ended:
                    tables.aliases[alias] = survivor
            tables.aliases[ended] = survivor
            tables.turns.append(Turn("merged", ended, survivor, ""))
            for node, member in list(tables.members.items()):
                if member.customer == ended:
                    tables.members[node] = member._replace(customer=survivor)
        self._put(changes)
        tables.anchors.update(changes.created)
        tables.mark(changes.unsettled)
        for link in changes.links:
            pair = link.a, link.b, link.rule
            tables.links[pair] = earliest(link, tables.links.get(pair, link))

    def _end(self, customer: str, survivor: str) -> None:
        tables = self._tables
        if customer in tables.segments:
            gone = f"became part of customer {survivor}"
            tables.moves.extend(Move(customer, name, "", "left", gone, 0) for name in tables.segments[customer].names)
        for table in (tables.portraits, tables.summaries, tables.segments, tables.versions):
            table.pop(customer, None)

    def _put(self, changes: Changes) -> None:
        tables = self._tables
        tables.portraits.update(changes.portraits)
        tables.versions.update({customer: tables.versions.get(customer, 0) + 1 for customer in changes.portraits})
        tables.summaries.update(changes.summaries)
        tables.segments.update(changes.segments)
        tables.moves.extend(changes.moves)

    def keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._tables.letters.setdefault(letter.origin, letter)

    def advance(self, position: Position) -> None:
        for partition, span in position.spans.items():
            self._tables.positions[partition] = max(span.end, self._tables.positions.get(partition, 0))

    def due(self, now: int, limit: int) -> list[str]:
        waiting = [
            customer for customer, each in self._tables.segments.items() if each.due is not None and each.due <= now
        ]
        return sorted(waiting)[:limit]

    def unsettled(self, limit: int) -> list[Mark]:
        return sorted(self._tables.marks.values())[:limit]

    def members(self, identifiers: Collection[Identifier]) -> list[Member]:
        asked = set(identifiers)
        return [member for member in self._tables.members.values() if member.identifier in asked]

    def links_at(self, identifiers: Collection[Identifier]) -> list[Link]:
        asked = set(identifiers)
        return [link for link in self._tables.links.values() if link.a in asked or link.b in asked]

    def judgements(self) -> list[Judgement]:
        return list(self._tables.judgements)

    def names(self, customers: Collection[str]) -> list[Name]:
        tables = self._tables
        living = {customer: customer for customer in customers if customer in tables.portraits}
        led = {alias: customer for alias, customer in tables.aliases.items() if customer in customers}
        return [Name(each, tables.anchors[each], customer) for each, customer in sorted({**living, **led}.items())]

    def events_at(self, nodes: Collection[str]) -> Iterator[tuple[str, CleanEvent]]:
        asked = set(nodes)
        for event, node in list(self._tables.events.values()):
            if node is not None and node in asked:
                yield node, event

    def resettle(self, resettled: Resettled, packed: Changes) -> None:
        tables = self._tables
        for ended, survivor in resettled.ended.items():
            self._end(ended, survivor)
        for member in resettled.members:
            tables.members[member.node] = member
        for node in resettled.gone:
            tables.members.pop(node, None)
        for key, node in resettled.moved.items():
            tables.events[key] = (tables.events[key][0], node)
        for name in resettled.names:
            tables.anchors[name.id] = name.anchor
            tables.aliases.pop(name.id, None)
            if name.id != name.customer:
                tables.aliases[name.id] = name.customer
        for pair, why in resettled.refused.items():
            tables.refused.pop(pair, None)
            if why is not None:
                tables.refused[pair] = why
        self._put(packed)
        for customer in resettled.touched:
            tables.versions[customer] += 1
        tables.turns.extend(resettled.turns)
        tables.reviews.extend(resettled.reviews)

    def settled(self, marks: Collection[int]) -> None:
        for mark in marks:
            self._tables.marks.pop(mark, None)
