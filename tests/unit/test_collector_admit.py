"""The verdict on each event at the door."""

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from producers.admit import LETTER_BYTES, Admission, Refusal, admit
from producers.openapi.events import first_examples
from producers.record import Record
from schemas.codec import MAX_EVENT_BYTES
from schemas.rejected import DeadLetter, Reason, Rejected

NOW = 1_795_000_000_000


def everything(_: str) -> bool:
    return True


def admitted(*events: bytes, may_send: Callable[[str], bool] = everything) -> Admission:
    return admit(events, may_send=may_send, request="r1", now_ms=NOW)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shop/1",
        "type": "loyalty.card_scanned.v1",
        "time": "2026-11-23T09:30:00+07:00",
        "data": {"customer": {"card_no": " 123 "}, "store_id": "hcm-01"},
    } | changes


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def test_an_event_goes_to_its_channel_with_the_bytes_as_they_came() -> None:
    payload = b'  {"specversion" : "1.0",' + encoded(event())[1:].replace(b'"specversion": "1.0", ', b"")
    assert admitted(payload) == Admission((Record("events.loyalty", b"card_no:123", payload),), ())


@pytest.mark.parametrize(
    ("customer", "key"),
    [
        ({"email": "a@b.vn", "customer_no": "7"}, b"customer_no:7"),
        ({"phone": "0903 123 456", "email": "Trần@b.vn "}, "email:Trần@b.vn".encode()),
        ({"card_no": "  ", "phone": "0903"}, b"phone:0903"),
        ({"card_no": 42}, b"card_no:42"),
        ({"card_no": {"not": "text"}}, None),
    ],
)
def test_the_key_is_the_strongest_identifier_as_it_was_written(customer: dict[str, Any], key: bytes | None) -> None:
    (record,) = admitted(encoded(event(data={"customer": customer, "store_id": "1"}))).records
    assert record.key == key


def test_every_example_of_the_documentation_is_taken() -> None:
    assert admitted(*map(encoded, first_examples().values())).refusals == ()


def test_a_refused_event_leaves_a_letter_and_its_neighbours_alone() -> None:
    good, bad = encoded(event()), encoded(event(id="e-2", data={"customer": {"card_no": "1"}}))
    letter = DeadLetter(
        origin="collector/r1/1",
        reason="missing_field",
        path="$.data.store_id",
        message="Field required",
        rejected_at=NOW,
        payload=base64.b64encode(bad).decode(),
        event_id="e-2",
        source="/shop/1",
        topic="events.loyalty",
    )
    rejected = Rejected(Reason.MISSING_FIELD, "$.data.store_id", "Field required", "e-2", "/shop/1")
    record = Record("events.loyalty", b"card_no:123", good)
    assert admitted(good, bad, good) == Admission(
        (record, record),
        (Refusal(1, rejected, Record("events.rejected", b"collector/r1/1", msgspec.json.encode(letter))),),
    )


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"id": "1", "id": "2"}', Reason.DUPLICATE_KEY),
        (b'{"id": NaN}', Reason.NUMBER_OUT_OF_RANGE),
        (b'{"id": "\xff"}', Reason.NOT_UTF8),
        (b"[" * 100 + b"]" * 100, Reason.TOO_DEEP),
        (b"[" * 50_000 + b"]" * 50_000, Reason.TOO_DEEP),
        (b'{"id": "\\u0000"}', Reason.NUL_CHARACTER),
        (b"{", Reason.NOT_JSON),
        (b"42", Reason.NOT_AN_OBJECT),
        (encoded(event(type="web.unheard_of.v1")), Reason.UNKNOWN_TYPE),
    ],
)
def test_whatever_is_wrong_has_a_reason_and_keeps_its_bytes(payload: bytes, reason: Reason) -> None:
    (refusal,) = admitted(payload).refusals
    letter = msgspec.json.decode(refusal.letter.value, type=DeadLetter)
    assert (refusal.rejected.reason, letter.payload_bytes(), letter.topic) == (reason, payload, None)


def test_a_source_that_the_key_may_not_use_is_refused() -> None:
    (refusal,) = admitted(encoded(event()), may_send=lambda source: source != "/shop/1").refusals
    assert refusal.rejected == Rejected(
        Reason.SOURCE_NOT_ALLOWED, "$.source", "this key may not send events of this source", "e-1", "/shop/1"
    )


def test_one_byte_too_many_is_refused_and_what_fits_a_letter_kept() -> None:
    fits = encoded(event(subject="s")).ljust(MAX_EVENT_BYTES)
    huge = fits + b" " * (2 * LETTER_BYTES)
    admission = admitted(fits, fits + b" ", huge)
    assert [record.value for record in admission.records] == [fits]
    assert [refusal.rejected.reason for refusal in admission.refusals] == [Reason.TOO_LARGE] * 2
    kept = [
        msgspec.json.decode(refusal.letter.value, type=DeadLetter).payload_bytes() for refusal in admission.refusals
    ]
    assert kept == [fits + b" ", huge[:LETTER_BYTES]]
