"""The functions that conditions of segments may call. Checks, help and docs/segments.md derive from this table.

Instants are Unix ms; a span is text such as "90d", or milliseconds, as the fields `rhythm` and `gap` are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from processors.segments.fields import bought_on
from processors.segments.view import DAY_MS, View, begin_of, in_year, span


class Function(NamedTuple):
    """Something that conditions may call: how, what it gives, and what it means."""

    name: str
    arguments: str
    type: str
    about: str
    call: Callable[..., Any]


def _length(given: str | int) -> int:
    return span(given) if isinstance(given, str) else int(given)


def within(view: View, instant: int, length: str | int) -> bool:
    """Whether less than `length` has passed since `instant`."""
    return view.is_before(int(instant) + _length(length))


def _older(view: View, instant: int, length: str | int) -> bool:
    return not within(view, instant, length)


def _coming(view: View, instant: int, length: str | int) -> bool:
    instant = int(instant)
    begin = instant - _length(length)
    view.turns_at(begin)
    view.turns_at(instant)
    return begin <= view.now < instant


def _days_since(view: View, instant: int) -> int:
    instant = int(instant)
    days = (view.now - instant) // DAY_MS
    view.turns_at(instant + (days + 1) * DAY_MS)
    return max(days, 0)


def _purchases_in(view: View, length: str | int) -> int:
    return sum(1 for _, amount in view.entries(_length(length)) if amount >= 0)


def _days_bought_in(view: View, length: str | int) -> int:
    return len({time // DAY_MS for time, amount in view.entries(_length(length)) if amount >= 0})


def _revenue_in(view: View, length: str | int) -> int:
    return sum(amount for _, amount in view.entries(_length(length)))


def _came_back(view: View, silence: str | int, length: str | int) -> bool:
    times, least = bought_on(view.portrait.recent), _length(silence)
    for later, earlier in pairwise(reversed(times)):
        if later - earlier >= least:
            return within(view, later, length)
    return False


def _birthday_in(view: View, length: str | int) -> bool:
    born = view.get("birthday")
    return born is not None and _comes(view, date.fromisoformat(born), length)


def _anniversary_in(view: View, instant: int, length: str | int) -> bool:
    return _comes(view, view.day_of(instant), length)


def _comes(view: View, first: date, length: str | int) -> bool:
    """Whether the day of the year of `first` comes again today, or within so many days."""
    today = view.today
    year = max(today.year, first.year + 1)
    begin, end = _next(first.month, first.day, year, today, _length(length) // DAY_MS, view.zone)
    if view.is_before(begin):
        return False
    view.turns_at(end)
    return True


@lru_cache(4096)
def _next(month: int, day: int, year: int, today: date, days: int, zone: tzinfo) -> tuple[int, int]:
    """From when to when (Unix ms) such a day of that year, or of the next one when it is past, is today or in so many days."""
    first = date(2000, month, day)
    coming = in_year(first, year)
    if coming < today:
        coming = in_year(first, year + 1)
    return begin_of(coming - timedelta(days), zone), begin_of(coming + timedelta(1), zone)


def _share(counts: Mapping[str, int], names: Collection[str]) -> int:
    total = sum(counts.values())
    return 100 * sum(counts.get(name, 0) for name in names) // total if total > 0 else 0


def _hours_share(view: View, first: int, before: int) -> int:
    return _share(view.portrait.hours, _hours(first, before))


@lru_cache(1024)
def _hours(first: int, before: int) -> tuple[str, ...]:
    """As counted in `Portrait.hours`."""
    return tuple(map(str, range(first, before) if first < before else (*range(first, 24), *range(before))))


def _days_share(view: View, *days: int) -> int:
    return _share(view.portrait.weekdays, [str(day) for day in days])


def _in_segment(view: View, name: str) -> bool:
    return name in view.held


def _is_known(view: View, name: str) -> bool:
    return view.get(name) is not None


def _status(view: View, name: str) -> str:
    return str(view.portrait.statuses.get(name, ("",))[0])


def _count(view: View, name: str) -> int:
    return view.portrait.counts.get(name, 0)


FUNCTIONS: tuple[Function, ...] = (
    Function("within", "instant, span", "bool", "Less than the span has passed since the instant.", within),
    Function("older", "instant, span", "bool", "The span has passed since the instant, or more.", _older),
    Function(
        "days_since",
        "instant",
        "int",
        "Whole days of 24 hours since the instant. Changes daily; `older` and `within` change once and cost less.",
        _days_since,
    ),
    Function(
        "purchases_in",
        "span",
        "int",
        "Purchases within the last span: what has one instant is one.",
        _purchases_in,
    ),
    Function("days_bought_in", "span", "int", "Days (of UTC) within the last span with a purchase.", _days_bought_in),
    Function("revenue_in", "span", "int", "What was paid within the last span, less what was paid back.", _revenue_in),
    Function(
        "came_back",
        "span, span",
        "bool",
        "The customer bought again less than the second span ago, after the first span or longer without.",
        _came_back,
    ),
    Function(
        "birthday_in",
        "span",
        "bool",
        "The birthday is today, or in so many days at the most. Who was born on 29 February has it on the 28th in other years.",
        _birthday_in,
    ),
    Function(
        "anniversary_in",
        "instant, span",
        "bool",
        "The day of the year of the instant comes again today, or in so many days at the most.",
        _anniversary_in,
    ),
    Function("span", "span", "span", 'A span to compare with: `gap > span("180d")`.', lambda _, text: span(text)),
    Function("in_segment", '"name"', "bool", "The customer is in that segment.", _in_segment),
    Function("known", '"field"', "bool", "The field is known.", _is_known),
    Function(
        "status", '"name"', "text", "The latest status, such as follow:facebook; empty if there is none.", _status
    ),
    Function(
        "count",
        '"name"',
        "int",
        "How often it was counted: form:survey, scan, social:facebook:comment, page_view, track:signed_up, interest:shoes, "
        "coupon_purchase, return, and so on.",
        _count,
    ),
    Function(
        "hours_share",
        "first, before",
        "int",
        "Percent of purchases from one hour of the day until before another one, in the time zone of the store.",
        _hours_share,
    ),
    Function(
        "days_share", "day, …", "int", "Percent of purchases on these days of the week; 0 is Monday.", _days_share
    ),
    Function("coming", "instant, span", "bool", "The instant is yet to come, and not later than the span.", _coming),
)
