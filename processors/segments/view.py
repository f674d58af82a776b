"""One portrait at one instant, as the conditions of segments see it.

Everything that changes with time alone notes when it will (`View.due`): what was asked at one instant stays the same until then.
That is exact, because a condition can see the time through fields and functions only, and what was not asked did not matter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from schemas.computed import NOTHING, Computed
from schemas.portrait import Portrait
from schemas.ranks import Bounds, Ranked, rank

DAY_MS = 24 * 60 * 60 * 1000
_UNITS = {"h": 60 * 60 * 1000, "d": DAY_MS, "w": 7 * DAY_MS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST = 2**63
_YEAR_MS = 365 * DAY_MS


Read = Callable[["View"], Any]
"""How the value of a field is found; None when it is unknown."""


class View:
    """`portrait` at `now` (Unix ms). `zone` is where days begin; `held` are the segments decided so far; `read` finds the
    fields; `bounds` tell where the customer stands among all, `computed` what jobs computed of it.

    `due` is the first instant after `now` at which something that was asked changes; None, when nothing will.
    """

    __slots__ = (
        *("_known", "_ranked", "_read", "_today", "_traits"),
        *("bounds", "computed", "due", "held", "now", "portrait", "zone"),
    )

    def __init__(
        self,
        read: Mapping[str, Read],
        portrait: Portrait,
        now: int,
        zone: tzinfo,
        held: Collection[str] = (),
        bounds: Bounds | None = None,
        computed: Computed = NOTHING,
    ) -> None:
        self._read = read
        self.portrait = portrait
        self.now = now
        self.zone = zone
        self.held = held
        self.bounds = bounds
        self.computed = computed
        self.due: int | None = None
        self._known: dict[str, Any] = {}
        self._traits: dict[str, Any] | None = None
        self._today: date | None = None
        self._ranked: Ranked | None = None

    def get(self, name: str) -> Any:
        """The value of a field, None when it is unknown. Raises KeyError when there is no such field."""
        known = self._known
        if name not in known:
            known[name] = self._read[name](self)
        return known[name]

    @property
    def traits(self) -> Mapping[str, Any]:
        """Every trait as it stands."""
        traits = self._traits
        if traits is None:
            traits = self._traits = {}
            for _, values in self.portrait.stated.values():
                traits.update(values)
        return traits

    @property
    def ranked(self) -> Ranked:
        """Where the customer stands among all."""
        if self._ranked is None:
            portrait = self.portrait
            year = sum(amount for _, amount in self.entries(_YEAR_MS)) if portrait.recent else 0
            self._ranked = rank(
                self.bounds,
                last_order=portrait.last_order,
                orders=portrait.orders,
                revenue=portrait.revenue,
                year_revenue=year,
            )
        return self._ranked

    def stands(self, ranked: Ranked | None) -> None:
        """Take this for where the customer stands."""
        self._ranked = ranked

    def entries(self, length: int) -> list[tuple[int, int]]:
        """Purchases and returns within so many ms, and a note of when the first of them leaves them."""
        entries = self.portrait.recent
        first = bisect_right(entries, (self.now - length, _LATEST))
        if first < len(entries):
            self.turns_at(entries[first][0] + length)
        return entries[first:] if first else entries

    @property
    def today(self) -> date:
        """The day in `zone`."""
        if self._today is None:
            self._today = _day_now(self.now, self.zone)
        return self._today

    def day_of(self, instant: int) -> date:
        """The day in `zone` to which an instant belongs."""
        return _day(instant, self.zone)

    def begin_of(self, day: date) -> int:
        """When a day begins in `zone` (Unix ms)."""
        return begin_of(day, self.zone)

    def is_before(self, instant: int) -> bool:
        """Whether `instant` is yet to come; then that changes there."""
        if instant <= self.now:
            return False
        if self.due is None or instant < self.due:
            self.due = instant
        return True

    def turns_at(self, instant: int) -> None:
        """Note that something that was asked changes at `instant`."""
        if instant > self.now and (self.due is None or instant < self.due):
            self.due = instant


def _day(instant: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(instant // 1000, zone).date()


_day_now = lru_cache(64)(_day)
"""A batch is of one instant."""


@lru_cache(4096)
def begin_of(day: date, zone: tzinfo) -> int:
    """When a day begins in `zone` (Unix ms): where clocks skip midnight, as soon as it is that day."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    return (begin - _EPOCH) // _MILLISECOND


@lru_cache(1024)
def span(text: str) -> int:
    """Milliseconds of a span such as "12h", "90d" or "2w". Raises ValueError."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} is not a span of time such as 12h, 90d or 2w")
    return int(number) * _UNITS[unit]


def in_year(day: date, year: int) -> date:
    """The same day in another year; 29 February is kept on the 28th where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)
