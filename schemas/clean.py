"""The event after `prepare`: the record on `events.valid`, and the only thing that `customers` reads.

Every channel and type has been turned into the same few facts, so that identity, portraits and segments know no event type:
a new type is a model in `schemas.events` and a function in `processors.enrich`, and nothing behind them changes.
Times are Unix milliseconds, UTC. Money is minor units.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.identifiers import Identifier, by_strength


class Purchase(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What was bought (or brought back, when `amount` is negative).

    `order_id` None: the event is an order of its own. `base` is `amount` in the base currency of this installation, None when
    no rate was known. `discount` and `categories` are in the base currency, too. `hour` (0–23), `weekday` (0 is Monday) and
    `month` ("2026-11") are in the time zone of the store.
    """

    amount: int
    currency: str
    base: int | None = None
    order_id: str | None = None
    store: str | None = None
    discount: int = 0
    coupons: int = 0
    categories: dict[str, int] = {}
    hour: int = 0
    weekday: int = 0
    month: str = ""


class Account(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="kind", tag="account"):
    """The relation of a customer to the company, from `since` on (ms); with `held` false, that it has ended. `owner`: who is
    responsible, by name."""

    relation: str
    held: bool = True
    owner: str | None = None
    since: int | None = None


class Complaint(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="kind", tag="complaint"):
    """The complaint `id` was made (`open`), or settled. `severity` is low, medium or high."""

    id: str
    open: bool = True
    severity: str | None = None


class Score(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="kind", tag="score"):
    """An answer to the question `measure`, nps or csat, in percent of its scale."""

    measure: str
    percent: int


class CleanEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One event, valid, normalised and enriched.

    `key` is `ids.event_key(source, id)`. `time` is when it happened, clamped to `received` + 5 min.
    `identifiers` are normalised and sorted, without placeholders; none means that nobody can be told who it was.
    `verified` names the kinds of those that the sender had verified.
    `traits` and `statuses` are last-write-wins facts by (`time`, `key`); `counts` are added; `points` is earned − redeemed.
    `acquisition` names the channel a new customer came by. `recorded` is what the company notes of the customer. `problems` are
    (JSON path, code) of what was left out. `origin` is `TOPIC/PARTITION/OFFSET` of the raw record. `data` is the channel's own
    data, declared fields only, as JSON.
    """

    key: str
    source: str
    id: str
    type: str
    channel: str
    time: int
    received: int
    identifiers: tuple[Identifier, ...] = ()
    verified: tuple[str, ...] = ()
    traits: dict[str, Any] = {}
    statuses: dict[str, str] = {}
    counts: dict[str, int] = {}
    purchase: Purchase | None = None
    points: int = 0
    acquisition: str | None = None
    recorded: Account | Complaint | Score | None = None
    problems: tuple[tuple[str, str], ...] = ()
    origin: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CleanEvent)


def encode(event: CleanEvent) -> bytes:
    """The record's value on `events.valid`."""
    return _encoder.encode(event)


def decode(value: bytes) -> CleanEvent:
    """Read what `encode` wrote. Raises msgspec.DecodeError when it is something else."""
    return _decoder.decode(value)


def partition_key(event: CleanEvent) -> bytes:
    """The record's key on `events.valid`: the strongest identifier, `KIND:VALUE`; an event of nobody goes by its own key."""
    if not event.identifiers:
        return event.key.encode()
    strongest = event.identifiers[0] if len(event.identifiers) == 1 else min(event.identifiers, key=by_strength)
    return f"{strongest.kind}:{strongest.value}".encode()
