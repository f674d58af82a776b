"""The PostgreSQL store as of one instant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg2.extensions import connection

from schemas import clean
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.identity import Member
from schemas.judgements import Judgement
from schemas.portrait import Listed
from sinks.postgres import lookup
from sinks.postgres.sql import statement
from sinks.snapshot import UnevenChanges

_ROWS_AT_A_TIME = 5_000


class PostgresSnapshot:
    """See `sinks.snapshot.Snapshot`. Holds a transaction open on `reading` until that is closed."""

    def __init__(self, reading: connection) -> None:
        self._reading = reading

    def counts(self) -> tuple[int, int]:
        customers, events = next(self._rows("counts"))
        return customers, events

    def events_by_customer(self) -> Iterator[tuple[str | None, str | None, CleanEvent]]:
        for customer, node, body in self._rows("events_by_customer"):
            yield customer, node, clean.decode(body.encode())

    def served(self) -> Iterator[Listed]:
        yield from map(lookup.listed, self._rows("served"))

    def swept(self, digest: str) -> bool:
        return bool(next(self._rows("is_swept", digest=digest))[0])

    def uneven_changes(self) -> Iterator[UnevenChanges]:
        yield from map(UnevenChanges._make, self._rows("uneven_changes"))

    def members(self) -> Iterator[Member]:
        yield from map(lookup.member, self._rows("all_members"))

    def links(self) -> Iterator[Link]:
        yield from map(lookup.link, self._rows("links"))

    def judgements(self) -> list[Judgement]:
        return list(map(lookup.judgement, self._rows("judgements")))

    def unsettled(self) -> list[Identifier]:
        return [lookup.named(name) for (name,) in self._rows("all_unsettled")]

    def _rows(self, name: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        with self._reading.cursor(name=f"portrait_{name}") as at:
            at.itersize = _ROWS_AT_A_TIME
            at.execute(statement(name), parameters)
            yield from at
