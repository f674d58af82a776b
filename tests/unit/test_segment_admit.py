"""The verdict on each call of the Segment API at the door."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from processors.prepare import prepare
from producers.admit import Admission
from producers.keys import Source
from producers.segment_api.admit_calls import admit_calls
from producers.segment_api.parcel import Parcel
from schemas.clean import CleanEvent
from schemas.codec import MAX_EVENT_BYTES
from schemas.rejected import DeadLetter, Reason, Rejected
from tests.payloads import REFERENCE

RECEIVED = datetime(2026, 11, 23, 2, 30, 1, tzinfo=UTC)
KEY = "the-write-key"
ANYTHING = Source("web-shop", "0" * 64)


def admitted(*calls: bytes, source: Source = ANYTHING, kind: str | None = None, **parcel: Any) -> Admission:
    packed = Parcel(None, list(calls), **({"shared": {}} | parcel))
    return admit_calls(packed, kind=kind, source=source, key=KEY, request="r1", received=RECEIVED)


def encoded(**call: Any) -> bytes:
    return json.dumps({"type": "track", "event": "e", "userId": "u-7", "messageId": "m-1"} | call).encode()


def letter(admission: Admission) -> DeadLetter:
    (refusal,) = admission.refusals
    return msgspec.json.decode(refusal.letter.value, type=DeadLetter)


def told(admission: Admission) -> list[tuple[int, str | None, str, Reason]]:
    return [
        (each.index, each.rejected.event_id, each.rejected.path, each.rejected.reason) for each in admission.refusals
    ]


def test_a_call_goes_to_the_topic_of_sites_with_itself_in_the_record() -> None:
    call = b'{"type" : "track", "event":"e", "userId": "u-7", "properties": {"price": 1.10}, "messageId": "m-1"}'
    (record,) = admitted(call, shared={"context": {"ip": "::1"}}).records
    assert (record.topic, record.key) == ("events.web", b"customer_no:u-7")
    kept = json.loads(record.value)["data"]["segment"]
    assert kept == {
        "call": json.loads(call),
        "received_at": "2026-11-23T02:30:01Z",
        "batch": {"context": {"ip": "::1"}},
    }
    assert call in record.value


def test_numbers_stay_numbers_on_the_way_to_the_store() -> None:
    call = encoded(properties={"a": 1.1, "b": 3, "c": "x"}).replace(b"1.1", b"1.10")
    (record,) = admitted(call).records
    clean = prepare(record.value, origin="events.web/0/0", received_ms=1_795_401_001_000, reference=REFERENCE)
    assert isinstance(clean, CleanEvent)
    assert json.loads(bytes(clean.data)) == {
        "customer": {"customer_no": "u-7"},
        "event": "e",
        "properties": {"a": "1.10", "b": 3, "c": "x"},
        "products": [],
    }


def test_the_write_key_is_kept_nowhere() -> None:
    good, bad = encoded(writeKey=KEY), encoded(writeKey=KEY, type="x")
    admission = admitted(good, bad, b'{"writeKey": "the-write-key", "a": 1, "a": 2}')
    kept = [record.value for record in admission.records]
    kept += [msgspec.json.decode(each.letter.value, type=DeadLetter).payload_bytes() for each in admission.refusals]
    assert [KEY.encode() in each for each in kept] == [False] * 3


def test_a_short_key_spoils_no_call() -> None:
    call = encoded(userId="u-1", properties={"n": 17, "k": "1"})
    packed = Parcel("1", [call], {})
    admission = admit_calls(packed, kind=None, source=ANYTHING, key="1", request="r1", received=RECEIVED)
    event = json.loads(admission.records[0].value)
    assert (event["data"]["customer"], event["data"]["properties"]) == (
        {"customer_no": "u-1"},
        {"n": 17, "k": "REDACTED"},
    )


def test_a_refused_call_is_told_in_its_own_terms_and_kept_as_the_event_that_can_be_repaired() -> None:
    call = encoded(event="Order Completed", properties={"order_id": "1", "total": 5})
    admission = admitted(encoded(messageId="m-0"), call)
    assert told(admission) == [(1, "m-1", "$.properties.currency", Reason.MISSING_FIELD)]
    kept = letter(admission)
    assert (kept.origin, kept.topic, kept.path) == (
        "collector/r1/1",
        "events.web",
        "$.data.order.total.currency",
    )
    event = json.loads(kept.payload_bytes())
    assert event["data"]["segment"]["call"] == json.loads(call)
    event["data"]["order"]["total"]["currency"] = "VND"
    repaired = prepare(json.dumps(event).encode(), origin="o", received_ms=1_795_401_001_000, reference=REFERENCE)
    assert isinstance(repaired, CleanEvent)
    assert repaired.purchase is not None


def ordered(**properties: Any) -> bytes:
    return encoded(event="Order Completed", properties={"total": 1, "currency": "USD"} | properties)


DEEP = encoded(properties={"a": ["here"]}).replace(b'"here"', b"[" * 61 + b"]" * 61)
"""Deep enough only with what is put around it."""


@pytest.mark.parametrize(
    ("call", "path", "reason"),
    [
        (encoded(userId=None), "$.userId", Reason.NO_IDENTIFIER),
        (encoded(event=None), "$.event", Reason.MISSING_FIELD),
        (encoded(event="e" * 300), "$.event", Reason.TOO_LARGE),
        (encoded(properties=[1]), "$.properties", Reason.WRONG_TYPE),
        (encoded(type="identify", traits="premium"), "$.traits", Reason.WRONG_TYPE),
        (encoded(type="group", traits=[]), "$.traits", Reason.WRONG_TYPE),
        (encoded(properties={"n" * 201: 1}), f"$.properties.{'n' * 201}.[key]", Reason.TOO_LARGE),
        (encoded(timestamp="soon"), "$.timestamp", Reason.WRONG_TYPE),
        (encoded(messageId="m" * 300), "$.messageId", Reason.TOO_LARGE),
        (DEEP, "$", Reason.TOO_DEEP),
        (ordered(total="1,200"), "$.properties.total", Reason.WRONG_TYPE),
        (ordered(currency="đồng"), "$.properties.currency", Reason.INVALID_VALUE),
        (ordered(products=[{}, {"price": "x"}]), "$.properties.products[1].price", Reason.WRONG_TYPE),
        (b'{"type": "track", "event": NaN}', "$", Reason.NUMBER_OUT_OF_RANGE),
        (b'{"type": "track", "userId": "\xff"}', "$", Reason.NOT_UTF8),
        (b'{"type": "track", "userId": "\\u0000"}', "$", Reason.NUL_CHARACTER),
        (b"1", "$", Reason.NOT_AN_OBJECT),
    ],
)
def test_what_is_wrong_is_named_with_its_place_in_the_call(call: bytes, path: str, reason: Reason) -> None:
    admission = admitted(call)
    assert admission.records == ()
    assert [(each.rejected.path, each.rejected.reason) for each in admission.refusals] == [(path, reason)]


def test_what_a_batch_says_for_all_may_be_too_deep_as_well() -> None:
    deep: Any = []
    for _ in range(61):
        deep = [deep]
    assert told(admitted(encoded(), shared={"context": deep})) == [(0, "m-1", "$", Reason.TOO_DEEP)]


def test_a_call_that_is_too_large_with_what_is_made_of_it_is_refused() -> None:
    admission = admitted(encoded(properties={"p": "x" * (MAX_EVENT_BYTES // 2)}))
    assert told(admission) == [(0, "m-1", "$", Reason.TOO_LARGE)]


def test_a_key_for_other_sources_may_not_send_calls() -> None:
    source = Source("till", "0" * 64, ("/till/*",))
    assert told(admitted(encoded(), source=source)) == [(0, "m-1", "$.writeKey", Reason.SOURCE_NOT_ALLOWED)]
    own = Source("till", "0" * 64, ("/segment/till",))
    assert admitted(encoded(), source=own).refusals == ()


def test_a_fault_of_the_batch_refuses_each_of_its_calls() -> None:
    fault = Rejected(Reason.DUPLICATE_KEY, "$.context", "twice")
    assert [each[2:] for each in told(admitted(encoded(), encoded(), fault=fault))] == [
        ("$.context", Reason.DUPLICATE_KEY)
    ] * 2


def test_a_call_with_more_identifiers_than_an_event_takes_gives_several_records() -> None:
    call = encoded(type="identify", context={"device": {"id": "D1", "token": "T1"}})
    records = admitted(call).records
    assert [json.loads(record.value)["id"] for record in records] == ["m-1", "m-1#1"]
    assert {record.key for record in records} == {b"customer_no:u-7"}
