"""Replace identities, portraits and segments by what the stored events say, in one transaction.

Readers see the store as it was until the end; workers wait, and their events wait in Kafka. Ids stay: a customer keeps the oldest
id that any of its identifiers led to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from psycopg2.extensions import connection

from schemas import clean
from schemas.clean import CleanEvent
from schemas.computed import Computed
from schemas.identifiers import Identifier, Link
from schemas.identity import Member, Name, Refusal
from schemas.judgements import Judgement
from schemas.portrait import Portrait, Segments, Summary
from sinks.postgres import lookup
from sinks.postgres.connecting import connect
from sinks.postgres.errors import translated
from sinks.postgres.rows import CUSTOMER_COLUMNS, array, bigint, copy_rows, customer_row, fields, text, timestamp, uuid
from sinks.postgres.sql import statement

_ROWS_AT_A_TIME = 5_000


class Fresh(NamedTuple):
    """Who is who, as decided afresh.

    moved: event key → the node that it belongs to, where that is not the one stored. refused: see `schemas.identity.Resettled`.
    """

    members: Iterable[Member]
    links: Iterable[Link]
    refused: Mapping[tuple[Identifier, Identifier], Refusal]
    moved: Mapping[str, str | None]
    names: Iterable[Name]


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

    def events(self) -> Iterator[tuple[str | None, CleanEvent]]:
        """Every event with the node that it is stored for, in no order."""
        for node, body in self._rows("rebuild_bodies"):
            yield node, clean.decode(body.encode())

    def events_at(self, nodes: Collection[str]) -> Iterator[tuple[str, CleanEvent]]:
        """The events that are stored for these nodes, each with its node."""
        for node, body in self._rows("events_at", nodes=array(nodes)):
            yield node, clean.decode(body.encode())

    def judgements(self) -> list[Judgement]:
        """Every judgement in force."""
        return list(map(lookup.judgement, self._rows("judgements")))

    def names(self) -> list[Name]:
        """Every id that was given out, with what it began with, and the customer that it led to."""
        return [Name(*row) for row in self._rows("rebuild_names")]

    def assign(self, fresh: Fresh) -> None:
        """Who is who afresh."""
        self._copy(
            "fresh_identifiers",
            "node, identifier, since, customer_id, standing, why",
            (
                fields(
                    uuid(member.node),
                    text(str(member.identifier)),
                    bigint(member.since),
                    uuid(member.customer),
                    bigint(int(member.standing)),
                    text(member.why),
                )
                for member in fresh.members
            ),
        )
        self._copy("fresh_links", "a, b, time, key, rule, last, refused, refused_because", self._links(fresh))
        self._copy("fresh_nodes", "key, node", (fields(uuid(key), uuid(node)) for key, node in fresh.moved.items()))
        self._copy(
            "fresh_names",
            "id, anchor, customer_id",
            (fields(uuid(name.id), uuid(name.anchor), uuid(name.customer)) for name in fresh.names),
        )

    def _links(self, fresh: Fresh) -> Iterator[bytes]:
        for link in fresh.links:
            why = fresh.refused.get((link.a, link.b))
            yield fields(
                text(str(link.a)),
                text(str(link.b)),
                bigint(link.time),
                uuid(link.key),
                text(link.rule),
                bigint(link.last),
                text(why and why.code),
                text(why and why.message),
            )

    def events_by_customer(self) -> Iterator[tuple[str | None, CleanEvent]]:
        """Every event with its customer as assigned, customer by customer, by key within one."""
        for customer, body in self._rows("rebuild_events"):
            yield customer, clean.decode(body.encode())

    def computed(self) -> Iterator[tuple[str, Computed]]:
        """What jobs computed of customers, in the order of their ids, as far as anything was."""
        for customer, *columns in self._rows("rebuild_computed"):
            yield customer, Computed(*columns)

    def put(self, folded: Iterable[tuple[str, Portrait, Summary, Segments, str]]) -> None:
        """The customers as folded afresh, each with the node that it began with."""
        rows = (
            customer_row(customer, p, s, segments, self._now, anchor) for customer, p, s, segments, anchor in folded
        )
        self._copy("incoming", CUSTOMER_COLUMNS, rows)

    def swap(self, families: Mapping[str, tuple[str, int]]) -> int:
        """Let it replace what is stored, where it differs; return how many customers that changed. `families`: segment → its
        family, and the version of that."""
        at_text = timestamp(self._now)
        with self._opened.cursor() as at:
            at.execute(statement("rebuild_generation"))
            at.execute(statement("rebuild_swap"), {"at": at_text})
            at.execute("select (select count(*) from incoming) + (select count(*) from ended)")
            changed = int(at.fetchall()[0][0])
            at.execute(statement("save_customers"), {"exact": True, "evaluation": False})
            at.execute(statement("rebuild_revived"))
            names, versions = zip(*families.values(), strict=True)
            segments = {"segments": array(families), "families": array(names), "versions": array(map(str, versions))}
            at.execute(statement("rebuild_memberships"), {"at": at_text, **segments})
        return changed

    def _rows(self, name: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        with self._opened.cursor(name=f"portrait_{name}") as at:
            at.itersize = _ROWS_AT_A_TIME
            at.execute(statement(name), parameters)
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
