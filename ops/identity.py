"""What people decide about identity: judgements, and the reviews that ask for them.

Judgements name identifiers, so they outlive merges, splits and rebuilds. Each is settled at once, by the same code that settles
what the stream leaves open.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extensions import cursor

from ops.customer import find
from ops.local.home import LocalStackError
from ops.sql import reading, rows, writing
from processors.apply import Rules
from processors.reference import Reference
from processors.settle import MOST_EVENTS, settle, settle_large
from schemas.identifiers import Standing
from schemas.judgements import Kind
from sinks.postgres.store import PostgresStore
from sinks.store import Retryable

_PATIENCE = 30.0


class Judged(NamedTuple):
    """A judgement as stored. left, right: `KIND:VALUE`s."""

    number: int
    kind: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    at: datetime
    by: str
    why: str
    undone_at: datetime | None = None
    undone_by: str | None = None


class Asked(NamedTuple):
    """A review: something a person should decide. score: of a suggestion. customers: of both sides, as they are now."""

    number: int
    kind: str
    a: str
    b: str | None
    message: str
    score: float | None
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    customer: str | None = None
    other: str | None = None


class Decider(NamedTuple):
    """Where decisions are entered, by whom and why."""

    url: str
    reference: Reference
    rules: Rules
    by: str
    why: str

    def join(self, one: str, other: str) -> int:
        """Let what two names stand for be one customer. Returns the judgement's number.

        Names are as for `ops.customer.find`. Raises LocalStackError saying what stands in the way; psycopg2.Error.
        """
        a, b = self._customer(one), self._customer(other)
        if a == b:
            raise LocalStackError(f"{one} and {other} are one customer already: {a}")
        with writing(self.url) as at:
            left, right = _identifiers(at, a), _identifiers(at, b)
            _check_not_apart(at, left, right)
            return _enter(at, Kind.JOIN, left[:1], right[:1], self)

    def never(self, one: str, other: str) -> int:
        """Keep what two names stand for two customers, whatever events say. Otherwise as `join`."""
        a, b = self._customer(one), self._customer(other)
        if a == b:
            raise LocalStackError(
                f"{one} and {other} are one customer: {a}. To take identifiers out of it, say which: "
                f"portrait identity split {a} KIND:VALUE"
            )
        with writing(self.url) as at:
            return _enter(at, Kind.APART, _identifiers(at, a), _identifiers(at, b), self)

    def split(self, customer: str, identifiers: Sequence[str]) -> int:
        """Take identifiers out of a customer: they are another one, whatever events say. Otherwise as `join`."""
        whole = self._customer(customer)
        with writing(self.url) as at:
            had = _identifiers(at, whole)
            strangers = [each for each in identifiers if each not in had]
            if strangers:
                raise LocalStackError(f"{', '.join(strangers)}: not of customer {whole}, who has {', '.join(had)}")
            rest = [each for each in had if each not in identifiers]
            if not rest:
                raise LocalStackError(
                    f"these are all identifiers of customer {whole}: nothing would stay. Leave one out"
                )
            for judged in _about(at, had):
                if judged.kind == Kind.JOIN and {*judged.left, *judged.right}.intersection(identifiers):
                    raise LocalStackError(_in_the_way(judged))
            return _enter(at, Kind.APART, list(identifiers), rest, self)

    def mark(self, kind: Kind, identifier: str) -> int:
        """Block an identifier (it stands for nobody), or trust it (it stands for one person). Otherwise as `join`."""
        with writing(self.url) as at:
            for judged in _about(at, [identifier]):
                if judged.kind in (Kind.BLOCK, Kind.TRUST):
                    raise LocalStackError(_in_the_way(judged))
            number = _enter(at, kind, [identifier], [], self)
            outcome = "accepted" if kind is Kind.BLOCK else "refused"
            rows(at, "close_reviews_about", identifier=identifier, outcome=outcome, judgement=number)
            return number

    def undo(self, number: int) -> Judged:
        """Take a judgement back. Raises LocalStackError when there is none, or it was taken back before; psycopg2.Error."""
        with writing(self.url) as at:
            found = rows(at, "judgement", number=number)
            if not found:
                raise LocalStackError(f"there is no judgement {number}. List them: portrait identity judgements")
            judged = Judged(*found[0])
            if judged.undone_at is not None:
                raise LocalStackError(
                    f"judgement {number} was taken back on {judged.undone_at:%Y-%m-%d} by {judged.undone_by}"
                )
            rows(at, "undo_judgement", number=number, by=self.by)
            rows(at, "reopen_reviews", judgement=number)
        return judged

    def decide(self, number: int, accept: bool) -> int | None:
        """Answer a review; returns the judgement that follows from it, None when nothing had to change.

        Accepting: the two are one customer; a quarantined value does stand for nobody; a value that ties too much together is
        blocked.
        Refusing: the two are never one; the value stands for one person; nothing.
        Raises LocalStackError when there is no such review, or it is answered; psycopg2.Error.
        """
        with writing(self.url) as at:
            found = rows(at, "review", number=number)
            if not found:
                raise LocalStackError(f"there is no review {number}. List them: portrait identity review ls")
            asked = Asked(*found[0])
            if asked.closed_at is not None:
                raise LocalStackError(f"review {number} was closed on {asked.closed_at:%Y-%m-%d}: {asked.outcome}")
            judgement: int | None = None
            if asked.b is not None:
                left, right = _kin(at, asked.a), _kin(at, asked.b)
                if accept:
                    _check_not_apart(at, left, right)
                    judgement = _enter(at, Kind.JOIN, left[:1], right[:1], self)
                else:
                    judgement = _enter(at, Kind.APART, left, right, self)
            elif accept or asked.kind == "quarantined":
                judgement = _enter(at, Kind.BLOCK if accept else Kind.TRUST, [asked.a], [], self)
            outcome = "accepted" if accept else "refused"
            rows(at, "close_review", number=number, outcome=outcome, judgement=judgement)
        return judgement

    def settle(self) -> bool:
        """Settle what is marked, now; and what a worker is just settling, wait for. False when it still is after half a minute.

        Raises sinks.store.Fatal; psycopg2.Error.
        """
        until = time.monotonic() + _PATIENCE
        with closing(PostgresStore(self.url, application_name="portrait-identity")) as store:
            while time.monotonic() < until and self._waits():
                with suppress(Retryable):  # whoever is in the way is at the same
                    if settle(store, self.rules, _now(), most_events=MOST_EVENTS):
                        continue
                    if settle_large(store, self.rules, _now()):
                        continue
                time.sleep(0.1)
        return not self._waits()

    def _waits(self) -> bool:
        with reading(self.url) as at:
            return bool(rows(at, "judged_unsettled")[0][0])

    def _customer(self, name: str) -> str:
        return find(self.url, name, self.reference)


def _now() -> int:
    return time.time_ns() // 1_000_000


def judgements(url: str, limit: int) -> list[Judged]:
    """The judgements, the newest first."""
    with reading(url) as at:
        return [Judged(*row) for row in rows(at, "all_judgements", limit=limit)]


def reviews(url: str, *, every: bool, kind: str | None, limit: int) -> tuple[list[Asked], dict[str, int]]:
    """The reviews, the open ones first; and how many of each kind are open."""
    with reading(url) as at:
        found = [Asked(*row) for row in rows(at, "reviews", all=every, kind=kind, limit=limit)]
        return found, dict(rows(at, "reviews_open"))


def _enter(at: cursor, kind: Kind, left: Sequence[str], right: Sequence[str], decider: Decider) -> int:
    if kind is Kind.APART:  # a value that changed hands may be of both
        left, right = [each for each in left if each not in right], [each for each in right if each not in left]
        if not left or not right:
            raise LocalStackError("they are one customer by now. Take identifiers out of it: portrait identity split")
    found = rows(
        at, "keep_judgement", kind=kind.value, left=list(left), right=list(right), by=decider.by, why=decider.why
    )
    return int(found[0][0])


def _identifiers(at: cursor, customer: str) -> list[str]:
    """Those of a customer that stand for somebody, the strongest first; all, when none does."""
    found: list[tuple[Any, ...]] = rows(at, "identifiers_of_customer", id=customer)
    standing = [name for name, _, standing in found if standing != Standing.QUARANTINED]
    return list(dict.fromkeys(standing or [name for name, *_ in found]))


def _kin(at: cursor, identifier: str) -> list[str]:
    """All identifiers of the customer that has this one."""
    found = rows(at, "customers_of_identifiers", identifiers=[identifier])
    return _identifiers(at, found[0][1]) if found else [identifier]


def _about(at: cursor, identifiers: Sequence[str]) -> list[Judged]:
    return [Judged(*row) for row in rows(at, "judgements_about", identifiers=list(identifiers))]


def kept_apart(at: cursor, one: str, other: str) -> bool:
    """Whether a judgement keeps these two customers apart."""
    return _keeping_apart(at, _identifiers(at, one), _identifiers(at, other)) is not None


def _keeping_apart(at: cursor, one: Sequence[str], other: Sequence[str]) -> Judged | None:
    found = (each for each in _about(at, one) if each.kind == Kind.APART and _between(each, one, other))
    return next(found, None)


def _check_not_apart(at: cursor, one: Sequence[str], other: Sequence[str]) -> None:
    judged = _keeping_apart(at, one, other)
    if judged is not None:
        raise LocalStackError(_in_the_way(judged))


def _between(judged: Judged, one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a judgement is about both sides."""
    return any(
        not set(left).isdisjoint(one) and not set(right).isdisjoint(other)
        for left, right in ((judged.left, judged.right), (judged.right, judged.left))
    )


def _in_the_way(judged: Judged) -> str:
    words = {"join": "joins them", "apart": "keeps them apart", "block": "blocks it", "trust": "trusts it"}[judged.kind]
    return (
        f"judgement {judged.number} {words} (by {judged.by} on {judged.at:%Y-%m-%d}: {judged.why}). "
        f"Take it back first: portrait identity undo {judged.number}"
    )
