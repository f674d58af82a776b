"""What the channel says of the customer, in the one form that is compared and stored.

A statement that cannot be read, or that is a placeholder, never costs the event: it is left out and noted as a problem.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from processors.birthday import read_birthday
from processors.contacts import NOTHING, PLACEHOLDER, Reading, read_email, read_phone
from processors.reference import Reference
from processors.text import clean_text, fold_accents, plain_text
from processors.words import GENDERS, LANGUAGES, PROFICIENCIES, PURPOSES
from schemas.codec import Problem
from schemas.events import Customer, Part
from schemas.identifiers import Identifier

MAX_IDENTIFIER = 256
"""Characters. Longer ones are no identifier, and would not fit a database index."""


class Normalised(NamedTuple):
    """Identifiers sorted, and which kinds of them are verified; traits by name (see `schemas.clean.CleanEvent`); problems in the
    order of the fields.
    """

    identifiers: tuple[Identifier, ...]
    verified: tuple[str, ...]
    traits: dict[str, Any]
    problems: list[Problem]


def normalise(customer: Customer, today: date, reference: Reference) -> Normalised:
    """Read everything that is said of the customer. `today` is the date of the event: nobody is born after it."""
    identifiers: list[Identifier] = []
    traits: dict[str, Any] = {}
    problems: list[Problem] = []
    for field, stated in vars(customer).items():
        if stated is None or field in ("verified", "consent"):
            continue
        if field in _IDENTIFIERS:
            identifier, problem = read_identifier(field, stated, reference)
            if identifier is not None:
                identifiers.append(identifier)
                if field in ("email", "phone"):
                    traits[field] = identifier.value
        elif isinstance(stated, Part):
            parts = _parts(f"$.data.customer.{field}", stated, reference, problems)
            if parts:
                traits[field] = parts
            continue
        else:
            value, problem = _read_trait(field, stated, reference)
            if field == "birthday" and value is not None and value > today.isoformat():
                value, problem = None, "unreadable_birthday"
            if value is not None:
                traits[field] = value
        if problem is not None:
            problems.append((f"$.data.customer.{field}", problem))
    _complete_name(traits, reference)
    identifiers.sort()
    verified: tuple[str, ...] = ()
    if customer.verified:
        verified = tuple(sorted({kind for kind, _ in identifiers}.intersection(customer.verified)))
    return Normalised(tuple(identifiers), verified, traits, problems)


@lru_cache(16_384)  # of a batch, and of who comes again soon: four times as many take 20 MB
def read_identifier(kind: str, text: str, reference: Reference) -> tuple[Identifier | None, str | None]:
    """The normalised identifier that `text` states, or None and the problem's code (None and None when it is blank)."""
    value, problem = _IDENTIFIERS[kind](text, reference)
    if value is None:
        return None, problem
    if len(value) > MAX_IDENTIFIER:
        return None, f"unreadable_{kind}"
    return Identifier(kind, value), None


@lru_cache(65_536)
def _read_trait(field: str, text: str, reference: Reference) -> Reading:
    return _TRAITS[field](text, reference)


@lru_cache(65_536)
def _read_part(field: str, text: str, reference: Reference) -> Reading:
    return _PARTS.get(field, _text)(text, reference)


def _code(stated: str, reference: Reference) -> Reading:
    """A number on a card: without spaces and dashes, in upper case."""
    text = plain_text(stated)
    if text.isascii():
        value = text.replace(" ", "").replace("-", "").upper()
    else:
        kept = (part for part in text if not part.isspace() and unicodedata.category(part) != "Pd")
        value = unicodedata.normalize("NFC", "".join(kept).upper())
    return _unless_placeholder(value, text, "id", reference)


def _id(stated: str, reference: Reference) -> Reading:
    text = clean_text(stated)
    return _unless_placeholder(text, text, "id", reference)


def _name(stated: str, reference: Reference) -> Reading:
    text = clean_text(stated)
    return _unless_placeholder(text, text, "name", reference)


def _text(stated: str, reference: Reference) -> Reading:
    text = clean_text(stated)
    return _unless_placeholder(text, text, "text", reference)


def _unless_placeholder(value: str, text: str, kind: str, reference: Reference) -> Reading:
    if not text:
        return NOTHING
    placeholders = reference.placeholders[kind]
    if fold_accents(text) in placeholders or (value != text and fold_accents(value) in placeholders):
        return PLACEHOLDER
    return value, None


_COUNT = re.compile(r"([0-9]{1,3}(?:[., ]?[0-9]{3}){0,2})(?:\.0+)? ?(?:\+|nguoi|nhan vien|people|employees|staff)?")
_YEAR = re.compile(r"(1[6-9][0-9]{2}|20[0-9]{2})(?:\.0+|-[0-9]{2}-[0-9]{2})?")
_PEOPLE = re.compile(r"([0-9]{1,2})(?:\.0+)? ?(?:\+|nguoi|people|persons?)?")


def _gender(stated: str, reference: Reference) -> Reading:
    text, problem = _text(stated, reference)
    if text is None:
        return None, problem
    gender = GENDERS.get(fold_accents(text).strip("."))
    return (gender, None) if gender else (None, "unreadable_gender")


def _household_size(stated: str, reference: Reference) -> Reading:
    """People, 1–30; "5+" counts as 5."""
    text = fold_accents(plain_text(stated))
    match = _PEOPLE.fullmatch(text)
    if match and 1 <= int(match[1]) <= 30:
        return int(match[1]), None
    value, problem = _text(stated, reference)
    return None, problem if value is None else "unreadable_household_size"


def _language(stated: str, reference: Reference) -> Reading:
    """ISO 639-1: "vi-VN" is "vi"."""
    text, problem = _text(stated, reference)
    if text is None:
        return None, problem
    folded = fold_accents(text)
    code = LANGUAGES.get(folded) or folded.replace("_", "-").partition("-")[0]
    code = LANGUAGES.get(code, code)
    return (code, None) if len(code) == 2 and code.isascii() and code.isalpha() else (None, "unreadable_language")


def _purpose(stated: str, reference: Reference) -> Reading:
    """personal, gift, work or resale; else as stated."""
    text, problem = _text(stated, reference)
    return (None, problem) if text is None else (PURPOSES.get(fold_accents(text), text), None)


def _proficiency(stated: str, reference: Reference) -> Reading:
    text, problem = _text(stated, reference)
    if text is None:
        return None, problem
    level = PROFICIENCIES.get(fold_accents(text))
    return (level, None) if level else (None, "unreadable_proficiency")


def _staff(stated: str, reference: Reference) -> Reading:
    """People: "1.200 nhân viên" is 1200; a range is no number."""
    match = _COUNT.fullmatch(fold_accents(plain_text(stated)))
    if match and (people := int(re.sub(r"[., ]", "", match[1]))):
        return people, None
    value, problem = _text(stated, reference)
    return None, problem if value is None else "unreadable_staff"


def _founded(stated: str, reference: Reference) -> Reading:
    """The year."""
    match = _YEAR.fullmatch(plain_text(stated))
    if match:
        return int(match[1]), None
    value, problem = _text(stated, reference)
    return None, problem if value is None else "unreadable_founded"


def _country(stated: str, reference: Reference) -> Reading:
    """Two letters in upper case, or the name as it was given; Vietnam is always VN."""
    text, problem = _text(stated, reference)
    if text is None:
        return None, problem
    if reference.places.is_vietnam(text):
        return "VN", None
    return text.upper() if len(text) == 2 else text, None


def _postcode(stated: str, reference: Reference) -> Reading:
    text = plain_text(stated).replace(" ", "").upper()
    return _unless_placeholder(text, text, "text", reference)


def _parts(path: str, stated: Part, reference: Reference, problems: list[Problem]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for field, part in vars(stated).items():
        if part is not None:
            value, problem = _read_part(field, part, reference)
            if value is not None:
                read[field] = value
            elif problem is not None:
                problems.append((f"{path}.{field}", problem))
    return read


_FAMILY_FIRST = frozenset(("vi", "zh", "ja", "ko", "hu", "VN", "CN", "TW", "HK", "JP", "KR", "HU"))
"""Languages and countries that say the family name first."""


def _complete_name(traits: dict[str, Any], reference: Reference) -> None:
    """Add `full_name` when only parts are known, and `name_key`. Its order is that of the language, else country."""
    full = traits.get("full_name")
    if full is None:
        given, family = traits.get("given_name"), traits.get("family_name")
        if given is None and family is None:
            return
        custom = traits.get("language") or traits.get("address", {}).get("country") or reference.region
        full = " ".join(filter(None, (family, given) if custom in _FAMILY_FIRST else (given, family)))
        traits["full_name"] = full
    folded = " ".join(fold_accents(full).split())
    if folded:
        traits["name_key"] = folded


_Reader = Callable[[str, Reference], Reading]
_IDENTIFIERS: dict[str, _Reader] = {
    "customer_no": _code,
    "card_no": _code,
    "email": read_email,
    "phone": read_phone,
    "facebook_id": _id,
    "zalo_id": _id,
    "tiktok_id": _id,
    "instagram_id": _id,
    "anonymous_id": _id,
    "device_id": _id,
}
_TRAITS: dict[str, _Reader] = {
    "full_name": _name,
    "given_name": _name,
    "family_name": _name,
    "birthday": read_birthday,
    "age_band": _text,
    "gender": _gender,
    "income_band": _text,
    "occupation": _text,
    "marital_status": _text,
    "household_size": _household_size,
    "language": _language,
    "purpose": _purpose,
    "proficiency": _proficiency,
}
_PARTS: dict[str, _Reader] = {"country": _country, "postcode": _postcode, "staff": _staff, "founded": _founded}
