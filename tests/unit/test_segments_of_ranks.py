"""What the shipped segments say of where a customer stands among all; and that no segment ships without an example."""

from __future__ import annotations

from itertools import product

import pytest

from processors.segments.catalogue import shipped_catalogue
from schemas.ranks import Ranked
from tests.unit.test_segments import LIFECYCLES, OTHERS, at, bought
from tests.unit.test_segments_of_jobs import TOLD
from tests.unit.test_segments_of_relationship import EXAMPLES
from tests.unit.test_segments_of_relationship import OTHERS as EVERYWHERE

SHIPPED = shipped_catalogue()

GRID = {
    5: ("recent", "potential_loyal", "potential_loyal", "champions", "champions"),
    4: ("promising", "potential_loyal", "potential_loyal", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "needs_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("lost", "hibernating", "at_risk", "at_risk", "cannot_lose"),
}
"""Score for recency → the cells for a mean of the other two scores, rounded up, of 1 to 5."""

STANDING = (
    (1, True, {"vip", "vital_few"}),
    (5, True, {"high_value", "vital_few"}),
    (10, True, {"high_value", "vital_few"}),
    (20, True, {"vital_few"}),
    (100, False, {"useful_many"}),
    (10, False, {"high_value", "useful_many"}),  # where nearly all paid the same
    (None, None, set()),
)


def found(ranked: Ranked, *families: str) -> set[str]:
    names = SHIPPED.evaluate(bought("2026-06-01"), at("2026-06-02"), (), ranked).names
    assert SHIPPED.failing == {}
    return {name for name in names if SHIPPED.family_of[name].name in families}


@pytest.mark.parametrize("recency", GRID)
def test_every_triple_of_scores_is_in_the_cell_of_the_grid(recency: int) -> None:
    for frequency, monetary in product(range(1, 6), repeat=2):
        mean = (frequency + monetary + 1) // 2
        cell = f"rfm_{GRID[recency][mean - 1]}"
        assert found(Ranked(0, recency, frequency, monetary), "rfm") == {cell}, (frequency, monetary)


def test_without_scores_there_is_no_cell() -> None:
    assert found(Ranked(5_000), "rfm", "value", "pareto") == set()


@pytest.mark.parametrize(("top", "vital", "expected"), STANDING)
def test_the_best_by_what_they_paid_within_the_year(top: int | None, vital: bool | None, expected: set[str]) -> None:
    assert found(Ranked(1, 3, 3, 3, top, vital), "value", "pareto") == expected


def test_no_segment_ships_without_an_example() -> None:
    shown = {lifecycle for lifecycle, _, _ in LIFECYCLES} | EVERYWHERE
    shown.update(*(names for names, _, _ in (*OTHERS, *EXAMPLES)))
    shown.update(*(names for _, _, names in (*TOLD, *STANDING)))
    shown.update(f"rfm_{cell}" for cells in GRID.values() for cell in cells)
    assert shown == SHIPPED.rule_of.keys()
