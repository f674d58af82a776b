"""The outbox in PostgreSQL, as the relay reads it: what is to be published, as of one instant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ, connection, cursor

from sinks.postgres.connecting import connect
from sinks.postgres.errors import translated
from sinks.postgres.rows import array
from sinks.postgres.sql import statement

_Made = TypeVar("_Made")
_ENTRIES_FOR_A_CUSTOMER = 5
_LOCK = 0x72656C6179  # any number that no version changes: whoever holds it is the relay of this database


class Entry(NamedTuple):
    """One row of the outbox: changes of segments, those of its customer from `first` to `change`; a change of identity; or (all
    None) the profile."""

    id: int
    customer: str
    first: int | None
    change: int | None
    turn: int | None


class StoredCustomer(NamedTuple):
    """A living customer: columns of portrait.customers."""

    id: str
    version: int
    updated_at: datetime
    lifecycle: str
    currency: str
    acquisition_channel: str | None
    preferred_channel: str | None
    preferred_store: str | None
    state: str


class StoredMembership(NamedTuple):
    """A segment that a customer is in: columns of portrait.memberships."""

    customer: str
    segment: str
    family: str
    since: datetime
    reason: str
    rule_version: int


class StoredChange(NamedTuple):
    """A move between segments: columns of portrait.segment_changes."""

    id: int
    customer: str
    segment: str
    family: str
    action: str
    at: datetime
    reason: str
    rule_version: int
    backfill: bool


class StoredTurn(NamedTuple):
    """A change of identity: columns of portrait.identity_changes."""

    id: int
    action: str
    customer: str
    other: str
    at: datetime
    reason: str


class Reading(NamedTuple):
    """Entries, the oldest first, and all that their records are made of.

    `customers` lacks those that live no more. `aliases` and `memberships` are by customer, sorted. `history` has every
    change of each customer of which a change is to be told, up to the last one of those. `owners` has the customers of those
    identifiers that may stand in events of others; `turns` those to be told, by id.
    """

    entries: Sequence[Entry]
    customers: Mapping[str, StoredCustomer]
    aliases: Mapping[str, Sequence[str]]
    memberships: Mapping[str, Sequence[StoredMembership]]
    history: Sequence[StoredChange]
    owners: Mapping[str, Collection[str]]
    turns: Mapping[int, StoredTurn]


class Outbox:
    """One connection, used by one thread. Connects when first used, and again after the connection was lost.

    Every method raises sinks.store.Retryable when the database cannot be reached, and Fatal when it is not as it should
    be. Needs a session of its own: not for a pooler that shares sessions.
    """

    def __init__(self, url: str, *, application_name: str = "portrait-relay") -> None:
        self._url = url
        self._application_name = application_name
        self._connection: connection | None = None
        self._leads = False

    def lead(self) -> bool:
        """Whether this is the one relay of the database, from now until the connection is lost. Never waits.

        (A session that waits for an advisory lock holds a snapshot, and vacuum would stand still as long.)
        """
        if not self._leads:
            with self._transaction() as at:
                leads = _rows(at, "relay_lead", lock=_LOCK)[0][0]
            self._leads = leads
        return self._leads

    def read(self, limit: int) -> Reading:
        """The entries of up to `limit` customers among the oldest, and what they are about, all as of one instant."""
        with self._transaction() as at:
            found = _rows(at, "relay_entries", customers=limit, entries=limit * _ENTRIES_FOR_A_CUSTOMER)
            entries = [Entry(*row) for row in found]
            told = array({entry.customer for entry in entries if entry.change is None and entry.turn is None})
            moved = array({entry.customer for entry in entries if entry.change is not None})
            last = max((entry.change for entry in entries if entry.change is not None), default=None)
            turns = array([str(entry.turn) for entry in entries if entry.turn is not None])
            if not entries:
                return Reading((), {}, {}, {}, (), {}, {})
            customers = {row[0]: StoredCustomer(*row) for row in _rows(at, "relay_customers", customers=told)}
            return Reading(
                entries,
                customers=customers,
                aliases=_by_customer(_rows(at, "relay_aliases", customers=told), lambda row: str(row[1])),
                memberships=_by_customer(
                    _rows(at, "relay_memberships", customers=told), lambda row: StoredMembership(*row)
                ),
                history=[StoredChange(*row) for row in _rows(at, "relay_changes", customers=moved, last=last)],
                owners=_owners(at, customers.values()),
                turns={row[0]: StoredTurn(*row) for row in _rows(at, "relay_turns", turns=turns)},
            )

    def newest(self) -> int:
        """The id of the last entry, 0 when there is none: it grows while something comes in."""
        with self._transaction() as at:
            return int(_rows(at, "relay_newest")[0][0])

    def done(self, entries: Iterable[int], unpublishable: Mapping[int, str]) -> None:
        """Forget `entries`, which are published, and set aside `unpublishable` (entry → why), in one transaction."""
        with self._transaction() as at:
            if unpublishable:
                failed, errors = array(map(str, unpublishable)), array(unpublishable.values())
                at.execute(statement("relay_set_aside"), {"entries": failed, "errors": errors})
            at.execute(statement("relay_done"), {"entries": array(map(str, (*entries, *unpublishable)))})

    def again(self, customers: Iterable[str]) -> None:
        """Have the profiles of `customers` published once more."""
        with self._transaction() as at:
            at.execute(statement("relay_again"), {"customers": array(customers)})

    def close(self) -> None:
        """Give up the connection, and with it the lead."""
        self._leads = False
        held, self._connection = self._connection, None
        if held is not None:
            held.close()

    @contextmanager
    def _transaction(self) -> Iterator[cursor]:
        try:
            with translated():
                opened = self._connection = self._connection or self._connect()
                with opened, opened.cursor() as at:
                    yield at
        except BaseException:
            self.close()
            raise

    def _connect(self) -> connection:
        opened = connect(self._url, self._application_name, silent_seconds=120)
        opened.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
        return opened


class _Named(msgspec.Struct):
    identifiers: dict[str, Any] = {}


_named = msgspec.json.Decoder(_Named).decode


def _names(state: str) -> Collection[str]:
    """The identifiers in a customer's state; of one that cannot be read no record is made, and it must hold up no other."""
    try:
        return _named(state).identifiers
    except msgspec.DecodeError:
        return ()


def _owners(at: cursor, customers: Iterable[StoredCustomer]) -> dict[str, list[str]]:
    """The customers of identifiers that stand in events of these customers, where it is not plain that they are theirs."""
    names = {name for customer in customers for name in _names(customer.state)}
    found: dict[str, list[str]] = {}
    for name, customer in _rows(at, "relay_owners", identifiers=array(names)) if names else ():
        found.setdefault(name, []).append(customer)
    return found


def _rows(at: cursor, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    at.execute(statement(name), parameters)
    return at.fetchall()


def _by_customer(rows: Iterable[tuple[Any, ...]], made: Callable[[tuple[Any, ...]], _Made]) -> dict[str, list[_Made]]:
    found: dict[str, list[_Made]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(made(row))
    return found
