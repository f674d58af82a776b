"""What of a fetch follows on what was taken before."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from processors.apply import Slice
from processors.succession import Fetched, Succession
from sinks.store import Partition, Span

PLACE = Partition("events.valid", 0)


class Numbered(NamedTuple):
    """A record of which only the offset counts."""

    offset: int


def at(position: int) -> Succession:
    succession = Succession()
    succession.begin({PLACE: position})
    return succession


def test_fetches_that_follow_on_each_other_are_taken_whole() -> None:
    succession = at(10)
    assert succession.take(PLACE, Span(10, 15)) == Span(10, 15)
    assert succession.take(PLACE, Span(15, 16)) == Span(15, 16)


def test_what_was_taken_before_is_passed_over() -> None:
    succession = at(10)
    assert succession.take(PLACE, Span(3, 10)) is None
    assert succession.take(PLACE, Span(10, 12)) == Span(10, 12)
    assert succession.take(PLACE, Span(10, 12)) is None


def test_of_a_fetch_that_holds_more_than_one_of_the_time_before_the_rest_is_taken() -> None:
    succession = at(10)
    assert succession.take(PLACE, Span(10, 12)) == Span(10, 12), "of the time before the assignment"
    assert succession.take(PLACE, Span(10, 20)) == Span(12, 20), "fetched anew, and longer by now"
    assert succession.take(PLACE, Span(20, 21)) == Span(20, 21)


def test_a_fetch_beyond_a_hole_waits_until_the_hole_is_closed() -> None:
    succession = at(10)
    assert succession.take(PLACE, Span(15, 20)) is None
    assert succession.take(PLACE, Span(10, 20)) == Span(10, 20)


def test_a_hole_that_does_not_close_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    now = [100.0]
    monkeypatch.setattr("processors.succession.time.monotonic", lambda: now[0])
    monkeypatch.setattr("processors.succession.fail_stop", ended.append)
    succession = at(10)
    succession.take(PLACE, Span(15, 20))
    now[0] += 9.0
    succession.take(PLACE, Span(20, 25))
    assert ended == []
    now[0] += 2.0
    succession.take(PLACE, Span(25, 30))
    assert ended == ["events.valid/0: offsets 10 to 24 were not handed over"]


def test_the_records_of_the_rest_are_those_of_its_offsets() -> None:
    records = [Numbered(10), Numbered(11), Numbered(14)]
    fetched = Fetched(PLACE, Span(10, 15), records, lambda _: Slice(PLACE, Span(10, 15), (), ()))
    assert fetched.within(Span(10, 15)) is fetched
    rest = fetched.within(Span(11, 15))
    assert (rest.span, rest.records) == (Span(11, 15), [Numbered(11), Numbered(14)])
