"""The profile store in memory: the plain meaning of the port, for tests and for folding afresh."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.identity import Member
from schemas.judgements import Judgement
from schemas.portrait import Listed
from schemas.ranks import Bounds
from sinks.memory_tables import TableLookup, Tables
from sinks.memory_transaction import MemoryTransaction
from sinks.snapshot import UnevenChanges
from sinks.store import (
    Changes,
    Held,
    Partition,
)


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

    def beside(self) -> MemoryStore:
        return self

    def committed(self) -> MemoryCommitted:
        return MemoryCommitted(self)

    def pack(self, changes: Changes) -> Changes:
        """A copy: who decided this may go on with its portraits."""
        return changes._replace(portraits=copy.deepcopy(dict(changes.portraits)))

    def judge(self, judgement: Judgement) -> None:
        """Enter a judgement: what it names is decided anew."""
        self.tables.judgements.append(judgement)
        self.tables.mark(judgement.named, judged=True)

    def undo(self, number: int) -> None:
        """Take a judgement back."""
        (undone,) = (each for each in self.tables.judgements if each.number == number)
        self.tables.judgements.remove(undone)
        self.tables.mark(undone.named, judged=True)

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return {each: self.tables.positions[each] for each in partitions if each in self.tables.positions}

    def bounds(self) -> Bounds | None:
        return self.tables.bounds

    @contextmanager
    def snapshot(self) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(self.tables)

    def close(self) -> None:
        pass


class MemorySnapshot:
    """See `sinks.snapshot.Snapshot`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def counts(self) -> tuple[int, int]:
        return len(self._tables.portraits), len(self._tables.events)

    def events_by_customer(self) -> Iterator[tuple[str | None, str | None, CleanEvent]]:
        rows = [(self._tables.customer(node), node, event) for event, node in self._tables.events.values()]
        yield from sorted(rows, key=lambda row: (row[0] or "", row[2].key))

    def served(self) -> Iterator[Listed]:
        yield from map(self._tables.listed, sorted(self._tables.portraits))

    def swept(self, digest: str) -> bool:
        sweeps = self._tables.sweeps
        return not sweeps or (next(reversed(sweeps)) == digest and sweeps[digest] is None)

    def uneven_changes(self) -> Iterator[UnevenChanges]:
        last: dict[tuple[str, str], str] = {}
        again: Counter[tuple[str, str]] = Counter()
        for move in self._tables.moves:
            told = move.customer, move.segment
            again[told] += last.get(told, "left") == move.action
            last[told] = move.action
        held = {(customer, name) for customer, each in self._tables.segments.items() for name in each.names}
        for key in sorted(last.keys() | held):
            if (last.get(key) == "entered") != (key in held) or again[key]:
                yield UnevenChanges(*key, last.get(key, "never entered"), 2 * (key in held), again[key])

    def members(self) -> Iterator[Member]:
        yield from sorted(self._tables.members.values(), key=lambda member: member[:2])

    def links(self) -> Iterator[Link]:
        yield from self._tables.links.values()

    def judgements(self) -> list[Judgement]:
        return list(self._tables.judgements)

    def unsettled(self) -> list[Identifier]:
        return [mark.identifier for mark in self._tables.marks.values()]


class MemoryCommitted(TableLookup):
    """See `sinks.store.Committed`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @property
    def _tables(self) -> Tables:
        return self._store.tables

    def generation(self) -> int:
        return self._tables.generation

    def settlements(self) -> int:
        return self._tables.settlements

    def held(self, customers: Collection[str]) -> dict[str, Held]:
        return self._tables.held(customers)
