"""When a failed delivery is tried again, by a clock that is told."""

from __future__ import annotations

import pytest

from sinks.activation.outcome import LONGEST_ASKED, LONGEST_PAUSE, given_up, pause_before


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_before(attempt, 0, 1.0) for attempt in range(1, 12)] == [
        *(1, 2, 4, 8, 16, 32, 64, 128, 256),
        *(LONGEST_PAUSE, LONGEST_PAUSE),
    ]
    assert pause_before(10_000, 0, 1.0) == LONGEST_PAUSE


@pytest.mark.parametrize("attempt", [1, 5, 30])
def test_chance_takes_up_to_half_of_a_pause(attempt: int) -> None:
    longest = pause_before(attempt, 0, 1.0)
    assert [pause_before(attempt, 0, chance) / longest for chance in (0.0, 0.5, 1.0)] == [0.5, 0.75, 1.0]


def test_who_asks_for_a_pause_is_given_it_within_reason() -> None:
    assert pause_before(1, 90, 0.0) == 90
    assert pause_before(9, 1, 1.0) == 256
    assert pause_before(1, 1e9, 0.0) == LONGEST_ASKED


@pytest.mark.parametrize(
    ("attempt", "failing", "over"),
    [(1, 0, False), (19, 86_399, False), (20, 0, True), (1, 86_400, True)],
)
def test_a_change_is_given_up_after_so_many_tries_or_when_the_target_has_been_silent_for_so_long(
    attempt: int, failing: float, over: bool
) -> None:
    assert given_up(attempt, failing, max_attempts=20, max_hours=24) is over


def test_with_the_defaults_one_change_is_tried_for_the_better_part_of_an_hour() -> None:
    assert 1_800 < sum(pause_before(attempt, 0, 0.5) for attempt in range(1, 20)) < 3_600
