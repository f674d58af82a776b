"""Values as clients send them: numbers for ids, null for what is not there, floats for money. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from schemas.money import MINOR_DIGITS

_WORDS = re.compile(r"[^0-9a-z]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACES = Decimal("0.000001")
_MOST = 10**21


def text(value: Any) -> str | None:
    """Text without the space around it; numbers as JavaScript prints them. None for all else, and for what is empty."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return format(value.to_integral_value() if value == value.to_integral_value() else value, "f")
    return None


def clipped(value: Any, length: int) -> str | None:
    """Text of at most `length` characters: for what is shown and not compared."""
    found = text(value)
    return found if found is None else found[:length]


def mapping(value: Any) -> dict[str, Any]:
    """An object without what is null in it; of anything else an empty one."""
    return {name: inner for name, inner in value.items() if inner is not None} if isinstance(value, dict) else {}


def empty(value: Any) -> bool:
    """Whether an object is meant that has nothing in it: PHP writes an empty one as an array."""
    return value is None or value == []


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of an array, in place: what is none of them becomes an empty one."""
    return [mapping(each) for each in value] if isinstance(value, list) else []


def first(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The value of the first of `names` that is there and not empty, or None."""
    for name in names:
        value = values.get(name)
        if value is not None and value != "":
            return value
    return None


def present(**values: Any) -> dict[str, Any]:
    """Those that are there: neither None nor empty."""
    return {name: value for name, value in values.items() if value is not None and value != {} and value != []}


_FIRST_EPOCH, _FIRST_MILLISECONDS = 10**8, 10**11
"""Numbers from here on are Unix time in seconds (from 1973), and in milliseconds (until the year 5138 they cannot be seconds)."""

_UNIX = re.compile(r"[0-9]{9,}")
"""Text that is no date, which has eight digits at most. Python would take 1801051231234 for 12:34 on the 12th of May 1801."""


def instant(value: Any) -> datetime | None:
    """ISO 8601 text as an instant, in UTC when it names no zone; or Unix time, in seconds or milliseconds. None for what is
    none."""
    if isinstance(value, str) and not _UNIX.fullmatch(value.strip()):
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            pass
        else:
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    since = number(value)
    if since is None or since < _FIRST_EPOCH:
        return None
    seconds = float(since / 1_000 if since >= _FIRST_MILLISECONDS else since)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def number(value: Any) -> Decimal | None:
    """A finite number, or text that is one; None for all else. More than six decimal places are noise of floats."""
    if type(value) is int:
        return Decimal(value) if -_MOST < value < _MOST else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        found = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    if not found.is_finite() or not -30 < found.adjusted() < 21:
        return None
    exponent = found.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        found = found.quantize(_PLACES, ROUND_HALF_EVEN)
    return found


def amount(value: Any) -> Any:
    """Money as decimal text; what is no number as it came, for the one who checks events to say so."""
    found = number(value)
    return value if found is None else format(found, "f")


_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")


def unambiguous(value: Any, currency: Any) -> Any:
    """Money as it came; but text such as "880.000" of a currency without smaller units becomes text that is no number: it
    could be 880 đồng or 880 thousand, and nobody should guess."""
    if isinstance(value, str) and MINOR_DIGITS.get(str(currency)) == 0 and _THOUSANDS.fullmatch(value.strip()):
        return f"{value.strip()} {currency}"
    return value


def word(name: str) -> str:
    """A name in lower case with underscores: "Order Completed", "orderCompleted" and "order-completed" are one."""
    return _word(name) if len(name) <= 100 else _word.__wrapped__(name)


@lru_cache(4_096)  # names of events and traits repeat
def _word(name: str) -> str:
    return _WORDS.sub("_", _HUMPS.sub("_", name).lower()).strip("_")
