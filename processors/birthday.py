"""The day somebody was born, as people type it and as browsers send it."""

from __future__ import annotations

import re
from datetime import date, datetime, time

from processors.contacts import NOTHING, PLACEHOLDER, Reading
from processors.reference import Reference
from processors.text import fold_accents, plain_text

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})(?:[T ].*)?")
_DAY_FIRST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_EIGHT_DIGITS = re.compile(r"[0-9]{8}")


def read_birthday(stated: str, reference: Reference) -> Reading:
    """ISO text. The day comes before the month, as in Vietnam, unless the year comes first. An instant that is no midnight
    is one elsewhere: what a browser here makes of a day is the evening before in UTC."""
    text = plain_text(stated)
    if not text:
        return NOTHING
    if fold_accents(text) in reference.placeholders["birthday"]:
        return PLACEHOLDER
    if match := _YEAR_FIRST.fullmatch(text):
        year, separator, month, day = match.groups()
        if not separator and not _EIGHT_DIGITS.match(text):
            return None, "unreadable_birthday"
    elif match := _DAY_FIRST.fullmatch(text):
        day, _, month, year = match.groups()
    else:
        return None, "unreadable_birthday"
    try:
        born = _day_of_instant(text, reference) or date(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        return None, "unreadable_birthday"
    return (born.isoformat(), None) if born.year >= 1900 else (None, "unreadable_birthday")


def _day_of_instant(text: str, reference: Reference) -> date | None:
    """The day here of a time of another day that names its zone; None of anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None or moment.time() == time.min:
        return None
    return moment.astimezone(reference.timezone).date()
