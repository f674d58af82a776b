"""Bytes become a typed event or a reason. Nothing that anybody sends raises."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from schemas.codec import MAX_DEPTH, read_event, read_json
from schemas.events import EVENT_TYPES, IDENTIFIER_FIELDS
from schemas.rejected import Reason, Rejected
from tests.payloads import encoded, event, form


def refused(payload: bytes) -> tuple[Reason, str]:
    document = read_json(payload)
    outcome = document if isinstance(document, Rejected) else read_event(document)
    assert isinstance(outcome, Rejected), outcome
    return outcome.reason, outcome.path


def with_answer(raw: bytes) -> bytes:
    """A valid event, with `raw` JSON as the answer to a question."""
    marker = b'"cut here"'
    return encoded(form({"phone": "0901234567"}, answers={"q": "cut here"})).replace(marker, raw)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_valid_event_of_every_type_is_read_without_problems(kind: str) -> None:
    read = read_event(read_json(encoded(event(kind))))
    assert not isinstance(read, Rejected)
    assert (read[0].type, read[1]) == (kind, [])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", Reason.EMPTY, id="nothing"),
        pytest.param(b" \n\t", Reason.EMPTY, id="only white space"),
        pytest.param(b"\xff\xfe{}", Reason.NOT_UTF8, id="UTF-16 mark"),
        pytest.param(b'{"id": "\xc3\x28"}', Reason.NOT_UTF8, id="broken UTF-8"),
        pytest.param(b'{"id": "\xed\xa0\x80"}', Reason.NOT_UTF8, id="surrogate as bytes"),
        pytest.param(b'{"id": "\xc0\x80"}', Reason.NOT_UTF8, id="overlong NUL"),
        pytest.param(b"{", Reason.NOT_JSON, id="cut off"),
        pytest.param(b"{} {}", Reason.NOT_JSON, id="two documents"),
        pytest.param(b"{'id': 1}", Reason.NOT_JSON, id="single quotes"),
        pytest.param(b'{"id": 1,}', Reason.NOT_JSON, id="trailing comma"),
        pytest.param(b'{"id": "\x00"}', Reason.NOT_JSON, id="NUL byte in text"),
        pytest.param(b'{"id": 01}', Reason.NOT_JSON, id="leading zero"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbf{}", Reason.NOT_JSON, id="two BOMs"),
        pytest.param(b"null", Reason.NOT_AN_OBJECT, id="null"),
        pytest.param(b"[]", Reason.NOT_AN_OBJECT, id="array"),
        pytest.param(b'"event"', Reason.NOT_AN_OBJECT, id="text"),
        pytest.param(b"true", Reason.NOT_AN_OBJECT, id="true"),
        pytest.param(b"12.5", Reason.NOT_AN_OBJECT, id="number"),
        pytest.param(b'{"id": "a", "id": "b"}', Reason.DUPLICATE_KEY, id="a name twice"),
        pytest.param(b'{"id": {"a": [{"b": 1, "b": 1}]}}', Reason.DUPLICATE_KEY, id="a name twice, deep inside"),
        pytest.param(b'{"id": "a", "\\u0069d": "b"}', Reason.DUPLICATE_KEY, id="a name twice, once escaped"),
        pytest.param(b'{"id": "a\\u0000b"}', Reason.NUL_CHARACTER, id="escaped NUL"),
        pytest.param(b'{"a\\u0000": 1}', Reason.NUL_CHARACTER, id="escaped NUL in a name"),
        pytest.param(b'{"id": "\\ud800"}', Reason.NOT_UTF8, id="lone high surrogate"),
        pytest.param(b'{"id": "\\uDC00x"}', Reason.NOT_UTF8, id="lone low surrogate"),
        pytest.param(b'{"\\uDFFF": 1}', Reason.NOT_UTF8, id="lone surrogate in a name"),
        pytest.param(b'{"n": NaN}', Reason.NUMBER_OUT_OF_RANGE, id="NaN"),
        pytest.param(b'{"n": Infinity}', Reason.NUMBER_OUT_OF_RANGE, id="Infinity"),
        pytest.param(b'{"n": -Infinity}', Reason.NUMBER_OUT_OF_RANGE, id="-Infinity"),
        pytest.param(b'{"n": 1e400}', Reason.NUMBER_OUT_OF_RANGE, id="1e400"),
        pytest.param(b'{"n": 1e-400}', Reason.NUMBER_OUT_OF_RANGE, id="1e-400"),
        pytest.param(b'{"n": 1e999999999999999999999}', Reason.NUMBER_OUT_OF_RANGE, id="an endless exponent"),
        pytest.param(b'{"n": ' + b"9" * 1_000_000 + b"}", Reason.NUMBER_OUT_OF_RANGE, id="a million digits"),
        pytest.param(b'{"n": -' + b"9" * 1_000_000 + b"}", Reason.NUMBER_OUT_OF_RANGE, id="minus a million digits"),
        pytest.param(b'{"n": 0.' + b"9" * 1_000_000 + b"}", Reason.NUMBER_OUT_OF_RANGE, id="a million decimals"),
        pytest.param(b"[" * 10_000, Reason.TOO_DEEP, id="10,000 open arrays"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, Reason.TOO_DEEP, id="10,000 arrays"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Reason.TOO_DEEP, id="10,000 objects"),
        pytest.param(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), Reason.TOO_DEEP, id="one level too many"),
    ],
)
def test_what_is_no_event_is_refused_as_a_whole(payload: bytes, reason: Reason) -> None:
    assert refused(payload) == (reason, "$")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"id": ...}, (Reason.MISSING_FIELD, "$.id"), id="no id"),
        pytest.param({"source": ...}, (Reason.MISSING_FIELD, "$.source"), id="no source"),
        pytest.param({"time": ...}, (Reason.MISSING_FIELD, "$.time"), id="no time"),
        pytest.param({"type": ...}, (Reason.MISSING_FIELD, "$.type"), id="no type"),
        pytest.param({"data": ...}, (Reason.MISSING_FIELD, "$.data"), id="no data"),
        pytest.param({"id": ""}, (Reason.INVALID_VALUE, "$.id"), id="an empty id"),
        pytest.param({"id": None}, (Reason.WRONG_TYPE, "$.id"), id="a null id"),
        pytest.param({"id": 7}, (Reason.WRONG_TYPE, "$.id"), id="a number as id"),
        pytest.param({"id": "x" * 257}, (Reason.TOO_LARGE, "$.id"), id="a long id"),
        pytest.param({"source": []}, (Reason.WRONG_TYPE, "$.source"), id="a list as source"),
        pytest.param({"type": "web.form_submitted.v9"}, (Reason.UNKNOWN_TYPE, "$.type"), id="an unknown type"),
        pytest.param({"type": {}}, (Reason.UNKNOWN_TYPE, "$.type"), id="an object as type"),
        pytest.param({"specversion": "0.3"}, (Reason.INVALID_VALUE, "$.specversion"), id="an old specversion"),
        pytest.param({"time": 1795401000}, (Reason.INVALID_VALUE, "$.time"), id="a Unix time"),
        pytest.param({"time": "yesterday"}, (Reason.WRONG_TYPE, "$.time"), id="a time in words"),
        pytest.param({"time": "2026-11-23T09:30:00"}, (Reason.INVALID_VALUE, "$.time"), id="a time without zone"),
        pytest.param({"data": None}, (Reason.WRONG_TYPE, "$.data"), id="null as data"),
        pytest.param({"data": {"form": {}}}, (Reason.MISSING_FIELD, "$.data.form.id"), id="a form without id"),
    ],
)
def test_a_broken_envelope_is_refused_at_its_path(change: dict[str, Any], expected: tuple[Reason, str]) -> None:
    document = {name: value for name, value in (event() | change).items() if value is not ...}
    assert refused(encoded(document)) == expected


def test_a_refusal_names_the_event_it_refuses() -> None:
    outcome = read_event(event(time="never"))
    assert isinstance(outcome, Rejected)
    assert (outcome.event_id, outcome.source) == ("e-1", "/test")


def test_an_event_of_nobody_is_refused() -> None:
    assert refused(encoded(form({"full_name": "An"}))) == (Reason.NO_IDENTIFIER, "$.data.customer")


@pytest.mark.parametrize("field", IDENTIFIER_FIELDS)
def test_any_one_identifier_is_enough(field: str) -> None:
    assert not isinstance(read_event(form({field: "x-1"})), Rejected)


@pytest.mark.parametrize("unreadable", [[], {}, True, ["0901234567"], {"value": "0901234567"}])
@pytest.mark.parametrize("field", ["phone", "full_name", "birthday"])
def test_a_statement_of_the_wrong_type_is_left_out_and_noted(field: str, unreadable: Any) -> None:
    read = read_event(form({"email": "an@example.com", field: unreadable}))
    assert not isinstance(read, Rejected)
    event_read, problems = read
    assert problems == [(f"$.data.customer.{field}", "unreadable")]
    assert getattr(event_read.data.customer, field) is None  # type: ignore[attr-defined]


def test_a_statement_inside_the_address_is_left_out_alone() -> None:
    read = read_event(form({"email": "an@example.com", "address": {"city": ["Huế"], "street": "1 Lê Lợi"}}))
    assert not isinstance(read, Rejected)
    event_read, problems = read
    assert problems == [("$.data.customer.address.city", "unreadable")]
    address = event_read.data.customer.address  # type: ignore[attr-defined]
    assert (address.city, address.street) == (None, "1 Lê Lợi")


def test_a_number_is_read_as_the_text_it_was() -> None:
    read = read_event(read_json(encoded(form({"phone": 84901234567}))))
    assert not isinstance(read, Rejected)
    assert read[0].data.customer.phone == "84901234567"  # type: ignore[attr-defined]


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_json(b"\xef\xbb\xbf" + encoded(event())) == event()


def test_decomposed_vietnamese_and_emoji_are_text_like_any_other() -> None:
    name = unicodedata.normalize("NFD", "Nguyễn Đình Ngọc 🌸")
    assert read_json(encoded({"name": name})) == {"name": name}
    assert read_json(b'{"name": "\\ud83c\\udf38"}') == {"name": "🌸"}


@pytest.mark.parametrize("answer", [b"[[[[1]]]]", b'{"a": {"b": null}}', b"true", b"18446744073709551615"])
def test_answers_may_be_any_json(answer: bytes) -> None:
    assert not isinstance(read_event(read_json(with_answer(answer))), Rejected)


def test_an_answer_with_a_fraction_is_an_answer() -> None:
    form = {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/web/survey",
        "type": "web.form_submitted.v1",
        "time": "2026-11-23T09:30:00+07:00",
        "data": {
            "form": {"id": "survey", "kind": "survey"},
            "customer": {"card_no": "C1"},
            "answers": {"score": 0, "mean": 0, "many": [0], "exact": 0},
        },
    }
    text = json.dumps(form).replace('"score": 0', '"score": 4.5').replace('"mean": 0', '"mean": {"of": 1.25}')
    text = text.replace('"exact": 0', '"exact": 12345678901234567.89').replace("[0]", "[0.1, 2]")
    outcome = read_event(read_json(text.encode()))
    assert not isinstance(outcome, Rejected), outcome
    assert outcome[0].data.answers == {  # type: ignore[attr-defined]
        "score": 4.5,
        "mean": {"of": 1.25},
        "many": [0.1, 2],
        "exact": "12345678901234567.89",
    }
