"""What is compared of a customer, and the form in which it is compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from processors.text import clean_text, fold_accents


@dataclass(frozen=True, slots=True)
class Record:
    """One customer as stated, any part unknown. `id`: unique among those compared. `birthday`: ISO, or eight digits.

    `full_name` stands before the two parts of it.
    """

    id: str
    full_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birthday: str | None = None
    street: str | None = None
    ward: str | None = None
    district: str | None = None
    city: str | None = None
    province: str | None = None
    postcode: str | None = None


class Compared(NamedTuple):
    """A record as it is compared: lower case, no accents, words of letters and digits, None where nothing is known.

    shown: the name for people. name: its words as they stand; sorted: in the order of the alphabet; turned: the last
    one put first, as where the family name stands at the other end. birthday: eight digits. number: of the house;
    road: the street without it. The other fields are those of `Record`.
    """

    id: str
    shown: str | None
    name: str | None
    sorted: str | None
    turned: str | None
    birthday: str | None
    number: str | None
    road: str | None
    ward: str | None
    district: str | None
    city: str | None
    province: str | None
    postcode: str | None


LONGEST = 60
"""Characters of a value that are compared: longer ones differ before, and comparing takes the square of the length."""

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(?<!\w)\d+[a-z]?(?:[/-]\d+[a-z]?)*(?!\w)", re.ASCII)
_DIGITS = re.compile(r"\d{8}", re.ASCII)
_ROAD_WORDS = frozenset(("so", "nha", "duong", "pho", "d"))
_PLACE_WORDS = re.compile(
    r"(?:(?:phuong|thi tran|thi xa|thanh pho|quan|huyen|tinh|xa|tp|tt|tx|p|q) )?(.+?)(?: (?:city|province))?"
)


def compared(record: Record) -> Compared:
    """The form of `record` that is compared. Any text will do."""
    shown = _shown(record)
    words = _words(shown)
    number, road = _street(record.street)
    return Compared(
        id=record.id,
        shown=shown,
        name=_joined(words),
        sorted=_joined(sorted(words)),
        turned=_joined([*words[-1:], *words[:-1]]),
        birthday=_birthday(record.birthday),
        number=number,
        road=road,
        ward=_place(record.ward),
        district=_place(record.district),
        city=_place(record.city),
        province=_place(record.province),
        postcode=_joined(_words(record.postcode), ""),
    )


def _shown(record: Record) -> str | None:
    stated = record.full_name or " ".join(filter(None, (record.family_name, record.given_name)))
    return clean_text(_text(stated)) or None


def _text(stated: str) -> str:
    """`stated` without what no database can keep: halves of characters."""
    return stated if stated.isascii() else stated.encode("utf-8", "replace").decode("utf-8")


def _words(stated: str | None) -> list[str]:
    return _WORD.findall(fold_accents(clean_text(_text(stated)))) if stated else []


def _joined(words: list[str], by: str = " ") -> str | None:
    return by.join(words)[:LONGEST].strip() or None


def _birthday(stated: str | None) -> str | None:
    digits = (stated or "").strip().replace("-", "")
    return digits if _DIGITS.fullmatch(digits) else None


def _street(stated: str | None) -> tuple[str | None, str | None]:
    if not stated:
        return None, None
    text = fold_accents(clean_text(_text(stated)))
    found = _NUMBER.search(text)
    if found is not None:
        text = f"{text[: found.start()]} {text[found.end() :]}"
    road = _joined([word for word in _WORD.findall(text) if word not in _ROAD_WORDS])
    return found[0][:LONGEST] if found is not None else None, road


@lru_cache(65_536)  # places repeat
def _place(stated: str | None) -> str | None:
    words = _joined(_words(stated))
    if words is None:
        return None
    match = _PLACE_WORDS.fullmatch(words)
    return match[1] if match is not None else words
