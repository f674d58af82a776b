"""Phone numbers and e-mail addresses as people type them, in the one form that identifies."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import ValidationResult

from processors.reference import Reference
from processors.text import fold_accents, plain_text

Reading = tuple[Any, str | None]
"""What was read (None: nothing) and the code of the problem, if there is one."""

NOTHING: Reading = (None, None)
PLACEHOLDER: Reading = (None, "placeholder")


# Of Vietnamese numbers the library's own patterns decide; matching them here spares its parser, forty times slower.
_VIETNAM: Any = phonenumbers.PhoneMetadata.metadata_for_region("VN")
_VIETNAMESE = re.compile(f"{_VIETNAM.mobile.national_number_pattern}|{_VIETNAM.fixed_line.national_number_pattern}")
_ONLY_DIGITS = re.compile(r"\+?[0-9 ().\-/]+")
_NO_DIGIT = re.compile(r"[^0-9]+")
FULL_NUMBER = 9
"""Digits of the shortest national number that is taken when it is possible but not (yet) in the numbering plan."""


def read_phone(stated: str, reference: Reference) -> Reading:
    """The number in E.164. Numbers without a country belong to the region of the installation.

    Taken are numbers that are valid, or possible with nine digits or more: numbering plans grow faster than libraries.
    """
    text = plain_text(stated)
    if not text:
        return NOTHING
    if text.endswith(".0") and text[:-2].isdigit():  # a number that went through a spreadsheet
        text = text[:-2]
    digits = _NO_DIGIT.sub("", text)
    placeholders = reference.placeholders["phone"]
    if digits in placeholders or (digits != text and fold_accents(text) in placeholders):
        return PLACEHOLDER
    national = _vietnamese(text, digits, reference)
    if national is not None:
        told = f"0{national}"
        return PLACEHOLDER if told != digits and told in placeholders else (f"+84{national}", None)
    try:
        number = phonenumbers.parse(text, reference.region)
    except phonenumbers.NumberParseException:
        return None, "unreadable_phone"
    national = phonenumbers.national_significant_number(number)
    if not phonenumbers.is_valid_number(number) and (
        len(national) < FULL_NUMBER
        or phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE
    ):
        return None, "unreadable_phone"
    return PLACEHOLDER if f"0{national}" in placeholders else (f"+{number.country_code}{national}", None)


def _vietnamese(text: str, digits: str, reference: Reference) -> str | None:
    """The national number without 0 when `text` is plainly Vietnamese, with a mobile prefix of before 2018 replaced."""
    if not _ONLY_DIGITS.fullmatch(text):
        return None
    abroad = text[0] == "+" or digits.startswith("00") or (len(digits) > 10 and digits.startswith("84"))
    national = digits.removeprefix("00")
    if abroad:
        if not national.startswith("84"):
            return None
        national = national[2:]
    elif reference.region != "VN":
        return None
    national = national.removeprefix("0")
    if len(national) == 10 and national[:3] in reference.moved_mobile_prefixes:
        national = reference.moved_mobile_prefixes[national[:3]] + national[3:]
    return national if _VIETNAMESE.fullmatch(national) else None


_PLAIN_LOCAL = re.compile(r"[a-z0-9_\-]+(?:[.+][a-z0-9_\-]+)*")


def read_email(stated: str, reference: Reference) -> Reading:
    """The address in lower case, local part too: RFC 5321 lets a host tell "An@" from "an@", and no common one does.

    No look-up is made: whether the domain exists is not known.
    """
    text = "".join(plain_text(stated).split()).lower().removeprefix("mailto:")
    if not text:
        return NOTHING
    if fold_accents(text) in reference.placeholders["email"]:
        return PLACEHOLDER
    local, _, domain = text.rpartition("@")
    if _PLAIN_LOCAL.fullmatch(local) and domain.isascii():  # the library takes forty times longer
        checked = _domain(domain)
        if checked is None or len(local) + 1 + len(checked) > 254:
            return None, "unreadable_email"
        return f"{local}@{checked}", None
    try:
        normalized = validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None, "unreadable_email"
    return unicodedata.normalize("NFC", normalized.lower()), None


@lru_cache(16_384)
def _domain(domain: str) -> str | None:
    try:
        return validate_email(f"a@{domain}", check_deliverability=False).domain.lower()
    except EmailNotValidError:
        return None
