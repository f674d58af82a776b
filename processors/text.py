"""Text as people type it, made comparable: cleaned for display, folded for matching."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Characters that show nothing and that Unicode does not class as formats: fillers, variation selectors."""


def clean_text(text: str) -> str:
    """`text` for display: NFC, no control or invisible characters, white space collapsed. Accents and case stay."""
    if not text.isascii():
        text = _BLANK.sub("", text)
    if not text.isprintable():
        # Cc: controls. Cf: zero-width and direction marks, soft hyphens, the BOM. White space is collapsed below.
        text = "".join(part for part in text if part.isspace() or unicodedata.category(part) not in ("Cc", "Cf"))
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def plain_text(text: str) -> str:
    """`text` for what is typed as a code: like `clean_text`, full-width and other compatibility forms made plain."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return clean_text(text)


@lru_cache(16_384)
def fold_accents(text: str) -> str:
    """`text` for matching: no case and no accents, so "Nguyễn Đình" is "nguyen dinh". Spaces stay as they are."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", text.casefold())
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    # U+0111 is a letter of its own and does not decompose; Korean syllables do, and are put together again
    return unicodedata.normalize("NFC", plain.replace("đ", "d"))
