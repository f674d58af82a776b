"""The whole first stage, from bytes to the record on `events.valid`."""

from __future__ import annotations

from typing import Any

import pytest

from processors.prepare import prepare
from schemas import clean as codec
from schemas.clean import CleanEvent
from schemas.codec import MAX_EVENT_BYTES
from schemas.events import EVENT_TYPES
from schemas.rejected import Reason, Rejected
from tests.payloads import RECEIVED, REFERENCE, clean, encoded, event, form, prepared

WRONG: tuple[Any, ...] = (None, True, 0, -1, "", "x", "\u200b", "9" * 400, [], {}, [[]], {"": ""}, [None])


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [below for name, part in inner for below in paths(part, (*path, name))]


def outcome_of(payload: bytes | None) -> CleanEvent | Rejected:
    return prepare(payload, origin="events.web/0/7", received_ms=RECEIVED, reference=REFERENCE)


@pytest.mark.parametrize("payload", [None, b"", b"  "])
def test_nothing_is_refused_as_empty(payload: bytes | None) -> None:
    assert outcome_of(payload) == Rejected(Reason.EMPTY, "$", "there is nothing in it")


def test_an_event_of_exactly_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    payload = encoded(event())
    largest = payload + b" " * (MAX_EVENT_BYTES - len(payload))
    assert isinstance(outcome_of(largest), CleanEvent)
    too_large = outcome_of(largest + b" ")
    assert isinstance(too_large, Rejected)
    assert (too_large.reason, too_large.path) == (Reason.TOO_LARGE, "$")


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_wrong_value_anywhere_gives_an_event_or_a_reason_never_an_exception(kind: str) -> None:
    for path in paths(event(kind)):
        for wrong in WRONG:
            document = event(kind)
            at: Any = document
            for name in path[:-1]:
                at = at[name]
            at[path[-1]] = wrong
            outcome = prepared(document)
            if isinstance(outcome, CleanEvent):
                assert codec.decode(codec.encode(outcome)) == outcome, (path, wrong)
            else:
                assert outcome.path.startswith("$"), (path, wrong)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_clean_event_survives_the_way_through_kafka(kind: str) -> None:
    outcome = clean(event(kind))
    assert codec.decode(codec.encode(outcome)) == outcome


def test_problems_of_every_step_are_told_in_order() -> None:
    document = form({"customer_no": "K-1", "full_name": [], "phone": "12", "email": "a@a.a"})
    assert clean(document, received_ms=RECEIVED - 600_000).problems == (
        ("$.data.customer.full_name", "unreadable"),
        ("$.time", "time_clamped"),
        ("$.data.customer.email", "placeholder"),
        ("$.data.customer.phone", "unreadable_phone"),
    )


def test_an_event_whose_only_identifier_is_a_placeholder_is_kept_for_nobody() -> None:
    outcome = clean(form({"phone": "0000000000"}))
    assert outcome.identifiers == ()
    assert outcome.problems == (("$.data.customer.phone", "placeholder"),)


def test_the_same_bytes_give_the_same_event() -> None:
    assert outcome_of(encoded(event())) == outcome_of(encoded(event()))
