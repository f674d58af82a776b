"""What a channel can know a customer by."""

from __future__ import annotations

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


class Link(NamedTuple):
    """A fact: the event `key`, at `time` (ms), named the identifiers `a` (the stronger one) and `b` together.

    `rule` says what makes that a link. Of several such events the earliest, by (time, key), is kept.
    """

    a: Identifier
    b: Identifier
    time: int
    key: str
    rule: str
