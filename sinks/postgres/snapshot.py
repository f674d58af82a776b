"""The PostgreSQL store as of one instant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg2.extensions import connection

from schemas import clean, portrait
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from schemas.portrait import Portrait
from sinks.postgres.sql import statement

_ROWS_AT_A_TIME = 5_000


class PostgresSnapshot:
    """See `sinks.store.Snapshot`. Holds a transaction open on `reading` until that is closed."""

    def __init__(self, reading: connection) -> None:
        self._reading = reading

    def counts(self) -> tuple[int, int]:
        customers, events = next(self._rows("counts"))
        return customers, events

    def events_by_customer(self) -> Iterator[tuple[str | None, CleanEvent]]:
        for customer, body in self._rows("events_by_customer"):
            yield customer, clean.decode(body.encode())

    def served(self) -> Iterator[tuple[str, Portrait]]:
        for customer, state in self._rows("served"):
            yield customer, portrait.decode(state.encode())

    def identifiers(self) -> Iterator[tuple[Identifier, str]]:
        for name, customer in self._rows("identifiers"):
            kind, _, value = name.partition(":")
            yield Identifier(kind, value), customer

    def _rows(self, name: str) -> Iterator[tuple[Any, ...]]:
        with self._reading.cursor(name=f"portrait_{name}") as at:
            at.itersize = _ROWS_AT_A_TIME
            at.execute(statement(name))
            yield from at
