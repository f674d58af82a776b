"""docs/segments.md says what ships, and its example is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.segments_page import page_with
from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.rules import read_family
from schemas.computed import Computed
from schemas.portrait import Portrait

PAGE = Path(__file__).parents[2] / "docs" / "segments.md"


def test_the_page_is_of_what_ships() -> None:
    text = PAGE.read_text("utf-8")
    assert page_with(text, shipped_catalogue()) == text, "run: python -m ops.segments_page docs/segments.md"
    (count,) = re.findall(r"(\d+) segments ship", text)
    assert int(count) == len(shipped_catalogue().rule_of)


def test_every_family_says_where_its_bounds_are_from() -> None:
    assert [family.name for family in shipped_catalogue().families if not family.source] == []


def test_its_examples_can_be_used_with_what_ships() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shipped = shipped_catalogue()
    own = [read_family(example, "segments/own.yaml") for example in examples]
    catalogue = Catalogue([*shipped.families, *own], shipped.zone)
    assert catalogue.rule_of.keys() - shipped.rule_of.keys() == {
        *("buys_soon", "asks_for_new_things"),
        *("vip_gold", "vip_silver"),
    }
    found = catalogue.evaluate(Portrait(), 0, (), None, Computed("innovator", 0.8, 1.0))
    assert {"buys_soon", "asks_for_new_things"} <= {*found.names}
    assert catalogue.failing == {}


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="once each"):
        page_with("nothing", shipped_catalogue())
