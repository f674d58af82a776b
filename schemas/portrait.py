"""What is known of one customer: the state that events are folded into, and the row that people query.

A `Portrait` is a sum over distinct events: every field is a minimum, a maximum, a total or a last-write-wins fact, so any order
and any grouping of the same events gives the same portrait (see `processors.portray`).
Times are Unix milliseconds, UTC. Money is minor units of the base currency, unless it says otherwise.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from schemas.computed import NOTHING, Computed
from schemas.ranks import Ranked

Fact = tuple[Any, int, str]
"""(value, event time, event key). Of two facts the one with the greater (time, key) is the newer one."""


class Portrait(msgspec.Struct, omit_defaults=True):
    """One customer, as folded so far.

    `orders` counts distinct order ids; an event without one is an order of its own; a return is none.
    `identifiers` maps `KIND:VALUE` to when it was first and last seen. `acquisition` is the earliest fact, all other facts are
    the latest. `categories`, `stores` and `months` keep 256 names at most, the rest is summed under "" (see `portray`).
    `stated` maps event keys to (event time, traits): each trait stands with the latest event that stated it, and no event without
    one. A form states many traits at once, so this is half as long as a stamp for each; `traits` gives them that way.
    `stores`, `hours` and `weekdays` count purchases; `hours` by hour
    ("0" to "23"), `weekdays` by day ("0" is Monday).
    `months` and `categories` sum revenue. `recent` has (time, amount) of the newest 400 purchases and returns, the oldest first:
    what has one instant is one. The amount of a return is negative; one of which no amount is known in the base currency is left
    out.
    `accounts` maps relations to the latest fact: `owner` and `since`, None when it has ended; `complaints` ids to the latest:
    open with a `severity`, or None. Of both the newest 64 are kept. `complained` is when the last complaint was made. `scores`
    maps nps and csat to the newest two answers, the older one first: time, event key, percent of the scale.
    """

    events: int = 0
    first_seen: int = 0
    last_seen: int = 0
    acquisition: Fact | None = None
    channels: dict[str, int] = {}
    identifiers: dict[str, tuple[int, int]] = {}
    stated: dict[str, tuple[int, dict[str, Any]]] = {}
    statuses: dict[str, Fact] = {}
    counts: dict[str, int] = {}
    points: int = 0
    orders: int = 0
    returns: int = 0
    purchases: int = 0
    revenue: int = 0
    revenue_by_currency: dict[str, int] = {}
    discount: int = 0
    coupons: int = 0
    first_order: int | None = None
    last_order: int | None = None
    categories: dict[str, int] = {}
    stores: dict[str, int] = {}
    months: dict[str, int] = {}
    hours: dict[str, int] = {}
    weekdays: dict[str, int] = {}
    recent: list[tuple[int, int]] = []
    accounts: dict[str, Fact] = {}
    complaints: dict[str, Fact] = {}
    complained: int | None = None
    scores: dict[str, list[tuple[int, str, int]]] = {}

    @property
    def traits(self) -> dict[str, Fact]:
        """Every trait with the time and the key of the event that stated it."""
        return {
            name: (value, time, key) for key, (time, values) in self.stated.items() for name, value in values.items()
        }


_encoder = msgspec.json.Encoder()
_canonical = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Portrait)
encode = _encoder.encode
decode = _decoder.decode
canonical = _canonical.encode
"""Canonical JSON, names sorted: equal portraits, and only these, have equal bytes."""


class Summary(NamedTuple):
    """The columns of a customer that are derived from the portrait. Times in ms; money as decimal text in major units."""

    full_name: str | None
    email: str | None
    phone: str | None
    birthday: str | None
    age_band: str | None
    gender: str | None
    province: str | None
    area: str | None
    income_band: str | None
    language: str | None
    acquisition_channel: str | None
    preferred_channel: str | None
    preferred_store: str | None
    first_seen: int
    last_seen: int
    events: int
    orders: int
    revenue: str
    currency: str
    revenue_by_currency: str
    first_order: int | None
    last_order: int | None
    points: int


class Segments(NamedTuple):
    """Where a customer belongs at an instant.

    `names` are all segments, `lifecycle` the one of that family. `due` (ms) is the next instant at which time alone could change
    any of it, None when it never will. `ranked` is where the customer stands among all others, `computed` what jobs had computed:
    both are what this was decided by.
    """

    lifecycle: str
    names: tuple[str, ...]
    due: int | None
    ranked: Ranked = Ranked()
    computed: Computed = NOTHING


class Move(NamedTuple):
    """A customer entered or left (`action`) a segment of `family`, for `reason`, under version `rule_version` of the rules.

    backfill: because the rules changed, or by events of long ago, and not by what the customer did just now or did not do.
    """

    customer: str
    segment: str
    family: str
    action: Literal["entered", "left"]
    reason: str
    rule_version: int
    backfill: bool = False


class Listed(NamedTuple):
    """A living customer as stored, not held: the names of its segments, when it is due (Unix ms), where it stood, and what jobs
    computed of it."""

    customer: str
    segments: tuple[str, ...]
    due: int | None
    ranked: Ranked
    portrait: Portrait
    computed: Computed = NOTHING
