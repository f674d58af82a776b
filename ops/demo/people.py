"""The people of the demo: one for each loyalty card of the extract, and some who have no card yet."""

from __future__ import annotations

import csv
import random
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from ops.demo import names
from ops.demo.baskets import read_baskets

PROSPECTS = 400
"""People without a card."""

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Household:
    """What a household stated in the survey, in its words; empty where it said nothing."""

    age: str
    income: str
    home_ownership: str
    marital_status: str
    household_size: str
    household_comp: str
    kids_count: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person. Two persons share no identifier; `phone` is E.164; `province` is as this person spells it."""

    number: int
    card_no: str | None
    family_name: str
    given_name: str
    gender: str
    language: str
    birthday: date
    phone: str | None
    email: str | None
    facebook_id: str | None
    zalo_id: str | None
    anonymous_id: str | None
    street: str
    ward: str
    province: str
    household: Household | None

    @property
    def full_name(self) -> str:
        """In the order of the person's language."""
        parts = (self.given_name, self.family_name) if self.language == "en" else (self.family_name, self.given_name)
        return " ".join(parts)

    def chance(self, story: str) -> random.Random:
        """A source of chance of this person's own, so that a change to one story leaves every other one alone."""
        return random.Random(f"{story}/{self.number}")


@cache
def people(today: date) -> Sequence[Person]:
    """Everybody: first the card holders, by card number, then the prospects. `today` is what ages are counted from.

    The same `today` gives the same people. Reads the two files of the extract.
    """
    households = _households()
    cards = sorted({basket.card_no for basket in read_baskets()}, key=int)
    holders: list[tuple[str | None, Household | None]] = [(card, households.get(card)) for card in cards]
    return tuple(
        _person(number, card, household, today)
        for number, (card, household) in enumerate(holders + [(None, None)] * PROSPECTS, start=1)
    )


def _households() -> dict[str, Household]:
    with (HERE / "households.csv").open(encoding="utf-8", newline="") as file:
        return {row.pop("card_no"): Household(**row) for row in csv.DictReader(file)}


def _person(number: int, card_no: str | None, household: Household | None, today: date) -> Person:
    chance = random.Random(f"person/{number}")
    gender = chance.choice(("female", "female", "male"))
    language = "en" if chance.random() < 0.05 else "vi"
    family_name, given_name = _name(chance, gender, language)
    has = {
        "phone": chance.random() < 0.8,
        "email": chance.random() < 0.6,
        "facebook": chance.random() < (0.4 if card_no else 0.5),
        "zalo": chance.random() < (0.5 if card_no else 0.4),
        "browser": chance.random() < 0.5,
    }
    if not has["phone"] and not has["email"]:  # everybody can be told by something that forms ask for
        has["phone"] = True
    spelt, wards, _ = chance.choices(names.PLACES, [weight for _, _, weight in names.PLACES])[0]
    return Person(
        number=number,
        card_no=card_no,
        family_name=family_name,
        given_name=given_name,
        gender=gender,
        language=language,
        birthday=_birthday(chance, household.age if household else "", today),
        phone=_phone(chance, number) if has["phone"] else None,
        email=_email(chance, family_name, given_name, number) if has["email"] else None,
        facebook_id=str(10**15 + number * 7_919_000_003 % 10**15) if has["facebook"] else None,
        zalo_id=str(4 * 10**18 + number * 104_729_000_017 % 10**18) if has["zalo"] else None,
        anonymous_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)) if has["browser"] else None,
        street=f"{chance.randint(1, 480)} {chance.choice(names.STREETS)}",
        ward=chance.choice(wards),
        province=chance.choice(spelt),
        household=household,
    )


def _name(chance: random.Random, gender: str, language: str) -> tuple[str, str]:
    woman = gender == "female"
    if language == "en":
        return chance.choice(names.ENGLISH_FAMILY), chance.choice(names.ENGLISH_WOMEN if woman else names.ENGLISH_MEN)
    family = chance.choices(list(names.FAMILY_NAMES), list(names.FAMILY_NAMES.values()))[0]
    middle = chance.choice(names.WOMEN_MIDDLE if woman else names.MEN_MIDDLE)
    given = chance.choice(names.WOMEN_GIVEN if woman else names.MEN_GIVEN)
    return family, f"{middle} {given}"


def _birthday(chance: random.Random, age_band: str, today: date) -> date:
    youngest, oldest = _ages(age_band)
    age = chance.randint(youngest, oldest)
    return date(today.year - age - 1, chance.randint(1, 12), chance.randint(1, 28))


def _ages(age_band: str) -> tuple[int, int]:
    """Bounds of "45-54", of "65+", and of saying nothing; a year inside, so that the age fits all year long."""
    low, _, high = age_band.rstrip("+").partition("-")
    if not low:
        return 20, 68
    return int(low), int(high) - 1 if high else 80


def _phone(chance: random.Random, number: int) -> str:
    # 7,368,787 shares no divisor with 10**7: two numbers never get the same seven digits.
    return f"+84{chance.choice(names.MOBILE_PREFIXES)[1:]}{(number * 7_368_787 + 1_234_567) % 10**7:07d}"


def _email(chance: random.Random, family_name: str, given_name: str, number: int) -> str:
    domain = chance.choice(("example.com", "example.net", "example.org"))  # reserved by RFC 2606: nobody's mailbox
    return f"{_plain(given_name)}.{_plain(family_name)}{number}@{domain}"


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha())
