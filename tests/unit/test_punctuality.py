"""Whether events come when they happen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from producers.intake.punctuality import Punctuality, punctuality
from producers.record import Record
from schemas.topics import REJECTED

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def at(time: object, topic: str = "events.web") -> Record:
    return Record(topic, None, json.dumps({"id": "e", "time": time, "data": {"time": "2000-01-01T00:00:00Z"}}).encode())


@pytest.mark.parametrize(
    ("time", "counted"),
    [
        ("2026-11-27T09:30:00Z", (0, 0)),
        ("2026-11-27T16:30:00+07:00", (0, 0)),
        ("2026-11-27T08:30:00Z", (0, 0)),
        ("2026-11-27T08:29:59Z", (1, 0)),
        ("2026-11-27T15:29:59+07:00", (1, 0)),
        ("1970-01-01T00:00:00Z", (1, 0)),
        ("2026-11-27T09:30:05Z", (0, 0)),
        ("2026-11-27T09:30:05.001Z", (0, 1)),
        ("9999-12-31T23:59:59Z", (0, 1)),
        ("2026-11-27T00:00:00", (0, 0)),
        ("yesterday", (0, 0)),
        (None, (0, 0)),
        (7, (0, 0)),
    ],
)
def test_late_is_more_than_an_hour_and_ahead_more_than_five_seconds(time: object, counted: tuple[int, int]) -> None:
    assert punctuality([at(time)], NOW.timestamp())[:2] == counted


def call(**origin: object) -> Record:
    """A call of the Segment API, whose time has been corrected already."""
    data = {"event": "Opened", "segment": {"call": {"type": "track"}} | origin}
    return Record("events.web", None, json.dumps({"time": "2026-11-27T09:30:00Z", "data": data}).encode())


@pytest.mark.parametrize(
    ("sent_at", "skewed"),
    [
        ("2026-11-27T09:30:05Z", 0),
        ("2026-11-27T09:30:05.001Z", 1),
        ("2026-11-27T16:30:06+07:00", 1),
        ("2026-11-27T09:29:00Z", 0),
        ("2026-11-27T09:28:59Z", 1),
        ("2019-01-01T00:00:00", 1),
        (int(NOW.timestamp() * 1000) - 61_000, 1),
        (int(NOW.timestamp() * 1000), 0),
        ("yesterday", 0),
        (None, 0),
        ({"at": "2019"}, 0),
    ],
)
def test_a_clock_is_wrong_that_says_it_sent_after_it_came_or_a_minute_before(sent_at: object, skewed: int) -> None:
    counted = Punctuality(0, 0, skewed)
    assert punctuality([call(call={"sentAt": sent_at})], NOW.timestamp()) == counted
    assert punctuality([call(batch={"sentAt": sent_at})], NOW.timestamp()) == counted


def test_what_a_call_says_of_when_it_was_sent_goes_before_what_its_batch_says() -> None:
    right, wrong = "2026-11-27T09:30:00Z", "2026-11-26T09:30:00Z"
    told = [
        call(call={"sentAt": right}, batch={"sentAt": wrong}),
        call(call={"sentAt": wrong}, batch={"sentAt": right}),
    ]
    assert [punctuality([each], NOW.timestamp()).skewed for each in told] == [0, 1]


@pytest.mark.parametrize(
    "data", [{"segment": "vip"}, {"segment": {"call": 7, "batch": []}}, {"segment": None}, [], "x"]
)
def test_what_only_looks_like_a_call_is_none(data: object) -> None:
    record = Record("events.web", None, json.dumps({"time": "2026-11-26T00:00:00Z", "data": data}).encode())
    assert punctuality([record], NOW.timestamp()) == Punctuality(1, 0, 0)


def test_all_that_is_accepted_is_counted_and_no_dead_letter() -> None:
    records = (
        [at("2026-11-26T00:00:00Z")] * 3 + [at("2026-11-28T00:00:00Z")] * 2 + [at("2026-11-26T00:00:00Z", REJECTED)]
    )
    assert punctuality([*records, Record("events.web", None, b"\xff")], NOW.timestamp()) == Punctuality(3, 2, 0)
