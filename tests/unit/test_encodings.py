"""The encoding of a file is told by its bytes, or it is said that it cannot be; names are never garbled."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.files.encodings import Recognised, Unrecognised, recognise
from producers.files.vietnamese_encodings import TCVN3, VNI, WINDOWS_1258, is_word, told_apart
from tests.legacy_text import tcvn3, vni, windows_1258

NAMES = (
    "Nguyễn Thị Lan,Trần Văn Đức,Lê Thị Hồng Nhung,Phạm Quốc Tuấn,Hoàng Anh Dũng,Võ Thị Kim Ngân,Đặng Hữu Phước,Bùi Thanh Thủy,"
    "Đỗ Khánh Huyền,Hồ Ngọc Hà,Ngô Thiên Ân,Dương Mỹ Linh,Lý Tự Trọng,quận Bình Thạnh,phường Tân Định,giày chạy bộ nữ,sữa tươi"
)
FILE = f"name,city\n{NAMES}\nHuỳnh Khuê,Quảng Ngãi\n"
WRITTEN: dict[str, Callable[[str], bytes]] = {WINDOWS_1258: windows_1258, TCVN3: tcvn3, VNI: vni}


def read_as(content: bytes) -> str:
    found = recognise([content])
    assert isinstance(found, Recognised), found
    return found.encoding


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (FILE.encode(), "utf-8-sig"),
        (codecs.BOM_UTF8 + FILE.encode(), "utf-8-sig"),
        (b"name,city\nLan,Hue\n", "utf-8-sig"),
        (FILE.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + FILE.encode("utf-16-be"), "utf-16"),
        (FILE.encode("utf-16-le"), "utf-16-le"),
        (FILE.encode("utf-16-be"), "utf-16-be"),
        (windows_1258(FILE), WINDOWS_1258),
        (windows_1258(FILE.upper()), WINDOWS_1258),
        (windows_1258("name\nĐức\n"), WINDOWS_1258),
    ],
)
def test_what_is_known_is_read_as_it_was_meant(content: bytes, encoding: str) -> None:
    assert read_as(content) == encoding
    text = unicodedata.normalize("NFC", content.decode(encoding))
    assert text.casefold() in (FILE.casefold(), "name,city\nlan,hue\n", "name\nđức\n")


@pytest.mark.parametrize(("written", "name"), [(tcvn3, TCVN3), (vni, VNI)])
@pytest.mark.parametrize("text", [FILE, FILE.upper(), "name\nLan Phương\n", "name\nĐức\nÁnh\n"])
def test_encodings_of_fonts_are_named_with_what_to_do(written: Callable[[str], bytes], name: str, text: str) -> None:
    found = recognise([written(text)])
    assert isinstance(found, Unrecognised)
    assert found.why.startswith(f"It is in {name}, the encoding of the fonts ")
    assert "UniKey" in found.why


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name\nSão Paulo, Zoë, Ångström\n".encode("latin-1"), "not surely Windows-1258"),
        ("имя\nАнна\n".encode("cp1251"), "not surely Windows-1258"),
        (b"PK\x03\x04\x14\x00", "an Excel workbook (or another zip archive), and no text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of the old kind"),
        (b"%PDF-1.7", "a PDF"),
        (b"\n<html><table>", "a web page"),
        (b"name\x00\x01\x02", "bytes that no text has"),
    ],
)
def test_what_is_not_known_is_not_guessed(content: bytes, says: str) -> None:
    found = recognise([content])
    assert isinstance(found, Unrecognised)
    assert says in found.why
    assert "CSV UTF-8" in found.why


def test_a_few_broken_bytes_in_utf8_do_not_make_it_another_encoding() -> None:
    found = recognise([FILE.encode() + b"\xc3,\xff\n"])
    assert found == Recognised("utf-8-sig", "UTF-8, but for 2 bytes: the lines that hold them are refused")


def test_letters_that_stand_far_behind_are_seen_and_cut_by_a_block_they_are_whole() -> None:
    content = b"name\n" + b"Lan\n" * 100_000 + FILE.encode()
    cut = content.index("ễ".encode()) + 1
    assert recognise([content[:cut], content[cut:]]) == Recognised("utf-8-sig", "UTF-8")
    late = b"name\n" + b"Lan\n" * 100_000 + tcvn3(FILE)
    assert isinstance(recognise([late[:300_000], late[300_000:]]), Unrecognised)


@pytest.mark.parametrize("word", [*NAMES.replace(",", " ").split(), "KHUYÊN", "nghiêng", "quyết", "Giếng", "yếu"])
def test_syllables_of_vietnamese_are_words(word: str) -> None:
    assert is_word(word)


@pytest.mark.parametrize("word", ["eă", "hàt", "mạng\u0301", "Zoë", "ơă", "µ", "nguyeãn", "tôác"])
def test_what_no_vietnamese_word_can_be_is_none(word: str) -> None:
    assert not is_word(word)


def test_words_that_could_be_of_two_encodings_are_not_told_apart() -> None:
    assert told_apart([bytes([0x63, 0xE1])]) is None  # "cá" in Windows-1258, "cỏ" in TCVN3
    assert told_apart([]) is None


@given(st.lists(st.sampled_from(NAMES.replace(",", " ").split()), min_size=1), st.sampled_from(sorted(WRITTEN)))
def test_a_text_is_never_taken_for_another_encoding_than_its_own(words: list[str], name: str) -> None:
    content = WRITTEN[name](" ".join(words))
    found = recognise([content])
    if content.isascii():
        assert found == Recognised("utf-8-sig", "plain ASCII")
    elif name == WINDOWS_1258:
        assert isinstance(found, Unrecognised) or found.encoding == WINDOWS_1258
        assert not isinstance(found, Unrecognised) or found.why.startswith("It is not UTF-8")
    else:
        assert isinstance(found, Unrecognised)


@given(st.binary(max_size=400))
def test_whatever_the_bytes_there_is_an_answer_by_which_they_can_be_read(content: bytes) -> None:
    found = recognise([content])
    assert isinstance(found, Recognised | Unrecognised)
    if isinstance(found, Recognised):
        content.decode(found.encoding, "surrogateescape" if found.encoding == "utf-8-sig" else "replace")
