"""Deciding anew who some identifiers are, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import count
from typing import Any

from schemas import clean
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.identity import Mark, Member, Name, Resettled
from schemas.judgements import Judgement
from sinks.postgres import lookup
from sinks.postgres.rows import Packed, array, timestamp
from sinks.postgres.sql import statement
from sinks.postgres.transaction import PostgresTransaction

_ROWS_AT_A_TIME = 5_000
_numbers = count()


class PostgresSettling(PostgresTransaction):
    """See `sinks.store.Settling`."""

    def unsettled(self, limit: int, *, large: bool = False) -> list[Mark]:
        return _marks(self.ask("unsettled", limit=limit, large=large))

    def unsettled_of(self, identifiers: Collection[Identifier], *, judged: bool, large: bool) -> list[Mark]:
        names = array(map(str, identifiers))
        return _marks(self.ask("unsettled_of", identifiers=names, judged=judged, large=large))

    def marked(self, identifiers: Collection[Identifier]) -> set[Identifier]:
        return {lookup.named(name) for (name,) in self.ask("marked", identifiers=array(map(str, identifiers)))}

    def park(self, identifiers: Collection[Identifier]) -> None:
        nodes = [member.node for member in self.members(identifiers)]
        self.execute("park", nodes=array(nodes))

    def postpone(self, marks: Collection[int]) -> None:
        self.execute("postpone", marks=array(map(str, marks)))

    def members(self, identifiers: Collection[Identifier]) -> list[Member]:
        asked = list(identifiers)
        names, values = array(map(str, asked)), array([identifier.value for identifier in asked])
        return list(map(lookup.member, self.ask("members", identifiers=names, values=values)))

    def hold_nodes(self, nodes: Collection[str]) -> None:
        self.execute("hold_nodes", nodes=array(nodes))

    def links_at(self, identifiers: Collection[Identifier]) -> list[Link]:
        return list(map(lookup.link, self.ask("links_at", identifiers=array(map(str, identifiers)))))

    def judgements(self) -> list[Judgement]:
        return list(map(lookup.judgement, self.ask("judgements")))

    def names(self, customers: Collection[str]) -> list[Name]:
        return [Name(*row) for row in self.ask("names", customers=array(customers))]

    def events_at(self, nodes: Collection[str], known: Collection[str] = ()) -> Iterator[tuple[str, CleanEvent]]:
        parameters = {"nodes": array(nodes)}
        name = "events_at"
        if known:
            keys = {key for (key,) in self.ask("keys_at", **parameters)}
            parameters, name = {"keys": array(keys.difference(known))}, "events_by_key"
        at = self._at.connection.cursor(name=f"portrait_events_at_{next(_numbers)}")
        at.itersize = _ROWS_AT_A_TIME
        at.execute(statement(name), parameters)
        for node, body in at:
            yield node, clean.decode(body.encode())
        at.close()  # a reader that gives up rolls the transaction back, and with it this

    def settled(self, marks: Collection[int]) -> None:
        self.execute("settled", marks=array(map(str, marks)))

    def resettle(self, resettled: Resettled, packed: Packed) -> None:
        at = timestamp(resettled.now)
        if resettled.ended:
            ended, survivors = array(resettled.ended), array(resettled.ended.values())
            self.execute("end_customers", ended=ended, survivors=survivors, at=at)
        if resettled.members or resettled.gone:
            self._members(resettled.members, resettled.gone)
        if resettled.moved:
            self.execute("move_events", keys=array(resettled.moved), nodes=array(resettled.moved.values()))
        self.save(packed)
        if resettled.names:
            ids, anchors, customers = (array(column) for column in zip(*resettled.names, strict=True))
            self.execute("settle_names", ids=ids, anchors=anchors, customers=customers, at=at)
        if resettled.touched:
            self.execute("touch_customers", customers=array(sorted(resettled.touched)))
        self._links(resettled, at)
        if resettled.turns:
            actions, ids, others, reasons = (array(column) for column in zip(*resettled.turns, strict=True))
            self.execute("tell_turns", actions=actions, customers=ids, others=others, reasons=reasons, at=at)

        self.execute("count_settlement")  # at the end: others wait here until the commit

    def _members(self, members: Sequence[Member], gone: Collection[str]) -> None:
        self.execute(
            "settle_members",
            nodes=array([member.node for member in members]),
            identifiers=array([str(member.identifier) for member in members]),
            sinces=array([str(member.since) for member in members]),
            customers=array([member.customer or "" for member in members]),
            standings=array([str(int(member.standing)) for member in members]),
            whys=array([member.why or "" for member in members]),
            gone=array(gone),
        )

    def _links(self, resettled: Resettled, at: str) -> None:
        refused = resettled.refused
        if refused:
            codes = array(["" if why is None else why.code for why in refused.values()])
            messages = array(["" if why is None else why.message for why in refused.values()])
            a, b = array([str(a) for a, _ in refused]), array([str(b) for _, b in refused])
            self.execute("settle_links", a=a, b=b, codes=codes, messages=messages)
        asked = {(review.a, review.b) for review in resettled.reviews}
        closed = [pair for pair in refused if pair not in asked]
        if closed:
            a, b = array([str(a) for a, _ in closed]), array([str(b) for _, b in closed])
            self.execute("close_reviews", a=a, b=b, at=at)
        if resettled.reviews:
            self.execute(
                "open_reviews",
                kinds=array([review.kind for review in resettled.reviews]),
                a=array([str(review.a) for review in resettled.reviews]),
                b=array([str(review.b or "") for review in resettled.reviews]),
                messages=array([review.message for review in resettled.reviews]),
                at=at,
            )


def _marks(rows: Sequence[tuple[Any, ...]]) -> list[Mark]:
    return [Mark(number, lookup.named(name), judged) for number, name, judged in rows]
