"""Vietnamese as programs from before Unicode write it."""

from __future__ import annotations

import unicodedata

_TCVN3 = dict(
    zip(
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        bytes.fromhex(
            "a1a2a3a4a5a6a7a8a9aaabacadaeb5b6b7b8b9bbbcbdbec6c7c8c9cacbcccecfd0d1d2d3d4d5d6d7d8dcdddedf"
            "e1e2e3e4e5e6e7e8e9eaebecedeeeff1f2f3f4f5f6f7f8f9fafbfcfdfe"
        ),
        strict=True,
    )
)
_TONES = {"\u0301": "ù", "\u0300": "ø", "\u0309": "û", "\u0303": "õ", "\u0323": "ï"}
_ROOFS = {"": "â", "\u0301": "á", "\u0300": "à", "\u0309": "å", "\u0303": "ã", "\u0323": "ä"}
_BOWLS = {"": "ê", "\u0301": "é", "\u0300": "è", "\u0309": "ú", "\u0303": "ü", "\u0323": "ë"}


def windows_1258(text: str) -> bytes:
    """The tone is a character of its own behind the letter, unless there is one character for both."""
    made = b""
    for letter in text:
        try:
            made += letter.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
            tones = "".join(part for part in parts if part in _TONES)
            plain = "".join(part for part in parts if part not in _TONES)
            made += (unicodedata.normalize("NFC", plain) + tones).encode("cp1258")
    return made


def tcvn3(text: str) -> bytes:
    """Capitals with a tone become small letters: the font makes capitals of them again."""
    return bytes(
        _TCVN3[letter] if letter in _TCVN3 else ord(letter) if letter.isascii() else _TCVN3[letter.lower()]
        for letter in text
    )


def vni(text: str) -> bytes:
    """The accent is a letter of Western Europe behind the vowel."""
    made = ""
    for letter in text:
        small = letter.lower()
        known = {"đ": "ñ", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î", "í": "í", "ì": "ì"}
        parts = unicodedata.normalize("NFD", small)
        tone = "".join(part for part in parts if part in _TONES)
        if small in known:
            one = known[small]
        elif "\u0302" in parts:
            one = parts[0] + _ROOFS[tone]
        elif "\u0306" in parts:
            one = parts[0] + _BOWLS[tone]
        else:
            one = ({"o": "ô", "u": "ö"}[parts[0]] if "\u031b" in parts else parts[0]) + (_TONES[tone] if tone else "")
        made += one.upper() if letter != small else one
    return made.encode("cp1252")
