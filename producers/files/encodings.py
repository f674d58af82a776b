"""In which encoding a file is, when nobody has said it: by its bytes, all of them. Nothing is guessed that would garble names."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from producers.files.vietnamese_encodings import TCVN3, VNI, told_apart

_WORDS = re.compile(rb"[A-Za-z\xa1-\xff]*[\xa1-\xff][A-Za-z\xa1-\xff]*")
_MOST_WORDS = 5_000
_BLOCK = 1024 * 1024
_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")
_NO_UTF8 = re.compile("[\udc80-\udcff]")

_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook (or another zip archive)",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old kind (.xls)",
    b"%PDF": "a PDF",
}
_SAVE_AS = "In Excel: File, Save As, “CSV UTF-8 (Comma delimited)”"


@dataclass(frozen=True, slots=True)
class Recognised:
    """`encoding` as Python calls it; `told` for people."""

    encoding: str
    told: str


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """The file must not be read. `why` says what it seems to be and what to do. With `text`, it may be a text of any encoding:
    what of it is ASCII can be read."""

    why: str
    text: bool = False


def recognise(blocks: Iterable[bytes]) -> Recognised | Unrecognised:
    """The encoding of a text, given block by block (whole kilobytes but for the last), in constant memory."""
    utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    words: set[bytes] = set()
    good = bad = 0
    begun = False
    for block in blocks:
        if not begun and block:
            begun = True
            known = _by_beginning(block)
            if known is not None:
                return known
        if block.isascii() and not utf8.getstate()[0]:
            continue
        text = utf8.decode(block)
        good += len(_BEYOND_ASCII.findall(text))
        bad += len(_NO_UTF8.findall(text))
        if bad and len(words) < _MOST_WORDS:
            words.update(_WORDS.findall(block))
    bad += len(utf8.decode(b"", True))
    if not bad:
        return Recognised("utf-8-sig", "UTF-8" if good else "plain ASCII")
    if good > bad:
        return Recognised("utf-8-sig", f"UTF-8, but for {bad} bytes: the lines that hold them are refused")
    found = told_apart(words)
    if found in (TCVN3, VNI):
        return Unrecognised(_of_fonts(found))
    if found is not None:
        return Recognised(found, "Windows-1258 (Vietnamese), accents joined to their letters")
    return Unrecognised(
        "It is not UTF-8, and not surely Windows-1258 or another encoding that is known here, so that names could be garbled. "
        f"{_SAVE_AS}; or name the encoding in the mapping, as in encoding: windows-1258 (or windows-1252 for text "
        "of Western Europe).",
        text=True,
    )


def recognise_file(path: Path) -> Recognised | Unrecognised:
    """The encoding of a file, `.gz` inflated, and of one that breaks off as far as it can be read. Raises OSError."""
    return recognise(_blocks(path))


def _blocks(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.name.lower().endswith(".gz") else open(path, "rb") as file:
        try:
            while block := file.read(_BLOCK):
                yield block
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return


def _by_beginning(block: bytes) -> Recognised | Unrecognised | None:
    for magic, what in _NOT_TEXT.items():
        if block.startswith(magic):
            return Unrecognised(f"It is {what}, and no text. {_SAVE_AS}.")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", block, re.IGNORECASE):
        return Unrecognised(f"It is a web page or XML, and no CSV. {_SAVE_AS}.")
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Recognised("utf-16", "UTF-16, as Excel writes “Unicode Text”")
    sample = block[:4_096]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if len(zeros) > 3 and zeros.count(0) * 2 > len(zeros):
            return Recognised(encoding, "UTF-16 without a mark at its beginning")
    if block.startswith(codecs.BOM_UTF8):
        return None  # most likely UTF-8, and all of it is looked at like any other
    if 0 in sample:
        return Unrecognised(f"It holds bytes that no text has. {_SAVE_AS}.")
    return None


def _of_fonts(found: str) -> str:
    fonts = ".VnTime, .VnArial and others (also called ABC)" if found == TCVN3 else "VNI-Times and others"
    menu = "TCVN3 (ABC)" if found == TCVN3 else "VNI Windows"
    return (
        f"It is in {found}, the encoding of the fonts {fonts}, which is not Unicode: capitals with accents are lost in it, so "
        "that it is not converted here. Let the till or program that writes it export Unicode (UTF-8). If it cannot, convert "
        f"the file with the UniKey Toolkit (Ctrl+Shift+F6: from {menu} to Unicode), look at the capitals, and put it here again."
    )
