"""How many events a second a source may send."""

from __future__ import annotations

import pytest

from producers.keys import Source
from producers.request.problems import Problem
from producers.request.rate import Rates


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def source(rate: int | None, name: str = "shop") -> Source:
    return Source(name, "0" * 64, events_per_second=rate)


def wait(rates: Rates, of: Source) -> int:
    """Seconds until the source may send again; 0 when it may now."""
    try:
        rates.check(of)
    except Problem as problem:
        told = problem
    else:
        return 0
    assert (told.status, told.code) == (429, "too_many_requests")
    assert told.headers["Retry-After"] == told.headers["X-RateLimit-Reset"]
    return int(told.headers["Retry-After"])


def test_a_source_without_a_limit_is_always_let_in() -> None:
    rates, free = Rates(Clock()), source(None)
    rates.spend(free, 10**9)
    assert wait(rates, free) == 0


def test_what_was_sent_beyond_the_limit_is_waited_for() -> None:
    clock = Clock()
    rates, shop = Rates(clock), source(10)
    rates.spend(shop, 10)
    assert wait(rates, shop) == 0
    rates.spend(shop, 25)
    assert wait(rates, shop) == 3
    clock.now += 2.4
    assert wait(rates, shop) == 1
    clock.now += 0.1
    assert wait(rates, shop) == 0


def test_a_long_silence_saves_up_no_more_than_a_second() -> None:
    clock = Clock()
    rates, shop = Rates(clock), source(10)
    clock.now += 3_600
    rates.spend(shop, 21)
    assert wait(rates, shop) == 2


def test_nobody_is_sent_away_for_longer_than_five_minutes_and_nobody_for_another_one() -> None:
    rates, shop = Rates(Clock()), source(1)
    rates.spend(shop, 5_000)
    assert wait(rates, shop) == 300
    assert wait(rates, source(1, "till")) == 0


@pytest.mark.parametrize("rate", [5, 50])
def test_over_time_a_source_sends_what_it_may(rate: int) -> None:
    clock = Clock()
    rates, shop, sent = Rates(clock), source(rate), 0
    for _ in range(2_000):
        if wait(rates, shop) == 0:
            rates.spend(shop, 7)
            sent += 7
        clock.now += 0.05
    assert rate * 100 <= sent <= rate * 101 + 7
