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
    assert punctuality([at(time)], NOW.timestamp()) == counted


def test_all_that_is_accepted_is_counted_and_no_dead_letter() -> None:
    records = (
        [at("2026-11-26T00:00:00Z")] * 3 + [at("2026-11-28T00:00:00Z")] * 2 + [at("2026-11-26T00:00:00Z", REJECTED)]
    )
    assert punctuality([*records, Record("events.web", None, b"\xff")], NOW.timestamp()) == Punctuality(3, 2)
