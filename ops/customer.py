"""One customer's portrait, found by anything the customer is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ops.local.home import LocalStackError
from ops.sql import reading, rows
from processors.normalise import read_identifier
from processors.reference import Reference
from schemas import clean, portrait
from schemas.clean import CleanEvent
from schemas.identifiers import STRENGTH
from schemas.portrait import Portrait


class Told(NamedTuple):
    """One trait or status: its latest value, when that was stated, and by which event (None: not stored any more)."""

    name: str
    value: Any
    at: datetime
    type: str | None
    source: str | None
    event_id: str | None


class Membership(NamedTuple):
    """A segment that the customer is in, or was until `until`. `reason`: the conditions that held on entering, with the values
    that satisfied them."""

    segment: str
    family: str
    since: datetime
    until: datetime | None
    reason: str
    rule_version: int


class Linked(NamedTuple):
    """A link of one of the customer's identifiers: both ends, since when, by which rule and event; and, where it is refused, the
    code, the reason, and whose the other end is."""

    a: str
    b: str
    since: datetime
    rule: str
    refused: str | None
    because: str | None
    other: str | None
    type: str | None
    source: str | None
    event_id: str | None


class Turned(NamedTuple):
    """An id that began to lead elsewhere: see crm.identity_changes."""

    action: str
    customer_id: str
    other_customer_id: str
    at: datetime
    reason: str


class Decided(NamedTuple):
    """A judgement in force about one of the customer's identifiers."""

    number: int
    kind: str
    left: list[str]
    right: list[str]
    at: datetime
    by: str
    why: str


class Reasons(NamedTuple):
    """Why a customer is who it is. foreign: identifiers in its events that are not its own, and whose they are (None:
    nobody's)."""

    links: tuple[Linked, ...]
    turns: tuple[Turned, ...]
    judgements: tuple[Decided, ...]
    foreign: Mapping[str, str | None]

    def as_json(self) -> dict[str, Any]:
        """As `portrait customer --why --json` prints it, under "why"."""
        told = {
            name: [{key: _plain(value) for key, value in each._asdict().items()} for each in getattr(self, name)]
            for name in ("links", "turns", "judgements")
        }
        return {**told, "foreign": dict(self.foreign)}


@dataclass(frozen=True)
class Customer:
    """All that is known of one living customer.

    columns: those of crm.customers. own: its identifiers. aliases: (id that was given out before, when it became part of this
    one). left: memberships that are over. told: traits and statuses. left, recent: the latest, the newest first.
    """

    columns: Mapping[str, Any]
    portrait: Portrait
    own: tuple[str, ...]
    aliases: tuple[tuple[str, datetime], ...]
    segments: tuple[Membership, ...]
    left: tuple[Membership, ...]
    told: tuple[Told, ...]
    recent: tuple[CleanEvent, ...]

    def seen(self) -> list[tuple[str, tuple[int, int]]]:
        """Its identifiers, sorted, with when events of its own first and last named each (Unix ms)."""
        return [(name, seen) for name, seen in sorted(self.portrait.identifiers.items()) if name in self.own]

    def as_json(self) -> dict[str, Any]:
        """The customer as `portrait customer --json` prints it."""
        known = self.portrait
        return {
            **{name: _plain(value) for name, value in self.columns.items()},
            "aliases": [{"id": old, "merged_at": _plain(at)} for old, at in self.aliases],
            "identifiers": [
                {"identifier": name, "first_seen_at": _plain(moment(first)), "last_seen_at": _plain(moment(last))}
                for name, (first, last) in self.seen()
            ],
            "segments": [{key: _plain(value) for key, value in each._asdict().items()} for each in self.segments],
            "segments_left": [{key: _plain(value) for key, value in each._asdict().items()} for each in self.left],
            "told": [{key: _plain(value) for key, value in each._asdict().items()} for each in self.told],
            "accounts": {name: value for name, (value, _, _) in known.accounts.items() if value is not None},
            "complaints_open": sorted(name for name, (value, _, _) in known.complaints.items() if value is not None),
            "scores": {name: [percent for *_, percent in answers] for name, answers in known.scores.items()},
            "channels": known.channels,
            "counts": known.counts,
            "returns": known.returns,
            "categories": known.categories,
            "stores": known.stores,
            "months": known.months,
            "hours": counted(known.hours, 24),
            "weekdays": counted(known.weekdays, 7),
            "recent": [msgspec.json.decode(clean.encode(event)) for event in self.recent],
        }


def find(url: str, asked: str, reference: Reference) -> str:
    """The id of the living customer that `asked` names: an id, now or formerly, `KIND:VALUE`, or just a value.

    A value is read as a channel's would be: "0901 234 567" finds the phone +84901234567. Raises LocalStackError when
    that is nobody, or more than one; psycopg2.Error.
    """
    asked = asked.strip()
    with reading(url) as at:
        if _is_uuid(asked) and (living := rows(at, "customer_of_id", id=asked)):
            return str(living[0][0])
        names = _names(asked, reference)
        found = rows(at, "customers_of_identifiers", identifiers=names) if names else []
    customers = dict.fromkeys(customer for _, customer in found)
    if not customers:
        raise LocalStackError(
            f"nobody is known as {asked!r}. Give a customer id, KIND:VALUE (KIND is one of {', '.join(STRENGTH)}), "
            "or a value such as a card number, an e-mail address or a phone number"
        )
    if len(customers) > 1:
        choices = ", ".join(f"{name} ({customer})" for name, customer in found)
        raise LocalStackError(f"{asked!r} is known of {len(customers)} customers; name one of {choices}")
    return str(next(iter(customers)))


def load(url: str, customer: str, events: int = 10) -> Customer:
    """The portrait of a living customer, with the latest `events`. Raises LocalStackError, psycopg2.Error."""
    with reading(url) as at:
        found = rows(at, "customer", id=customer)
        if not found:
            raise LocalStackError(f"customer {customer} has just become part of another one; ask again")
        names = [column.name for column in at.description or ()]
        columns = dict(zip(names, found[0], strict=True))
        known = portrait.decode(columns.pop("state").encode())
        facts = {**known.traits, **known.statuses}
        keys = sorted({key for _, _, key in facts.values()})
        events_told = {key: told for key, *told in rows(at, "events_named", keys=keys)}
        return Customer(
            columns=columns,
            portrait=known,
            own=tuple(name for name, *_ in rows(at, "identifiers_of_customer", id=customer)),
            aliases=tuple((old, merged_at) for old, merged_at in rows(at, "customer_aliases", id=customer)),
            segments=tuple(Membership(*row) for row in rows(at, "customer_segments", id=customer)),
            left=tuple(Membership(*row) for row in rows(at, "segments_left", id=customer, most=LEFT_TOLD)),
            told=tuple(
                Told(name, value, moment(time), *events_told.get(key, (None, None, None)))
                for name, (value, time, key) in sorted(facts.items())
            ),
            recent=tuple(
                clean.decode(body.encode()) for (body,) in rows(at, "customer_events", id=customer, limit=events)
            ),
        )


LINKS_TOLD = 200
LEFT_TOLD = 10


def reasons(url: str, customer: Customer) -> Reasons:
    """Why this customer is who it is: at most `LINKS_TOLD` links, the oldest first. Raises psycopg2.Error."""
    known = str(customer.columns["customer_id"])
    strangers = sorted(set(customer.portrait.identifiers).difference(customer.own))
    with reading(url) as at:
        owners = dict(rows(at, "customers_of_identifiers", identifiers=strangers))
        return Reasons(
            links=tuple(Linked(*row) for row in rows(at, "customer_links", id=known, limit=LINKS_TOLD)),
            turns=tuple(Turned(*row) for row in rows(at, "identity_changes", id=known)),
            judgements=tuple(Decided(*row) for row in rows(at, "judgements_about", identifiers=list(customer.own))),
            foreign={name: owners.get(name) for name in strangers},
        )


def counted(counts: Mapping[str, int], numbers: int) -> list[int]:
    """What a portrait counts by number ("0" and up, only those that there were) as a list of so many."""
    return [counts.get(str(number), 0) for number in range(numbers)]


def moment(milliseconds: int) -> datetime:
    """Unix ms as a time in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _names(asked: str, reference: Reference) -> list[str]:
    """Every `KIND:VALUE` that `asked` could mean, as it would be stored."""
    kind, _, value = asked.partition(":")
    tried = [(kind, value)] if kind in STRENGTH and value else [(kind, asked) for kind in STRENGTH]
    read = (read_identifier(kind, value, reference)[0] for kind, value in tried)
    return [str(identifier) for identifier in read if identifier is not None]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
