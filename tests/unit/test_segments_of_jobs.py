"""What the shipped segments say of what jobs computed, of customers that were worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from processors.segment import moves, segment
from processors.segments.catalogue import Catalogue, shipped_catalogue
from schemas.computed import NOTHING, Computed
from schemas.ranks import Bounds
from tests.unit.test_segments import at, bought, stated

SHIPPED = shipped_catalogue()
FAMILIES = ("adopters", "predicted_value", "predicted_life", "motives")
RANKED = Catalogue(SHIPPED.families, SHIPPED.zone)
RANKED.bounds = Bounds(
    recency=(1, 2, 3, 4),
    frequency=(2, 3, 4, 5),
    monetary=(100_000, 200_000, 300_000, 400_000),
    top=(),
    vital=None,
    customers=20,
    computed_at=0,
)
"""Who paid 300,000 is of the two fifths who paid the most."""

TOLD: Sequence[tuple[Computed, int, set[str]]] = (
    (NOTHING, 999_999, set()),
    (Computed(adopter_group="innovator"), 0, {"innovator", "motive_novelty"}),
    (Computed(adopter_group="early_adopter"), 0, {"early_adopter", "motive_novelty"}),
    (Computed(adopter_group="early_majority"), 0, {"early_majority"}),
    (Computed(adopter_group="late_majority"), 0, {"late_majority"}),
    (Computed(adopter_group="laggard"), 0, {"laggard"}),
    (Computed(p_alive=1.0, purchases_90d=4.2, value_90d=840_000, value_top_percent=1), 999_999, {"predicted_high"}),
    (Computed(p_alive=0.9, purchases_90d=2.1, value_90d=210_000, value_top_percent=10), 0, {"predicted_high"}),
    (Computed(p_alive=0.5, purchases_90d=0.8, value_90d=80_000, value_top_percent=20), 300_000, {"predicted_medium"}),
    (Computed(p_alive=0.5, purchases_90d=0.5, value_90d=50_000, value_top_percent=50), 0, {"predicted_medium"}),
    (
        Computed(p_alive=0.49, purchases_90d=0.1, value_90d=9_000, value_top_percent=100),
        299_999,
        {"predicted_low", "likely_gone"},
    ),
    (
        Computed(p_alive=0.49, purchases_90d=0.1, value_90d=9_000, value_top_percent=100),
        300_000,
        {"predicted_low", "likely_gone", "worth_winning_back"},
    ),
    (Computed(p_alive=0.0, purchases_90d=0.0, value_90d=0), 0, {"likely_gone"}),
    (
        Computed(p_alive=0.02, purchases_90d=0.01),
        400_000,
        {"likely_gone", "worth_winning_back"},
    ),  # of value nothing is said
    (Computed("laggard", 0.49, 0.1, 9_000, 100), 0, {"laggard", "predicted_low", "likely_gone"}),
)


@pytest.mark.parametrize(("computed", "paid", "expected"), TOLD)
def test_the_segments_by_what_jobs_computed(computed: Computed, paid: int, expected: set[str]) -> None:
    found = segment(bought("2026-06-01", amount=paid), RANKED, at("2026-06-02"), (), computed)
    assert {name for name in found.names if RANKED.family_of[name].name in FAMILIES} == expected
    assert found.computed == computed
    assert RANKED.failing == {}


def test_the_reason_has_what_was_computed() -> None:
    computed, portrait, now = Computed("early_adopter", 0.25, 0.3, 45_000, 20), bought("2026-06-01"), at("2026-06-02")
    view = SHIPPED.see(portrait, now, computed=computed)
    told = {move.segment: move.reason for move in moves("c", (), SHIPPED.decide(view), view, SHIPPED)}
    assert {name: told[name] for name in ("early_adopter", "likely_gone", "predicted_medium")} == {
        "early_adopter": 'adopter_group == "early_adopter" (adopter_group is early_adopter)',
        "likely_gone": "p_alive < 0.5 (p_alive is 0.25)",
        "predicted_medium": "value_top_percent <= 50 (value_top_percent is 20)",
    }


def test_what_was_computed_does_not_change_with_time_alone() -> None:
    portrait, now = bought("2020-06-01"), at("2026-06-02")
    one, other = (
        segment(portrait, SHIPPED, now, (), computed) for computed in (NOTHING, Computed("laggard", 0.1, 0.0))
    )
    assert one.due == other.due
    assert {*other.names} - {*one.names} == {"laggard", "likely_gone"}


def test_who_named_other_motives_is_not_judged_by_what_is_bought_early() -> None:
    asked = bought("2026-06-01", **stated(motives=["service"]))
    names = segment(asked, SHIPPED, at("2026-06-02"), (), Computed("innovator")).names
    assert [name for name in names if name.startswith("motive_")] == ["motive_service"]
