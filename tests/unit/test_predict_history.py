"""What the models are told of a customer: days with a purchase, in the time zone of the installation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ops.predict.history import Histories, History, history
from processors.portray import RECENT_KEPT, fold
from schemas.clean import CleanEvent, Purchase
from schemas.portrait import Portrait
from tests.stories import said

TODAY = date(2026, 4, 1)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def bought(*purchases: tuple[str, int]) -> Portrait:
    """The portrait of who bought (or brought back) at these times for these amounts."""
    known = Portrait()
    for number, (time, amount) in enumerate(purchases):
        plain = said(number, {"card_no": "1"}, at(time))
        fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
        fold(known, CleanEvent(**fields | {"purchase": Purchase(amount, "VND", amount)}), new_order=amount >= 0)
    return known


KNOWN = {
    "several days": (
        bought(("2026-01-01", 100), ("2026-01-08", 300), ("2026-01-29", 500)),
        History(2, 28, 90, 400.0),
    ),
    "one purchase": (bought(("2026-03-31", 100)), History(0, 0, 1, 0.0)),
    "today for the first time": (bought(("2026-04-01", 100)), History(0, 0, 0, 0.0)),
    "several purchases on one day": (
        bought(("2026-01-01T08:00", 100), ("2026-01-01T12:00", 300), ("2026-01-01T16:00", 500)),
        History(0, 0, 90, 0.0),
    ),
    "several purchases on a later day are one": (
        bought(("2026-01-01", 100), ("2026-01-02T08:00", 300), ("2026-01-02T16:00", 500)),
        History(1, 1, 90, 800.0),
    ),
    "a quarter was brought back": (
        bought(("2026-01-01", 1_000), ("2026-01-02", 400), ("2026-01-03", 600), ("2026-02-03", -500)),
        History(2, 2, 90, 375.0),
    ),
    "more was brought back than bought": (
        bought(("2026-01-01", 100), ("2026-01-02", 400), ("2026-02-03", -900)),
        History(1, 1, 90, 0.0),
    ),
    "nothing was paid": (bought(("2026-01-01", 0), ("2026-01-02", 0)), History(1, 1, 90, 0.0)),
    "a clock that is ahead": (bought(("2026-04-01", 100), ("2026-04-02", 100)), History(1, 1, 1, 100.0)),
}


@pytest.mark.parametrize("what", KNOWN)
def test_days_are_counted_and_their_purchases_added_up(what: str) -> None:
    known, expected = KNOWN[what]
    assert history(known, UTC, TODAY) == expected


def test_who_bought_nothing_has_no_history() -> None:
    assert history(Portrait(), UTC, TODAY) is None
    assert history(bought(("2026-01-01", -100)), UTC, TODAY) is None


def test_days_begin_where_the_installation_is() -> None:
    known = bought(("2026-01-01T16:00", 100), ("2026-01-01T18:00", 300))
    assert history(known, UTC, TODAY) == History(0, 0, 90, 0.0)
    assert history(known, ZoneInfo("Asia/Ho_Chi_Minh"), TODAY) == History(1, 1, 90, 300.0)


def test_what_a_portrait_no_longer_keeps_is_taken_to_be_as_dense_as_what_it_keeps() -> None:
    days = 2 * RECENT_KEPT
    first = datetime(2024, 1, 1, tzinfo=UTC).toordinal()
    known = bought(*((date.fromordinal(first + day).isoformat(), 100) for day in range(days)))
    assert len(known.recent) == RECENT_KEPT
    assert history(known, UTC, TODAY) == History(days - 1, days - 1, TODAY.toordinal() - first, 100.0)


def test_there_are_never_more_of_such_days_than_there_were_days() -> None:
    hours = [
        f"2026-01-{day:02}T{hour:02}:{minute:02}" for day in range(1, 31) for hour in range(24) for minute in (0, 30)
    ]
    known = bought(*((time, 100) for time in hours))
    assert history(known, UTC, TODAY) == History(29, 29, 90, 4444.444444444444)


def test_columns_are_in_weeks_and_in_the_order_of_customers() -> None:
    of = Histories.of([History(2, 28, 91, 400.0), History(0, 0, 7, 0.0)])
    assert [column.tolist() for column in of] == [[2, 0], [4, 0], [13, 1], [400, 0], [1, 1]]
    assert [column.tolist() for column in Histories.of([])] == [[], [], [], [], []]


def test_customers_with_the_same_times_are_one_row_of_their_number() -> None:
    same, other = History(2, 28, 91, 400.0), History(1, 7, 14, 50.0)
    timing = Histories.of([same, other, same._replace(value=1.0)]).timing()
    assert [column.tolist() for column in timing] == [[1, 2], [1, 4], [2, 13], [0, 0], [1, 2]]


def test_the_order_of_customers_changes_nothing_that_is_learned_from() -> None:
    some = [History(n % 5, 7 * (n % 5), 100 + n % 7, float(n % 3 * 10)) for n in range(60)]
    for view in ("timing", "spending"):
        one, other = (getattr(Histories.of(each), view)() for each in (some, some[::-1]))
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert (Histories.of(some).spending().value > 0).all()
