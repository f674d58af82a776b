"""One batch's transaction in memory, on a copy of the tables."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence

from schemas.clean import CleanEvent
from schemas.computed import Computed
from schemas.identifiers import Identifier, Known, Link, Standing, earliest, node_of
from schemas.identity import Mark, Member, Name, Resettled, Turn
from schemas.judgements import Judgement
from schemas.portrait import Move, Portrait
from schemas.rejected import DeadLetter
from sinks.memory_evaluating import MemoryEvaluating
from sinks.memory_tables import Tables
from sinks.store import (
    Base,
    Changes,
    Gap,
    Held,
    Partition,
    Position,
    Retryable,
    Span,
    Stamp,
)


class MemoryTransaction(MemoryEvaluating):
    """See `sinks.store.Settling`."""

    def __init__(self, tables: Tables) -> None:
        self._now = tables
        self._due = False

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

    def confirm(self, base: Base) -> Mapping[str, tuple[str, ...]] | None:
        tables = self._tables
        stands = (
            base.generation == tables.generation
            and all(tables.positions.get(partition, first) == first for partition, first in base.positions.items())
            and not any(node_of(identifier) in tables.members for identifier in base.assigned)
            and all(tables.members[node_of(each)].standing is standing for each, standing in base.shut.items())
            and all(
                each in tables.stamps and tables.stamps[each].facts == stamp.facts
                for each, stamp in base.stamps.items()
            )
        )
        self._assign(base.assigned)
        evaluated = [each for each, stamp in base.stamps.items() if tables.stamps.get(each) != stamp]
        return self.segments(evaluated) if stands else None

    def due(self, now: int, limit: int) -> dict[str, bool]:
        self._due = True
        return super().due(now, limit)

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
            if self._tables.members.setdefault(member.node, member) is member:
                judged = [each for each in self._tables.judgements if identifier in each.named]
                self._tables.mark([identifier] if judged else [], judged=True)

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        stored = self._tables.portraits
        return {customer: copy.deepcopy(stored[customer]) for customer in customers if customer in stored}

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        stored = self._tables.segments
        return {customer: stored[customer].names for customer in customers if customer in stored}

    def saved(self, customers: Collection[str]) -> dict[str, Held]:
        return self._tables.held(customers)

    def computed(self, customers: Collection[str]) -> dict[str, Computed]:
        return {each: found for each, found in self._tables.computed.items() if each in customers}

    def save(self, packed: Changes, unmoved: Collection[str] = ()) -> None:
        changes, tables = packed, self._tables
        if unmoved:
            changes = changes._replace(moves=[move for move in changes.moves if move.customer not in unmoved])
        for event, node in changes.events:
            if event.key in tables.events:
                raise Retryable(f"another worker stored event {event.key} a moment ago")
            tables.events[event.key] = (event, node)
        for ended, survivor in changes.merged.items():
            self._end(ended, survivor)
            tables.turns.append(Turn("merged", ended, survivor, ""))
            for alias, into in sorted(tables.aliases.items()):
                if into == ended:
                    tables.aliases[alias] = survivor
                    tables.turns.append(Turn("moved", alias, survivor, ""))
            tables.aliases[ended] = survivor
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
        for table in (tables.portraits, tables.summaries, tables.segments, tables.stamps, tables.computed):
            table.pop(customer, None)

    def _put(self, changes: Changes) -> None:
        tables = self._tables
        tables.portraits.update(changes.portraits)
        for customer in changes.portraits:
            tables.stamps[customer] = tables.stamps.get(customer, Stamp()).next(evaluation=changes.evaluation)
        if changes.evaluation:
            tables.backfills = tables.backfills.difference(changes.portraits)
        tables.summaries.update(changes.summaries)
        for customer, after in changes.segments.items():
            known = tables.segments.get(customer)
            dues = [each.due for each in (known, after) if each is not None and each.due is not None]
            tables.segments[customer] = after if self._due else after._replace(due=min(dues, default=None))
        tables.moves.extend(changes.moves)

    def keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._tables.letters.setdefault(letter.origin, letter)

    def advance(self, position: Position) -> None:
        for partition, span in position.spans.items():
            self._tables.positions[partition] = max(span.end, self._tables.positions.get(partition, 0))

    def unsettled(self, limit: int, *, large: bool = False) -> list[Mark]:
        return [mark for mark in sorted(self._tables.marks.values()) if (mark.number in self._tables.large) is large][
            :limit
        ]

    def unsettled_of(self, identifiers: Collection[Identifier], *, judged: bool, large: bool) -> list[Mark]:
        asked, postponed = set(identifiers), self._tables.large
        return [
            mark
            for mark in self._tables.marks.values()
            if mark.identifier in asked and mark.judged is judged and (large or mark.number not in postponed)
        ]

    def marked(self, identifiers: Collection[Identifier]) -> set[Identifier]:
        return {mark.identifier for mark in self._tables.marks.values()}.intersection(identifiers)

    def park(self, identifiers: Collection[Identifier]) -> None:
        for member in self.members(identifiers):
            if member.standing is not Standing.QUARANTINED:
                self._tables.members[member.node] = member._replace(standing=Standing.PARKED)

    def postpone(self, marks: Collection[int]) -> None:
        self._tables.large.update(marks)

    def members(self, identifiers: Collection[Identifier]) -> list[Member]:
        asked = set(identifiers)
        return [member for member in self._tables.members.values() if member.identifier in asked]

    def hold_nodes(self, nodes: Collection[str]) -> None:
        del nodes

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

    def events_at(self, nodes: Collection[str], known: Collection[str] = ()) -> Iterator[tuple[str, CleanEvent]]:
        asked = set(nodes)
        for event, node in list(self._tables.events.values()):
            if node is not None and node in asked and event.key not in known:
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
            tables.stamps[customer] = tables.stamps[customer].next()
        tables.settlements += 1
        tables.turns.extend(resettled.turns)
        tables.reviews.extend(resettled.reviews)

    def settled(self, marks: Collection[int]) -> None:
        for mark in marks:
            self._tables.marks.pop(mark, None)
