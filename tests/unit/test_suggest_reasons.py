"""Why two records look like one person, in words."""

from __future__ import annotations

import pytest

from ops.suggest.model import COMPARISONS
from ops.suggest.reasons import Seen, reasons
from ops.suggest.records import Record, compared


def seen(name: str | None, birthday: str | None = None) -> Seen:
    form = compared(Record("1", full_name=name, birthday=birthday))
    return Seen(form.shown, form.name, form.birthday)


def number(comparison: str, level: str) -> int:
    names = [each.name for each in COMPARISONS[comparison]]
    return len(names) - 1 - names.index(level)


def test_what_is_not_known_is_no_reason() -> None:
    assert reasons(seen(None), seen("An"), -1, -1, -1) == ()


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ("Nguyễn Văn An", "Nguyễn Văn An", "same name: Nguyễn Văn An"),
        ("Nguyễn Văn An", "nguyen van an", "same name but for accents: Nguyễn Văn An / nguyen van an"),
        ("Nguyễn Văn An", "An Nguyễn Văn", "same name in another order: Nguyễn Văn An / An Nguyễn Văn"),
        ("Anne-Marie Ly", "Anne Marie Ly", "same name written differently: Anne-Marie Ly / Anne Marie Ly"),
    ],
)
def test_names_that_are_the_same_are_told_apart(left: str, right: str, told: str) -> None:
    assert reasons(seen(left), seen(right), number("name", "same_name"), -1, -1) == (told,)


def test_each_comparison_gives_its_reason() -> None:
    left, right = seen("Nguyen Van An", "1990-03-12"), seen("Nguyen Vna An", "1990-12-03")

    told = reasons(
        left,
        right,
        number("name", "one_letter"),
        number("birthday", "day_for_month"),
        number("address", "same_door"),
    )

    assert told == (
        "names differ by one letter: Nguyen Van An / Nguyen Vna An",
        "birthdays with day and month swapped: 1990-03-12 / 1990-12-03",
        "same street and house number",
    )


@pytest.mark.parametrize(
    ("comparison", "level"), [(name, each.name) for name, levels in COMPARISONS.items() for each in levels]
)
def test_every_level_has_words(comparison: str, level: str) -> None:
    levels = dict.fromkeys(COMPARISONS, -1) | {comparison: number(comparison, level)}
    told = reasons(seen("Lê An", "1990-03-12"), seen("Lê Ân", "1990-03-13"), **levels)
    assert len(told) == 1
    assert told[0].strip()


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_first_values_of_a_comparison_are_shares_of_a_whole(comparison: str) -> None:
    levels = COMPARISONS[comparison]
    assert sum(level.m for level in levels) == pytest.approx(1)
    assert sum(level.u for level in levels) == pytest.approx(1)
    assert all(0 < level.m < 1 for level in levels)
    assert all(0 < level.u < 1 for level in levels)
