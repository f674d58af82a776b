"""What a channel can know a customer by."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

STRENGTH: tuple[str, ...] = (
    "customer_no",
    "card_no",
    "email",
    "phone",
    "facebook_id",
    "zalo_id",
    "tiktok_id",
    "instagram_id",
    "device_id",
    "anonymous_id",
)
"""Every kind of identifier, the strongest first. The strongest one of an event is the event's key in Kafka."""

_RANK = {kind: rank for rank, kind in enumerate(STRENGTH)}


class Identifier(NamedTuple):
    """One way to recognise a customer. `value` is normalised when made (see `processors.normalise`).

    Tuples of (kind, value) order totally, by text; `by_strength` orders them by what they are worth.
    """

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def by_strength(identifier: Identifier) -> tuple[int, str]:
    """A sort key: strongest kind first, then by value."""
    return _RANK[identifier.kind], identifier.value


def parse_identifier(text: str) -> Identifier:
    """Read `kind:value`, the form that `str(Identifier)` writes.

    Raises ValueError when the kind is unknown or the value empty.
    """
    kind, _, value = text.partition(":")
    if kind not in _RANK or not value:
        raise ValueError(f"{text!r} is not KIND:VALUE with KIND one of {', '.join(STRENGTH)}")
    return Identifier(kind, value)


SAME_EVENT, VERIFIED = "same_event", "verified"
"""The rules that a link rests on: one event named both identifiers; and, stronger, its sender had verified the second one."""

PERIOD_MS = 30 * 24 * 60 * 60 * 1000
"""Links remember when they were last seen by periods of 30 days, so that a pair seen daily is not written daily."""


class Link(NamedTuple):
    """A fact: events named the identifiers `a` (the stronger one) and `b` together.

    `rule` says what makes that a link. `time` (ms) and `key` are of the earliest such event, by (time, key); `last` is the
    period (`PERIOD_MS`) of the latest one. There is one link of a pair and rule.
    """

    a: Identifier
    b: Identifier
    time: int
    key: str
    rule: str
    last: int


Pair = tuple[Identifier, Identifier, str]
"""What a link is about: the stronger identifier, the other one, and the rule."""


def earliest(link: Link, other: Link) -> Link:
    """The two as one fact: of the same pair and rule."""
    first = min(link, other, key=lambda each: (each.time, each.key))
    return first._replace(last=max(link.last, other.last))


class Standing(IntEnum):
    """How the stream may treat an identifier, as settled last.

    PLAIN: every link of its customer holds; what is new about it may be decided at a glance. CONTESTED: links were refused, or a
    person decided. RECYCLED: it belonged to one customer, then to another. QUARANTINED: it stands for nobody, so it links nobody.
    PARKED: too much is linked to it for a machine to decide.
    """

    PLAIN = 0
    CONTESTED = 1
    RECYCLED = 2
    QUARANTINED = 3
    PARKED = 4


class Known(NamedTuple):
    """What is stored of an identifier: the living customer (None: no event is its own), and how it may be treated."""

    customer: str | None
    standing: Standing


def shut_among(known: Mapping[Identifier, Known]) -> dict[Identifier, Standing]:
    """Those that are quarantined or parked."""
    return {each: one.standing for each, one in known.items() if one.standing >= Standing.QUARANTINED}


UNPLACED = -1
"""The `since` of the node of an event that is stored and not yet counted: it is not decided yet whose it is."""


@lru_cache(maxsize=16_384)  # of a batch, and of who comes again soon
def node_of(identifier: Identifier, since: int = 0) -> str:
    """The node of the identity graph that an identifier is: 32 hex digits, the same for ever.

    A recycled identifier is one node for each customer that it has belonged to; `since` (ms) tells them apart, 0 is the first.
    PostgreSQL computes the same: the first 16 bytes of sha256 of the text.
    """
    name = f"{identifier.kind}:{identifier.value}"
    return sha256((f"{name}\0{since}" if since else name).encode()).hexdigest()[:32]
