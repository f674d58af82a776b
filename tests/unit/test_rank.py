"""Where one customer stands, by the bounds that everybody is measured by."""

from __future__ import annotations

import msgspec
import pytest

from schemas.ranks import Bounds, Ranked, rank

BOUNDS = Bounds(
    recency=(10, 20, 30, 40),
    frequency=(2, 2, 3, 9),
    monetary=(100, 200, 300, 400),
    top=(500, 600, 700, 1_000),
    vital=550,
    customers=100,
    computed_at=0,
)


@pytest.mark.parametrize(
    ("last_order", "orders", "revenue", "scores"),
    [
        (9, 1, 99, (1, 1, 1)),
        (10, 2, 100, (2, 3, 2)),
        (39, 8, 399, (4, 4, 4)),
        (40, 9, 400, (5, 5, 5)),
        (1_000, 1_000, -5, (5, 5, 1)),
    ],
)
def test_a_score_is_one_more_than_the_bounds_that_were_reached(
    last_order: int, orders: int, revenue: int, scores: tuple[int, int, int]
) -> None:
    ranked = rank(BOUNDS, last_order=last_order, orders=orders, revenue=revenue, year_revenue=0)
    assert ranked == Ranked(0, *scores, None, None)


@pytest.mark.parametrize(
    ("year", "top", "vital"),
    [
        (-1, None, None),
        (0, None, None),
        (1, 100, False),
        (499, 100, False),
        (500, 20, False),
        (550, 20, True),
        (600, 10, True),
        (700, 5, True),
        (1_000, 1, True),
    ],
)
def test_the_best_are_told_the_narrowest_group_that_they_are_in(year: int, top: int | None, vital: bool | None) -> None:
    ranked = rank(BOUNDS, last_order=10, orders=1, revenue=year, year_revenue=year)
    assert (ranked.year_revenue, ranked.top, ranked.vital) == (year, top, vital)


def test_who_has_not_bought_and_who_is_not_measured_has_no_scores() -> None:
    assert rank(BOUNDS, last_order=None, orders=0, revenue=0, year_revenue=0) == Ranked(0)
    assert rank(None, last_order=10, orders=1, revenue=9, year_revenue=9) == Ranked(9)


def test_nobody_is_of_the_best_when_nobody_paid_anything_within_the_year() -> None:
    bounds = msgspec.structs.replace(BOUNDS, top=(), vital=None)
    assert rank(bounds, last_order=10, orders=2, revenue=100, year_revenue=7) == Ranked(7, 2, 3, 2, None, None)
