"""One batch's transaction in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from psycopg2.extensions import cursor

from schemas import portrait
from schemas.computed import NOTHING, Computed
from schemas.identifiers import Identifier, Known, Link, Pair, Standing, node_of, shut_among
from schemas.portrait import Listed, Portrait
from schemas.ranks import Bounds
from schemas.rejected import DeadLetter
from sinks.postgres import lookup
from sinks.postgres.rows import CUSTOMER_COLUMNS, EVENT_COLUMNS, Packed, array, copy_rows, moved_turns, timestamp
from sinks.postgres.sql import statement
from sinks.store import Base, Gap, Held, Partition, Position, Refused, Span


class PostgresTransaction:
    """See `sinks.store.Transaction`."""

    def __init__(self, at: cursor) -> None:
        self._at = at
        self._held: dict[str, tuple[str, ...]] = {}
        self._states: dict[str, str] = {}
        self._computed: dict[str, Computed] = {}
        self._assigned: Collection[Identifier] = ()
        self._due = self._came = False

    def execute(self, name: str, /, **parameters: Any) -> None:
        """Run a statement of `sinks/postgres/sql`."""
        try:
            self._at.execute(statement(name), parameters)
        except ValueError as error:  # a NUL character: psycopg2 refuses it before PostgreSQL could
            raise Refused(str(error)) from error

    def ask(self, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        self.execute(name, **parameters)
        found: list[tuple[Any, ...]] = self._at.fetchall()
        return found

    def fresh(self, partition: Partition, span: Span) -> int:
        stored = self._lock_position(partition, span.first)
        if span.first > stored:
            raise Gap(
                f"{partition.topic}/{partition.number}: offsets {stored} to {span.first - 1} are missing from the log "
                "(expired, or the topic was made anew); see docs/operating.md, 'a gap in the log'"
            )
        return min(stored, span.end)

    def _lock_position(self, partition: Partition, first: int) -> int:
        """Where reading of `partition` stands; at `first`, when it was never read."""
        place = {"topic": partition.topic, "partition": partition.number}
        found = self.ask("lock_position", **place)
        if not found:
            self.execute("begin_position", **place, first=first)
            found = self.ask("lock_position", **place)
        stored: int = found[0][0]
        return stored

    def confirm(self, base: Base) -> Mapping[str, tuple[str, ...]] | None:
        for partition in sorted(base.positions):
            if self._lock_position(partition, base.positions[partition]) != base.positions[partition]:
                return None
        if lookup.generation(self.ask) != base.generation:
            return None
        if base.assigned and len(self._assign(base.assigned)) < len(base.assigned):
            return None
        evaluated: dict[str, list[str]] = {}
        if base.stamps:
            facts, evaluations = (array(map(str, column)) for column in zip(*base.stamps.values(), strict=True))
            found = self.ask("confirm_customers", ids=array(base.stamps), facts=facts, evaluations=evaluations)
            confirmed, evaluated = found[0]
            if confirmed < len(base.stamps):
                return None
        return {each: tuple(names) for each, names in evaluated.items()} if self._still_shut(base.shut) else None

    def _still_shut(self, shut: Mapping[Identifier, Standing]) -> bool:
        """After the customers, as settling does: in one order."""
        if not shut:
            return True
        standings = array([str(int(standing)) for standing in shut.values()])
        (same,) = self.ask("still_shut", nodes=array(map(node_of, shut)), standings=standings)[0]
        return bool(same == len(shut))

    def stored(self, keys: Collection[str]) -> dict[str, str]:
        return lookup.stored(self.ask, keys)

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, Known]:
        return lookup.customers_of(self.ask, identifiers)

    def kin(self, customers: Collection[str]) -> dict[str, list[Identifier]]:
        return lookup.kin(self.ask, customers)

    def recorded(self, pairs: Collection[Pair]) -> dict[Pair, Link]:
        return lookup.recorded(self.ask, pairs)

    def stands(self, known: Mapping[Identifier, Known], kin: Mapping[str, Collection[Identifier]]) -> bool:
        if not self._still_shut(shut_among(known)):
            self._let_go()
            return False
        now = self.customers_of(known)
        mine = set(self._assigned)
        if now == known and all(
            mine.issuperset(set(ids).difference(kin.get(each, ()))) for each, ids in self.kin(kin).items()
        ):
            return True
        self._let_go()
        return False

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        return lookup.orders_counted(self.ask, {each: ids for each, ids in orders.items() if each in self._held})

    def orders_of(self, customers: Collection[str]) -> dict[str, set[str]]:
        return lookup.orders_of(self.ask, customers)

    def hold(self, assigned: Mapping[Identifier, Known], customers: Collection[str], created: Collection[str]) -> bool:
        self._at.execute("savepoint hold")
        if assigned and len(self._assign(assigned)) < len(assigned):
            self._let_go()
            return False
        self._assigned = assigned
        living = [customer for customer in customers if customer not in created]
        if living:
            held = self.ask("hold_customers", ids=array(living))
            if len(held) < len(living):
                self._let_go()
                return False
            self._keep(held)
        return True

    def _let_go(self) -> None:
        """Be as before `hold`: what was taken then was decided by what is no longer so, and may lead to nobody."""
        self._at.execute("rollback to savepoint hold")
        self._held, self._states, self._computed, self._assigned = {}, {}, {}, ()

    def _assign(self, assigned: Mapping[Identifier, Known]) -> list[Identifier]:
        """Those identifiers that were really new."""
        new = self.ask(
            "assign_identifiers",
            nodes=array(map(node_of, assigned)),
            identifiers=array([f"{kind}:{value}" for kind, value in assigned]),
            customers=array([known.customer or "" for known in assigned.values()]),
            standings=array([str(int(known.standing)) for known in assigned.values()]),
        )
        if new:
            self.execute("mark_judged", identifiers=array([name for (name,) in new]))
        return [lookup.named(name) for (name,) in new]

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        states = self._states
        return {customer: portrait.decode(states.pop(customer)) for customer in customers if customer in states}

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        held = self._held
        return {customer: held[customer] for customer in customers if customer in held}

    def computed(self, customers: Collection[str]) -> dict[str, Computed]:
        del customers
        return self._computed

    def keep_duplicates(self, duplicates: Mapping[str, str]) -> None:
        self.execute("keep_duplicates", origins=array(duplicates), keys=array(duplicates.values()))

    def saved(self, customers: Collection[str]) -> dict[str, Held]:
        return lookup.held(self.ask, customers)

    def save(self, packed: Packed, unmoved: Collection[str] = ()) -> None:
        moved: list[tuple[Any, ...]] = []
        if packed.merged is not None:
            moved = self.ask("lead_to_survivors", **packed.merged)
            self.execute("end_customers", **packed.merged, at=packed.at)
        if packed.turns is not None:
            self.execute("tell_turns", **packed.turns, at=packed.at)
            if moved:
                self.execute("tell_turns", **moved_turns(moved), at=packed.at)
        if packed.events:
            copy_rows(self._at, "portrait.events", EVENT_COLUMNS, packed.events)
        if packed.customers:
            self.execute("clear_incoming" if self._came else "create_incoming")
            self._came = True
            copy_rows(self._at, "incoming", CUSTOMER_COLUMNS, packed.customers)
            self.execute("save_customers", exact=self._due, evaluation=packed.evaluation)
        if packed.unsettled is not None:
            self.execute("mark_unsettled", identifiers=packed.unsettled, judged=False)
        if packed.links is not None:
            self.execute("keep_links", **packed.links)
        if packed.moves is not None:
            self.execute("change_memberships", **packed.moves, at=packed.at, unmoved=array(unmoved))

    def keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        self.execute("keep_letters", letters=msgspec.json.encode(letters).decode())

    def advance(self, position: Position) -> None:
        for partition in sorted(position.spans):
            place = {"topic": partition.topic, "partition": partition.number}
            self.execute("advance_position", **place, next=position.spans[partition].end)

    def due(self, now: int, limit: int) -> dict[str, bool]:
        self._due = True
        found = self.ask("due_customers", now=timestamp(now), limit=limit)
        self._keep([row[:-1] for row in found])
        return {row[0]: row[-1] for row in found}

    def begin_sweep(self, digest: str) -> None:
        self.execute("begin_sweep", digest=digest)

    def go_by(self, digest: str) -> None:
        if self.ask("go_by", digest=digest):
            self.execute("sweep_again", digest=digest)

    def sweep(self, digest: str) -> str | None:
        found = self.ask("sweep", digest=digest)
        return str(found[0][0]) if found else None

    def customers_after(self, customer: str, limit: int) -> list[Listed]:
        found = self.ask("customers_after", after=customer, limit=limit)
        return [lookup.listed(row) for row in found]

    def bring_forward(self, dues: Mapping[str, int]) -> None:
        self.execute("bring_forward", customers=array(dues), times=array(map(str, dues.values())))

    def swept(self, digest: str, customer: str | None) -> None:
        self.execute("swept", digest=digest, after=customer)

    def forget_sweep(self, digest: str) -> None:
        self.execute("forget_sweep", digest=digest)

    def keep_failures(self, failures: Mapping[str, tuple[str, int]], now: int) -> None:
        messages, times = zip(*failures.values(), strict=True)
        said, counts = array(messages), array(map(str, times))
        self.execute("keep_failures", segments=array(failures), messages=said, times=counts, at=timestamp(now))

    def forget_failures(self) -> None:
        self.execute("forget_failures")

    def bounds(self) -> Bounds | None:
        stored = self.ask("bounds")
        return msgspec.json.decode(stored[0][0], type=Bounds) if stored else None

    def begin_ranking(self, now: int) -> bool:
        return bool(self.ask("begin_ranking", now=timestamp(now)))

    def measure(self, now: int) -> Bounds | None:
        customers, recency, frequency, monetary, top, vital = self.ask("measure")[0]
        if not customers:
            return None
        return Bounds(tuple(recency), tuple(frequency), tuple(monetary), tuple(top or ()), vital, customers, now)

    def keep_bounds(self, bounds: Bounds | None, next_at: int) -> None:
        kept = None if bounds is None else msgspec.json.encode(bounds).decode()
        self.execute("keep_bounds", bounds=kept, next=timestamp(next_at))

    def waiting(self, now: int, limit: int) -> int:
        return int(self.ask("waiting", now=timestamp(now), limit=limit)[0][0])

    def ranked_elsewhere(self, bounds: Bounds, now: int, limit: int) -> list[str]:
        given = {name: array(map(str, getattr(bounds, name))) for name in ("recency", "frequency", "monetary", "top")}
        found = self.ask("ranked_elsewhere", **given, vital=bounds.vital, now=timestamp(now), limit=limit)
        return [customer for (customer,) in found]

    def _keep(self, held: list[tuple[Any, ...]]) -> None:
        self._held = {row[0]: tuple(row[1]) for row in held}
        self._states = {row[0]: row[2] for row in held}
        self._computed = {row[0]: Computed(*row[3:]) for row in held if row[3:] != NOTHING}
