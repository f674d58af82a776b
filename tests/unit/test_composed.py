"""The same letter is typed with one code point or with several; and what is no text costs no time."""

from __future__ import annotations

import time
import unicodedata
from datetime import UTC, datetime

import pytest

from producers.composed import composed
from producers.forms.mapping_files import page_form
from producers.forms.page_submission import page_event
from producers.forms.post import URLENCODED, read_post
from producers.segment_api.customer import identifiers

MARKS = "\u0301" * 20_000 + "\u0316" * 20_000
"""The worst for who sorts them: each of the second half goes before all of the first."""


@pytest.mark.parametrize(
    "text", ["", "ho ten", "Họ và tên", "Nguyễn Thị Hương", "가나다", "a" + "\u0316\u0301" * 15], ids=ascii
)
def test_text_is_composed_however_it_was_typed(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert composed(unicodedata.normalize(form, text)) == unicodedata.normalize("NFC", text)  # type: ignore[arg-type]


def test_what_is_no_text_stays_as_it_is() -> None:
    assert composed(f"a{MARKS}") == f"a{MARKS}"


def test_whoever_sends_marks_without_end_does_not_hold_up_the_others() -> None:
    begun = time.thread_time()
    body = MARKS.encode().hex("%", 1).encode()
    fields = read_post(b"%" + body + b"=x&email=lan@example.com", URLENCODED)
    event = page_event(fields, page_form(), source="s", honeypot="_gotcha", received=datetime.now(UTC))
    found = identifiers({"userId": f"a{MARKS}"}, {}, {}, prefix="outlet")
    assert time.thread_time() - begun < 2
    assert event["data"]["customer"] == {"email": "lan@example.com"}
    assert [kind for kind, _ in found] == ["customer_no"]
