"""Why two records look like one person, in words."""

from __future__ import annotations

from typing import NamedTuple

from ops.suggest.model import COMPARISONS
from processors.text import fold_accents


class Seen(NamedTuple):
    """One of the two records of a pair: the name for people and as it is compared, and the birthday (eight digits)."""

    shown: str | None
    name: str | None
    birthday: str | None


def reasons(left: Seen, right: Seen, name: int, birthday: int, address: int) -> tuple[str, ...]:
    """Short sentences. `name`, `birthday`, `address`: the level that holds, counted from the last, which is 0; -1: none."""
    told = (
        _of_names(_level("name", name), left, right),
        _of_birthdays(_level("birthday", birthday), left, right),
        _ADDRESSES.get(_level("address", address)),
    )
    return tuple(each for each in told if each is not None)


def _level(comparison: str, number: int) -> str:
    """The name of a level; "" when nothing is known."""
    return COMPARISONS[comparison][-1 - number].name if number >= 0 else ""


_NAMES = {
    "one_letter": "names differ by one letter",
    "two_letters": "names differ by two letters",
    "part_of_name": "names are alike",
    "word_of_name": "names have a word in common",
    "other_name": "names differ",
}
_BIRTHDAYS = {
    "day_for_month": "birthdays with day and month swapped",
    "one_digit": "birthdays differ by one digit",
    "two_parts": "birthdays agree in two of year, month and day",
    "other_birthday": "birthdays differ",
}
_ADDRESSES = {
    "same_door": "same street and house number",
    "like_door": "nearly the same street and house number",
    "like_road": "streets are alike",
    "same_place": "same part of town",
    "like_place": "same town, ward or postcode",
    "same_province": "same province",
    "other_address": "addresses differ",
}


def _of_names(level: str, left: Seen, right: Seen) -> str | None:
    if not level:
        return None
    both = f"{left.shown} / {right.shown}"
    if level != "same_name":
        return f"{_NAMES[level]}: {both}"
    if left.shown == right.shown:
        return f"same name: {left.shown}"
    if left.name != right.name:
        return f"same name in another order: {both}"
    if left.shown and right.shown and left.shown.casefold() != right.shown.casefold():
        accents_only = fold_accents(left.shown) == fold_accents(right.shown)
        return f"same name {'but for accents' if accents_only else 'written differently'}: {both}"
    return f"same name: {both}"


def _of_birthdays(level: str, left: Seen, right: Seen) -> str | None:
    if not level:
        return None
    if level == "same_birthday":
        return "same birthday"
    return f"{_BIRTHDAYS[level]}: {_date(left.birthday)} / {_date(right.birthday)}"


def _date(digits: str | None) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if digits else ""
