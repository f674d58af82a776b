"""The profile store in memory: the plain meaning of the port, for tests and for folding afresh."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.portrait import Move, Portrait, Segments, Summary
from schemas.rejected import DeadLetter
from sinks.store import Base, Changes, Gap, Held, Partition, Position, Retryable, Span


@dataclass
class Tables:
    """All that the store holds. `events` keeps the customer that an event was first given to; `aliases` says who that is now."""

    positions: dict[Partition, int] = field(default_factory=dict)
    events: dict[str, tuple[CleanEvent, str | None]] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    letters: dict[str, DeadLetter] = field(default_factory=dict)
    identifiers: dict[Identifier, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    links: dict[tuple[Identifier, Identifier], Link] = field(default_factory=dict)
    portraits: dict[str, Portrait] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    segments: dict[str, Segments] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    generation: int = 0


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

    def events_by_customer(self) -> Iterator[tuple[str | None, CleanEvent]]:
        aliases = self._tables.aliases
        rows = [(aliases.get(node or "", node), event) for event, node in self._tables.events.values()]
        yield from sorted(rows, key=lambda row: (row[0] or "", row[1].key))

    def served(self) -> Iterator[tuple[str, Portrait]]:
        yield from sorted(self._tables.portraits.items())

    def identifiers(self) -> Iterator[tuple[Identifier, str]]:
        yield from sorted(self._tables.identifiers.items())


class _Lookup:
    """See `sinks.store.Lookup`."""

    @property
    def _tables(self) -> Tables:
        raise NotImplementedError

    def stored(self, keys: Collection[str]) -> dict[str, str]:
        events = self._tables.events
        return {key: events[key][0].origin for key in keys if key in events}

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, str]:
        known = self._tables.identifiers
        return {identifier: known[identifier] for identifier in identifiers if identifier in known}

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
            customer = self._tables.aliases.get(node or "", node)
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
    """See `sinks.store.Transaction`."""

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
            and not any(identifier in tables.identifiers for identifier in base.assigned)
            and all(tables.versions.get(customer) == version for customer, version in base.versions.items())
        )
        tables.identifiers.update(base.assigned)
        return stands

    def keep_duplicates(self, duplicates: Mapping[str, str]) -> None:
        for origin, key in duplicates.items():
            self._tables.duplicates.setdefault(origin, key)

    def hold(self, assigned: Mapping[Identifier, str], customers: Collection[str], created: Collection[str]) -> bool:
        """Nobody else writes here: there is nothing to wait for or to lose."""
        del customers, created
        self._tables.identifiers.update(assigned)
        return True

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        stored = self._tables.portraits
        return {customer: copy.deepcopy(stored[customer]) for customer in customers if customer in stored}

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        stored = self._tables.segments
        return {customer: stored[customer].names for customer in customers if customer in stored}

    def save(self, packed: Changes) -> None:
        changes, tables = packed, self._tables
        for event, customer in changes.events:
            if event.key in tables.events:
                raise Retryable(f"another worker stored event {event.key} a moment ago")
            tables.events[event.key] = (event, customer)
        for ended, survivor in changes.merged.items():
            if ended in tables.segments:
                gone = f"became part of customer {survivor}"
                tables.moves.extend(Move(ended, name, "", "left", gone, 0) for name in tables.segments[ended].names)
            for table in (tables.portraits, tables.summaries, tables.segments, tables.versions):
                table.pop(ended, None)
            for alias, into in list(tables.aliases.items()):
                if into == ended:
                    tables.aliases[alias] = survivor
            tables.aliases[ended] = survivor
            for identifier, owner in list(tables.identifiers.items()):
                if owner == ended:
                    tables.identifiers[identifier] = survivor
        tables.portraits.update(changes.portraits)
        tables.versions.update({customer: tables.versions.get(customer, 0) + 1 for customer in changes.portraits})
        tables.summaries.update(changes.summaries)
        tables.segments.update(changes.segments)
        tables.moves.extend(changes.moves)
        for link in changes.links:
            kept = tables.links.get((link.a, link.b))
            if kept is None or (link.time, link.key) < (kept.time, kept.key):
                tables.links[link.a, link.b] = link

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
