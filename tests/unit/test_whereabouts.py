"""Where an event is, as a value: the furthest that it has come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops.whereabouts import RECEIVED, Found, State, Step, Trace

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_an_event_is_as_far_as_the_furthest_step_whatever_was_asked_first(order: tuple[int, ...]) -> None:
    states = (State.REJECTED, State.SPOOLED, State.PREPARED, State.STORED)
    found = Found("/web")
    for number in order:
        found.came(states[number])
    assert found.state is State.STORED


def test_a_raw_record_that_was_rejected_is_not_on_its_way() -> None:
    rejected = Found("/web", ended={"events.web/0/7"})
    rejected.came(State.REJECTED, Step(AT, "rejected: unknown_type at $.type: no", "events.web/0/7"))
    rejected.came(State.PUBLISHED, Step(AT, RECEIVED, "events.web/0/7"))
    rejected.settle()
    assert rejected.state is State.REJECTED
    rejected.came(State.PUBLISHED, Step(AT, RECEIVED, "events.web/0/9"))
    rejected.settle()
    assert rejected.state is State.PUBLISHED


def test_steps_are_in_order_of_time_and_those_of_no_known_time_come_first() -> None:
    steps = [Step(AT.replace(hour=hour), str(hour), "") for hour in (3, 1, 2)] + [Step(None, "once", "")]
    found = Found("/web", steps=steps)
    found.settle()
    assert [step.what for step in found.steps] == ["once", "1", "2", "3"]


def test_it_is_said_in_words_and_in_json() -> None:
    told = Trace("e-1")
    event = told.of("/web")
    event.came(State.STORED, Step(AT, "stored", "portrait.events"))
    assert told.of("/web") is event
    assert [
        Found(None, State.STORED, customer="c-1").says,
        Found(None, State.STORED, open=True).says,
        Found(None, State.STORED).says,
    ] == [
        "stored for customer c-1",
        "stored; whose it is, is not decided",
        "stored; it names nobody who could be told",
    ]
    assert told.as_json() == {
        "id": "e-1",
        "found": True,
        "complete": True,
        "events": [
            {
                "source": "/web",
                "state": "stored",
                "customer": None,
                "open": False,
                "type": None,
                "happened_at": None,
                "duplicates": 0,
                "says": "stored; it names nobody who could be told",
                "steps": [{"at": "2026-11-27T09:30:00+00:00", "what": "stored", "place": "portrait.events"}],
            }
        ],
        "searched": [],
        "unasked": [],
    }
