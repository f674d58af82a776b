"""A body of the Segment API is cut into its calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from producers.segment_api.parcel import Parcel, unpack
from schemas.rejected import Reason, Rejected


def batch(body: bytes, limit: int = 100) -> Parcel:
    parcel = unpack(body, batch=True, limit=limit)
    assert isinstance(parcel, Parcel), parcel
    return parcel


def test_a_call_is_the_whole_body() -> None:
    body = b'\xef\xbb\xbf {"writeKey": " k ", "event" : "e"} '
    assert unpack(body, batch=False, limit=1) == Parcel("k", [body[3:].strip()], {})


def test_the_calls_of_a_batch_are_the_bytes_that_were_sent() -> None:
    body = b'{"batch": [ {"a" : 1}, {"b":1.10} ], "sentAt": "t", "context": {"x": 1}, "writeKey": null, "other": [1]}'
    assert batch(body) == Parcel(None, [b'{"a" : 1}', b'{"b":1.10}'], {"sentAt": "t", "context": {"x": 1}})


def test_a_call_that_is_no_json_does_not_sink_its_neighbours() -> None:
    body = b'{"batch": [{"a": 1}, {"b": NaN}, {"c": "\xff"}], "writeKey": "k"}'
    parcel = batch(body)
    assert (parcel.write_key, len(parcel.calls), json.loads(parcel.calls[0])) == ("k", 3, {"a": 1})


def test_of_too_many_calls_it_is_seen_that_they_are_too_many() -> None:
    assert len(batch(b'{"batch": [' + b"{}," * 500_000 + b"{}]}", limit=100).calls) > 100


def test_what_a_batch_says_for_all_and_cannot_be_read_is_a_fault_of_all() -> None:
    fault = batch(b'{"batch": [{}], "context": {"a": 1, "a": 2}}').fault
    assert fault is not None
    assert (fault.reason, fault.path) == (Reason.DUPLICATE_KEY, "$.context")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"{", Reason.NOT_JSON),
        (b"\xff", Reason.NOT_JSON),
        (b"[" * 100_000, Reason.NOT_AN_OBJECT),
        (b'{"batch": ' + b"[" * 100_000, Reason.NOT_JSON),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b'"x"', Reason.NOT_AN_OBJECT),
        (b"[NaN]", Reason.NOT_AN_OBJECT),
        (b"{}", Reason.MISSING_FIELD),
        (b'{"batch": {}}', Reason.WRONG_TYPE),
        (b'{"batch": null}', Reason.WRONG_TYPE),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(body: bytes, reason: Reason) -> None:
    refused = unpack(body, batch=True, limit=100)
    assert isinstance(refused, Rejected)
    assert refused.reason is reason


@pytest.mark.parametrize("key", [None, 1, "", {}, ["k"]])
def test_a_key_that_is_no_text_is_none(key: Any) -> None:
    assert batch(json.dumps({"batch": [], "writeKey": key}).encode()).write_key is None
