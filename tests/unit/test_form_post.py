"""What browsers send of a form."""

from __future__ import annotations

from typing import Any

import pytest

from producers.forms.post import MAX_FIELDS, URLENCODED, read_post
from producers.request.problems import Problem
from schemas.rejected import Reason, Rejected

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def parts(*told: tuple[str, str]) -> bytes:
    """(what stands after `form-data`, value) of each part, as Chromium writes them."""
    written = "".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {about}\r\n\r\n{value}\r\n" for about, value in told
    )
    return f"{written}--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (
            b"name=Nguy%E1%BB%85n+Th%E1%BB%8B+Lan&email=lan%40example.com",
            {"name": "Nguyễn Thị Lan", "email": "lan@example.com"},
        ),
        (b"consent=email&name=&consent=sms&consent=zalo", {"consent": ["email", "sms", "zalo"], "name": ""}),
        (b"&&a&b==&%C3%A9=1\r\n", {"a": "", "b": "=", "é": "1"}),
        (b"bad=%zz%4", {"bad": "%zz%4"}),
        (b"&" * (MAX_FIELDS + 100) + b"a=1", {"a": "1"}),
    ],
)
def test_urlencoded_fields_are_read(body: bytes, fields: dict[str, Any]) -> None:
    assert read_post(body, f"{URLENCODED}; charset=UTF-8") == fields


def test_multipart_fields_are_read() -> None:
    body = parts(
        ('name="họ tên"', "Trần Văn Ốc"),
        ('name="message"', "dòng một\r\ndòng hai"),
        ('name="consent"', "email"),
        ('name="consent"', "sms"),
        ('name="a%22b"', ""),
        ('name="cv"; filename=""\r\nContent-Type: application/octet-stream', ""),
    )
    assert read_post(body, MULTIPART) == {
        "họ tên": "Trần Văn Ốc",
        "message": "dòng một\r\ndòng hai",
        "consent": ["email", "sms"],
        'a"b': "",
    }


def problem(body: bytes, content_type: str) -> tuple[int, str]:
    with pytest.raises(Problem) as told:
        read_post(body, content_type)
    return told.value.status, told.value.code


def test_files_are_refused_and_it_is_said() -> None:
    for about, content in (('name="cv"; filename="cv.pdf"', ""), ('name="cv"; filename=""', "x")):
        assert problem(parts((about, content)), MULTIPART) == (415, "no_files")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{}", "application/json", (415, "unsupported_media_type")),
        (b"a=1", "text/plain", (415, "unsupported_media_type")),
        (b"a=1", "", (415, "unsupported_media_type")),
        (b"a=1", MULTIPART, (400, "not_multipart")),
        (b"", MULTIPART, (400, "not_multipart")),
        (parts(('name="a"', "1")), "multipart/form-data", (400, "not_multipart")),
        (parts(('name="a"', "1"))[:-20], MULTIPART, (400, "not_multipart")),
        (b"&".join(b"a=1" for _ in range(MAX_FIELDS + 1)), URLENCODED, (413, "too_many")),
        (parts(*[('name="a"', "1")] * (MAX_FIELDS + 1)), MULTIPART, (413, "too_many")),
        (parts(*[('name="a"', "1")] * (MAX_FIELDS + 5)), MULTIPART, (413, "too_many")),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, content_type: str, expected: tuple[int, str]) -> None:
    assert problem(body, content_type) == expected


def test_text_that_is_not_utf_8_is_refused_with_its_field() -> None:
    windows_1258 = b"name=Nguy%EAn&x=1"
    assert read_post(windows_1258, URLENCODED) == Rejected(
        Reason.NOT_UTF8, "$", "the field 'name' is not UTF-8; the page should say so itself"
    )
