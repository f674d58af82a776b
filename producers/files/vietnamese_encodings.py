"""Encodings of Vietnamese from before Unicode, told apart by how much of a text becomes Vietnamese words. Pure.

Windows-1258 is an encoding as others are. TCVN3 (of the .Vn fonts, also called ABC) and VNI are not: a capital with an accent is
a small letter in another font (.VnTimeH), and which font it was, a file of text does not say. So they are recognised here and
not decoded: what would come out is a guess at names of people.

The tables are as in xvnkb, `vni.h`, and in glibc's TCVN5712-1, of which TCVN3 is the part without accented capitals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from functools import lru_cache

_TCVN3 = dict(
    zip(
        (
            *(*range(0xA1, 0xAF), *range(0xB5, 0xBA), *range(0xBB, 0xBF), *range(0xC6, 0xCD), *range(0xCE, 0xD9)),
            *(*range(0xDC, 0xE0), *range(0xE1, 0xF0), *range(0xF1, 0xFF)),
        ),
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        strict=True,
    )
)

_GRAVE, _ACUTE, _TILDE, _HOOK, _DOT = "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"
_TONES = frozenset((_GRAVE, _ACUTE, _TILDE, _HOOK, _DOT))
_ROOF, _BOWL = "\u0302", "\u0306"

_VNI_LETTERS = {"ô": "ơ", "ö": "ư", "ñ": "đ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "í": "í", "ì": "ì"}
_VNI_MARKS = dict(zip("ùøûõï", (_ACUTE, _GRAVE, _HOOK, _TILDE, _DOT), strict=True))
_VNI_MARKS |= dict(zip("âáàåãä", (_ROOF + tone for tone in ("", _ACUTE, _GRAVE, _HOOK, _TILDE, _DOT)), strict=True))
_VNI_MARKS |= dict(zip("êéèúüë", (_BOWL + tone for tone in ("", _ACUTE, _GRAVE, _HOOK, _TILDE, _DOT)), strict=True))


def _windows_1258(word: bytes) -> str:
    return word.decode("cp1258", "replace")


def _tcvn3(word: bytes) -> str:
    return "".join(chr(byte) if byte < 0x80 else _TCVN3.get(byte, "\ufffd") for byte in word)


def _vni(word: bytes) -> str:
    """Letter by letter: an accent is a letter of its own, behind the vowel."""
    made = ""
    for letter in word.decode("cp1252", "replace").lower():
        if letter in _VNI_MARKS and made[-1:] in tuple("aeouyơư"):
            made += _VNI_MARKS[letter]
        else:
            made += _VNI_LETTERS.get(letter, letter if letter.isascii() else "\ufffd")
    return made


WINDOWS_1258, TCVN3, VNI = "windows-1258", "TCVN3", "VNI"

_READINGS: dict[str, Callable[[bytes], str]] = {WINDOWS_1258: _windows_1258, TCVN3: _tcvn3, VNI: _vni}

_ONSET = "(?:b|ch?|d|đ|gi?|gh|h|kh?|l|m|ngh?|nh?|ph?|qu|r|s|th?|tr|v|x)?"
_OPEN = (
    "a|e|ê|i|o|ô|ơ|u|ư|y|ai|ao|au|ay|âu|ây|eo|êu|ia|iu|iêu|oa|oai|oay|oao|oe|oeo|oi|ôi|ơi|ua|uây|uê|ui|uôi|ươi|ươu|ưa|ưi|ưu"
    "|uy|uya|uyu|uơ|yêu|uâ|uai|uay|uao|ue|ueo"
)
_CLOSED = "a|ă|â|e|ê|i|o|ô|ơ|u|ư|y|iê|yê|oa|oă|oe|oo|uâ|uê|uô|ươ|uy|uyê|ua|uă|ue"
_STOPPED = re.compile(rf"{_ONSET}(?:{_CLOSED})(?:ch|[cpt])")
_WORD = re.compile(rf"{_ONSET}(?:(?:{_OPEN})|(?:{_CLOSED})(?:ng|nh|[mn]))")


@lru_cache(8_192)
def is_word(text: str) -> bool:
    """Whether it can be one syllable of Vietnamese, in small or capital letters: words are written syllable by syllable."""
    plain: list[str] = []
    tones: list[str] = []
    for letter in unicodedata.normalize("NFD", text.lower()):
        (tones if letter in _TONES else plain).append(letter)
    if len(tones) > 1:
        return False
    syllable = unicodedata.normalize("NFC", "".join(plain))
    if _STOPPED.fullmatch(syllable):
        return bool(tones) and tones[0] in (_ACUTE, _DOT)
    return _WORD.fullmatch(syllable) is not None


_SURE, _AHEAD = 0.75, 0.2
"""Of the words so many are Vietnamese when the encoding is right, and so many more than in any other encoding."""


def told_apart(words: Collection[bytes]) -> str | None:
    """Which of the three encodings these words are in, each of letters and with at least one byte that is not ASCII; None when
    they are in none of them, or could be in more than one."""
    if not words:
        return None
    shares = {name: sum(is_word(read(word)) for word in words) / len(words) for name, read in _READINGS.items()}
    (first, share), (_, second), _ = sorted(shares.items(), key=lambda each: -each[1])
    return first if share >= _SURE and share - second >= _AHEAD else None
