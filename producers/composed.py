"""Names and texts as they are compared: the same letter is typed with one code point or with several."""

from __future__ import annotations

import unicodedata

_MOST_MARKS = 30
"""Marks on one letter: of more it is no text (UAX #15, Stream-Safe Text Format)."""


def composed(text: str) -> str:
    """`text` in NFC; what is no text stays as it is. Takes time by its length: to sort any number of marks on one letter, as
    `unicodedata.normalize` does, takes ten seconds for 240 KB, and nothing else runs meanwhile."""
    if text.isascii():
        return text
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks > _MOST_MARKS:
            return text
    return unicodedata.normalize("NFC", text)
