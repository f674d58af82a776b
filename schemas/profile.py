"""What downstream streams read: the portrait of a customer on `profiles`, each move between segments on
`segment-changes`, each change of who is who on `identity-changes`.

Unlike `CleanEvent`, these leave the house: times are RFC 3339 in UTC, money is decimal text in major units, names are
spelt out. Fields may be added; a field that is here keeps its name, its type and its meaning.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time; always UTC when we write it, any offset when we read it."""


class Totals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a customer has bought, from each event once.

    `revenue` and `discount` are decimal text in major units of `currency`, the base currency of this installation,
    returns subtracted. `revenue_by_currency` has what was paid as it was paid, so also amounts that no rate was known
    for. `points` is earned − redeemed.
    """

    orders: int = 0
    returns: int = 0
    revenue: str = "0"
    discount: str = "0"
    currency: str | None = None
    revenue_by_currency: dict[str, str] = {}
    first_order: Moment | None = None
    last_order: Moment | None = None
    points: int = 0


class SegmentHeld(msgspec.Struct, frozen=True, omit_defaults=True):
    """One segment that the customer is in: since when, why, and by which version of the rules of its family."""

    segment: str
    family: str
    since: Moment
    reason: str
    rule_version: int


class AccountHeld(msgspec.Struct, frozen=True, omit_defaults=True):
    """One relation of the customer to the company: who is responsible, and from when on it holds."""

    relation: str
    owner: str | None = None
    since: Moment | None = None


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One living customer as of `updated_at`: the value on `profiles`, keyed by `customer_id`.

    `version` grows with every change of this customer: of two records the greater one is the newer. `events` counts
    what is known of the customer. `identifiers` maps a kind (`schemas.identifiers.STRENGTH`) to its sorted normalised
    values. `aliases` are the sorted ids of customers that were merged into this one; each of them got a tombstone of
    its own. `segments` and `accounts` (relations to the company) are sorted by name. `acquisition_channel` is where the
    customer came from ("web:facebook", "store:HCM-01").
    """

    customer_id: str
    version: int
    updated_at: Moment
    lifecycle: str
    first_seen: Moment
    last_seen: Moment
    events: int
    identifiers: dict[str, tuple[str, ...]] = {}
    aliases: tuple[str, ...] = ()
    traits: dict[str, Any] = {}
    statuses: dict[str, str] = {}
    segments: tuple[SegmentHeld, ...] = ()
    accounts: tuple[AccountHeld, ...] = ()
    acquisition_channel: str | None = None
    preferred_channel: str | None = None
    preferred_store: str | None = None
    totals: Totals = Totals()


class SegmentChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One customer entered or left one segment: the value on `segment-changes`, keyed by `customer_id`.

    `change_id` is the same when the record is delivered twice. `before` and `after` are the customer's segments,
    sorted, on both sides of the change. `backfill` is true when rules changed or history was loaded: the customer did
    nothing just now, so do not congratulate anybody.
    """

    change_id: str
    customer_id: str
    segment: str
    family: str
    action: Literal["entered", "left"]
    at: Moment
    reason: str
    rule_version: int
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    backfill: bool = False


class IdentityChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One customer id leads to another customer than before: the value on `identity-changes`, keyed by `customer_id`.

    `action` "merged": it became part of `other_customer_id`. "split": it lives (again), it was part of `other_customer_id`; what
    was kept under that id may have to be told apart. "moved": it had ended before, and leads to `other_customer_id` now.
    `change_id` is the same when the record is delivered twice; of two changes of one id the greater `number` is the later.
    """

    change_id: str
    number: int
    action: Literal["merged", "split", "moved"]
    customer_id: str
    other_customer_id: str
    at: Moment
    reason: str


_encoder = msgspec.json.Encoder(order="deterministic")
_profile_decoder = msgspec.json.Decoder(Profile)
_change_decoder = msgspec.json.Decoder(SegmentChange)
_identity_decoder = msgspec.json.Decoder(IdentityChange)


def encode(value: Profile | SegmentChange | IdentityChange) -> bytes:
    """The record's value; equal values give equal bytes."""
    return _encoder.encode(value)


def decode_profile(value: bytes) -> Profile:
    """Read a record of `profiles`. Raises msgspec.DecodeError when it is something else."""
    return _profile_decoder.decode(value)


def decode_segment_change(value: bytes) -> SegmentChange:
    """Read a record of `segment-changes`. Raises msgspec.DecodeError when it is something else."""
    return _change_decoder.decode(value)


def decode_identity_change(value: bytes) -> IdentityChange:
    """Read a record of `identity-changes`. Raises msgspec.DecodeError when it is something else."""
    return _identity_decoder.decode(value)
