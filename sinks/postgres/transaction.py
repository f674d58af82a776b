"""One batch's transaction in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from psycopg2 import errors
from psycopg2.extensions import cursor

from schemas import portrait
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from schemas.portrait import Portrait
from schemas.rejected import DeadLetter
from sinks.postgres.rows import CUSTOMER_COLUMNS, EVENT_COLUMNS, RowReader, array, customer_row, event_rows, timestamp
from sinks.postgres.sql import statement
from sinks.store import Changes, Gap, Partition, Position, Refused, Span


class PostgresTransaction:
    """See `sinks.store.Transaction`."""

    def __init__(self, at: cursor) -> None:
        self._at = at
        self._held: dict[str, tuple[str, ...]] = {}
        self._states: dict[str, str] = {}
        self._claimed_identifiers: list[str] = []
        self._tried = False
        self._due = False

    def execute(self, name: str, /, **parameters: Any) -> None:
        """Run a statement of `sinks/postgres/sql`."""
        try:
            self._at.execute(_statement(name), parameters)
        except ValueError as error:  # a NUL character: psycopg2 refuses it before PostgreSQL could
            raise Refused(str(error)) from error

    def rows(self, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        self.execute(name, **parameters)
        found: list[tuple[Any, ...]] = self._at.fetchall()
        return found

    def fresh(self, partition: Partition, span: Span) -> int:
        place = {"topic": partition.topic, "partition": partition.number}
        found = self.rows("lock_position", **place)
        if not found:
            self.execute("begin_position", **place, first=span.first)
            found = self.rows("lock_position", **place)
        stored: int = found[0][0]
        if span.first > stored:
            raise Gap(
                f"{partition.topic}/{partition.number}: offsets {stored} to {span.first - 1} are missing from the log "
                "(expired, or the topic was made anew); see docs/operating.md, 'a gap in the log'"
            )
        return min(stored, span.end)

    def claim(self, events: Sequence[CleanEvent]) -> list[CleanEvent]:
        if not events:
            return []
        stored = dict(self.rows("stored_events", keys=array({event.key for event in events})))
        claimed: dict[str, CleanEvent] = {}
        repeated: dict[str, str] = {}
        for event in events:
            first = claimed.get(event.key)
            origin = stored.get(event.key) if first is None else first.origin
            if origin is None:
                claimed[event.key] = event
            elif origin != event.origin:
                repeated[event.origin] = event.key
        if repeated:
            self.execute("keep_duplicates", origins=array(repeated), keys=array(repeated.values()))
        return list(claimed.values())

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, str]:
        if not identifiers:
            return {}
        named = {f"{kind}:{value}": Identifier(kind, value) for kind, value in identifiers}
        found = self.rows("customers_of", identifiers=array(named))
        return {named[name]: customer for name, customer in found}

    def hold(self, assigned: Mapping[Identifier, str], customers: Collection[str], created: Collection[str]) -> bool:
        retried, self._tried = self._tried, True
        if assigned:
            names = [f"{kind}:{value}" for kind, value in assigned]
            new = self.rows("assign_identifiers", identifiers=array(names), customers=array(assigned.values()))
            self._claimed_identifiers.extend(name for (name,) in new)
            if len(new) < len(assigned):
                return False
        living = [customer for customer in customers if customer not in created]
        if living:
            self._at.execute("savepoint hold")
            held = self.rows("hold_customers", ids=array(living))
            if len(held) < len(living):
                self._at.execute("rollback to savepoint hold")
                return False
            self._keep(held)
        if retried and self._claimed_identifiers:
            self.execute("repoint_identifiers", identifiers=array(self._claimed_identifiers))
        return True

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        states = self._states
        return {customer: portrait.decode(states.pop(customer)) for customer in customers if customer in states}

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        held = self._held
        return {customer: held[customer] for customer in customers if customer in held}

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        pairs = [(customer, order) for customer, ids in orders.items() if customer in self._held for order in ids]
        if not pairs:
            return set()
        found = self.rows(
            "orders_counted",
            customers=array([customer for customer, _ in pairs]),
            orders=array([order for _, order in pairs]),
        )
        return {(customer, order) for customer, order in found}

    def shared_orders(self, merged: Mapping[str, str]) -> dict[str, int]:
        found = self.rows("shared_orders", ended=array(merged), survivors=array(merged.values()))
        return {survivor: int(times) for survivor, times in found}

    def save(self, changes: Changes) -> None:
        at = timestamp(changes.now)
        if changes.merged:
            ended, survivors = array(changes.merged), array(changes.merged.values())
            self.execute("end_customers", ended=ended, survivors=survivors, at=at)
        if changes.events:
            self._copy("portrait.events", EVENT_COLUMNS, event_rows(changes.events))
        if changes.portraits:
            self.execute("create_incoming")
            portraits, summaries, segments = changes.portraits, changes.summaries, changes.segments
            rows = (
                customer_row(customer, portraits[customer], summaries[customer], segments[customer], changes.now)
                for customer in sorted(portraits)
            )
            self._copy("incoming", CUSTOMER_COLUMNS, rows)
            self.execute("save_customers", exact=self._due)
        if changes.links:
            links = [
                {"a": str(link.a), "b": str(link.b), "time": timestamp(link.time), "key": link.key, "rule": link.rule}
                for link in changes.links
            ]
            self.execute("keep_links", links=_json(links))
        if changes.moves:
            moves = [
                {
                    "customer_id": move.customer,
                    "segment": move.segment,
                    "family": move.family,
                    "action": move.action,
                    "reason": move.reason,
                    "rule_version": move.rule_version,
                }
                for move in changes.moves
            ]
            self.execute("change_memberships", changes=_json(moves), at=at)

    def keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        self.execute("keep_letters", letters=msgspec.json.encode(letters).decode())

    def advance(self, position: Position) -> None:
        for partition in sorted(position.spans):
            place = {"topic": partition.topic, "partition": partition.number}
            self.execute("advance_position", **place, next=position.spans[partition].end)

    def due(self, now: int, limit: int) -> list[str]:
        self._due = True
        found = self.rows("due_customers", now=timestamp(now), limit=limit)
        self._keep(found)
        return list(self._held)

    def _keep(self, held: list[tuple[Any, ...]]) -> None:
        self._held = {customer: tuple(segments) for customer, segments, _ in held}
        self._states = {customer: state for customer, _, state in held}

    def _copy(self, table: str, columns: str, rows: Iterable[str]) -> None:
        failed: list[Exception] = []

        def watched() -> Iterator[str]:
            try:
                yield from rows
            except Exception as error:
                failed.append(error)
                raise

        try:
            self._at.copy_expert(f"copy {table} ({columns}) from stdin", RowReader(watched()), size=1 << 16)  # type: ignore[arg-type]
        except errors.QueryCanceled:
            if failed:  # to psycopg2 a query that was cancelled, which would be tried again for ever
                raise failed[0] from None
            raise


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_statements: dict[str, str] = {}


def _statement(name: str) -> str:
    text = _statements.get(name)
    if text is None:
        text = _statements[name] = statement(name)
    return text
