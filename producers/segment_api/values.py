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
_DIGITS = 21
_MOST = 10**_DIGITS


def text(value: Any) -> str | None:
    """Text without the space around it; numbers as JavaScript prints them. None for all else, and for what is empty."""
    kind = type(value)
    if kind is str:
        return value.strip() or None
    if kind is int:
        return str(value)
    if kind is Decimal:
        return format(value.to_integral_value() if value == value.to_integral_value() else value, "f")
    return None


def clipped(value: Any, length: int) -> str | None:
    """Text of at most `length` characters: for what is shown and not compared."""
    found = None if value is None else text(value)
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

_NO_DATE = 9
"""So many digits are no date, which has eight at most. Python would take 1801051231234 for 12:34 on the 12th of May 1801."""


def instant(value: Any) -> datetime | None:
    """ISO 8601 text as an instant, in UTC when it names no zone; or Unix time, in seconds or milliseconds. None for what is
    none."""
    if value is None:
        return None
    said = value.strip() if isinstance(value, str) else ""
    if said and not (len(said) >= _NO_DATE and said.isascii() and said.isdigit()):
        try:
            found = datetime.fromisoformat(said)
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
    if value is None:
        return None
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
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) <= _DIGITS:
        return str(int(value))
    if type(value) is int and -_MOST < value < _MOST:
        return str(value)
    found = number(value)
    return value if found is None else format(found, "f")


_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]{3}")


def unambiguous(values: Mapping[str, Any], names: Iterable[str], currency: Any) -> Mapping[str, Any]:
    """`values`, where amounts of money are called `names`; but text such as "880.000" of a currency without smaller units
    becomes text that is no number: it could be 880 đồng or 880 thousand, and nobody should guess."""
    if MINOR_DIGITS.get(str(currency)) != 0:
        return values
    doubtful = {}
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()):
            doubtful[name] = f"{value.strip()} {currency}"
    return {**values, **doubtful} if doubtful else values


def word(name: str) -> str:
    """A name in lower case with underscores: "Order Completed", "orderCompleted" and "order-completed" are one."""
    return _word(name) if len(name) <= 100 else _word.__wrapped__(name)


@lru_cache(4_096)  # names of events and traits repeat
def _word(name: str) -> str:
    return _WORDS.sub("_", _HUMPS.sub("_", name).lower()).strip("_")
