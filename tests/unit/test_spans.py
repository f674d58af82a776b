"""Spans of time as people type them, and since when something is: one way to write them, wherever they are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ops.local.home import LocalStackError
from ops.spans import read_since, read_span

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1m", timedelta(minutes=1)),
        (" 30m ", timedelta(minutes=30)),
        ("2 h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("9999w", timedelta(weeks=9999)),
    ],
)
def test_a_span_is_a_number_and_a_unit_and_that_long_ago_is_a_time(text: str, span: timedelta) -> None:
    assert read_span("--keep-old", text) == span
    assert read_since("--since", text, NOW) == NOW - span


@pytest.mark.parametrize(
    "text", ["", "0m", "soon", "1", "m", "-1h", "1.5h", "10000d", "99999999999d", "1y", "3d 2h", "٣d"]
)
def test_what_is_none_is_said_with_what_would_be_one(text: str) -> None:
    with pytest.raises(LocalStackError, match=r"^--keep-old .*: give 30m, 2h, 3d or 1w$"):
        read_span("--keep-old", text)
    with pytest.raises(
        LocalStackError, match=r"^--since .*: give 30m, 2h, 3d or 1w, or a date such as 2026-11-23T08:00$"
    ):
        read_since("--since", text, NOW)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23T08:00Z", datetime(2026, 11, 23, 8, 0, tzinfo=UTC)),
        (" 2026-11-23T08:00+07:00", datetime(2026, 11, 23, 1, 0, tzinfo=UTC)),
        ("2026-11-23T08:00", datetime(2026, 11, 23, 8, 0).astimezone()),
        ("2026-11-23", datetime(2026, 11, 23).astimezone()),
    ],
)
def test_since_may_be_a_date_which_is_one_of_this_machine_when_it_names_no_zone(text: str, at: datetime) -> None:
    assert read_since("--since", text, NOW) == at


def test_a_date_that_no_calendar_has_here_is_none() -> None:
    with pytest.raises(LocalStackError, match="give 30m"):
        read_since("--since", "0001-01-01", NOW)
