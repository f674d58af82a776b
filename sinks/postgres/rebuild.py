"""Replace identities, portraits and segments by what the stored events say, in one transaction.

Readers see the store as it was until the end; workers wait, and their events wait in Kafka. Ids stay: a customer keeps the oldest
id that any of its identifiers led to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from psycopg2.extensions import connection

from schemas import clean
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.portrait import Portrait, Segments, Summary
from sinks.postgres.connecting import connect
from sinks.postgres.errors import translated
from sinks.postgres.rows import CUSTOMER_COLUMNS, bigint, copy_rows, customer_row, fields, text, timestamp, uuid
from sinks.postgres.sql import statement

_ROWS_AT_A_TIME = 5_000


class Rebuild:
    """One rebuilding transaction. The calls come in this order."""

    def __init__(self, opened: connection, now: int) -> None:
        self._opened = opened
        self._now = now

    def count(self) -> int:
        """How many events there are."""
        with self._opened.cursor() as at:
            at.execute(statement("counts"))
            return int(at.fetchall()[0][1])

    def bodies(self) -> Iterator[CleanEvent]:
        """Every event, in no order."""
        for (body,) in self._rows("rebuild_bodies"):
            yield clean.decode(body.encode())

    def identifiers(self) -> Iterator[tuple[Identifier, str]]:
        """Who is who as stored."""
        for name, customer in self._rows("identifiers"):
            kind, _, value = name.partition(":")
            yield Identifier(kind, value), customer

    def assign(self, identifiers: Iterable[tuple[Identifier, str]], links: Iterable[Link]) -> None:
        """Who is who afresh, and every link that events state."""
        self._copy(
            "fresh_identifiers", "identifier, customer_id", (fields(text(str(i)), uuid(c)) for i, c in identifiers)
        )
        rows = (fields(text(str(k.a)), text(str(k.b)), bigint(k.time), uuid(k.key), text(k.rule)) for k in links)
        self._copy("fresh_links", "a, b, time, key, rule", rows)

    def events_by_customer(self) -> Iterator[tuple[str | None, CleanEvent]]:
        """Every event with its customer as assigned, customer by customer, by key within one."""
        for customer, body in self._rows("rebuild_events"):
            yield customer, clean.decode(body.encode())

    def put(self, folded: Iterable[tuple[str, Portrait, Summary, Segments]]) -> None:
        """The customers as folded afresh."""
        rows = (customer_row(customer, p, s, segments, self._now) for customer, p, s, segments in folded)
        self._copy("incoming", CUSTOMER_COLUMNS, rows)

    def swap(self, family: str, version: int) -> int:
        """Let it replace what is stored, where it differs; return how many customers that changed."""
        at_text = timestamp(self._now)
        with self._opened.cursor() as at:
            at.execute(statement("rebuild_generation"))
            at.execute(statement("rebuild_swap"), {"at": at_text})
            at.execute("select (select count(*) from incoming) + (select count(*) from ended)")
            changed = int(at.fetchall()[0][0])
            at.execute(statement("save_customers"), {"exact": True})
            at.execute(statement("rebuild_memberships"), {"at": at_text, "family": family, "version": version})
        return changed

    def _rows(self, name: str) -> Iterator[tuple[Any, ...]]:
        with self._opened.cursor(name=f"portrait_{name}") as at:
            at.itersize = _ROWS_AT_A_TIME
            at.execute(statement(name))
            yield from at

    def _copy(self, table: str, columns: str, rows: Iterable[bytes]) -> None:
        """Some rows at a time: making them may read from the same connection, which a COPY in progress does not allow."""
        waiting = iter(rows)
        with self._opened.cursor() as at:
            while chunk := list(islice(waiting, _ROWS_AT_A_TIME)):
                copy_rows(at, table, columns, chunk)


@contextmanager
def rebuilding(url: str, now: int) -> Iterator[Rebuild]:
    """Fence the workers, and commit on leaving. `url` is that of the owner, `now` Unix ms."""
    with translated():
        opened = connect(url, "portrait-rebuild")
    try:
        with translated(), opened:
            with opened.cursor() as at:
                for name in ("rebuild_fence", "rebuild_tables", "create_incoming"):
                    at.execute(statement(name))
            yield Rebuild(opened, now)
    finally:
        opened.close()
