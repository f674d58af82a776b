"""How two records are compared, and what each outcome is worth before the records themselves have taught it.

Fellegi and Sunter's model: a comparison has levels, of which the first that holds counts. m is how often a level is
seen of two records of one person, u of two records of two people; log2(m/u) is what it is worth. Conditions are SQL of
DuckDB about records l and r, columns as in `ops.suggest.records.Compared`; each is the same when l and r change places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Level(NamedTuple):
    """One outcome of a comparison.

    m, u: first values. They are guesses on the careful side, and stand as long as there are few records.
    by_frequency: a column, where the value both have says more the rarer it is.
    """

    name: str
    condition: str
    m: float
    u: float
    by_frequency: str | None = None


def _when(condition: str, then: str) -> str:
    """`then`, which costs more, where `condition` holds, and else false: DuckDB works out both sides of an `and`."""
    return f"case when {condition} then {then} else false end"


def _apart(column: str, letters: int, *, shortest: int) -> str:
    """At most so many letters added, lost, changed or swapped with the next one, in values long enough for that."""
    return _when(_near(column, column, letters, shortest), _distance(column, column, letters))


def _names_apart(letters: int, *, shortest: int) -> str:
    """The same of names, the family name at either end."""
    ways = (("name", "name"), ("name", "turned"), ("turned", "name"))
    return " or ".join(_when(_near(*way, letters, shortest), _distance(*way, letters)) for way in ways)


def _near(left: str, right: str, letters: int, shortest: int) -> str:
    """What is cheap to see and holds of all that are so many letters apart."""
    left, right = f"{left}_l", f"{right}_r"
    return (
        f"abs(length({left}) - length({right})) <= {letters} and least(length({left}), length({right})) >= {shortest} "
        f"and jaro_similarity({left}, {right}) >= 0.75"
    )


def _distance(left: str, right: str, letters: int) -> str:
    return f"damerau_levenshtein({left}_l, {right}_r) <= {letters}"


def _same(column: str) -> str:
    return f"coalesce({column}_l = {column}_r, false)"


_WORDS_IN_COMMON = "len(list_intersect(string_split(name_l, ' '), string_split(name_r, ' ')))"
_FEWEST_WORDS = "least(len(string_split(name_l, ' ')), len(string_split(name_r, ' ')))"
_SAME_ROAD = f"({_same('road')} or coalesce(road_l = ward_r, false) or coalesce(ward_l = road_r, false))"
_LIKE_ROAD = _apart("road", 2, shortest=6)
_PLACES_IN_COMMON = (
    f"({_same('ward')}::int + {_same('district')}::int + {_same('postcode')}::int"
    f" + (case when city_l = city_r then true else {_apart('city', 2, shortest=6)} end)::int)"
)

NAME = (
    Level("same_name", "sorted_l = sorted_r", 0.60, 0.0005, "sorted"),
    Level("one_letter", _names_apart(1, shortest=5), 0.12, 0.0005),
    Level("two_letters", _names_apart(2, shortest=9), 0.06, 0.001),
    Level(
        "part_of_name",
        f"{_WORDS_IN_COMMON} = {_FEWEST_WORDS} or jaro_winkler_similarity(sorted_l, sorted_r) >= 0.94",
        0.07,
        0.01,
    ),
    Level("word_of_name", f"{_WORDS_IN_COMMON} >= 1", 0.13, 0.25),
    Level("other_name", "ELSE", 0.02, 0.738),
)
BIRTHDAY = (
    Level("same_birthday", "birthday_l = birthday_r", 0.84, 0.0002, "birthday"),
    Level(
        "day_for_month",
        "birthday_l[1:4] = birthday_r[1:4] and birthday_l[5:6] = birthday_r[7:8] and birthday_l[7:8] = birthday_r[5:6]",
        0.02,
        0.0002,
    ),
    Level("one_digit", "damerau_levenshtein(birthday_l, birthday_r) <= 1", 0.06, 0.004),
    Level(
        "two_parts",
        "(birthday_l[1:4] = birthday_r[1:4])::int + (birthday_l[5:6] = birthday_r[5:6])::int "
        "+ (birthday_l[7:8] = birthday_r[7:8])::int >= 2",
        0.03,
        0.006,
    ),
    Level("other_birthday", "ELSE", 0.05, 0.9896),
)
ADDRESS = (
    Level(
        "same_door",
        _when(f"number_l = number_r and {_SAME_ROAD}", f"{_PLACES_IN_COMMON} >= 1"),
        0.45,
        0.0002,
        "door",
    ),
    Level(
        "like_door",
        _when(
            "number_l = number_r",
            f"case when {_SAME_ROAD} then true when {_LIKE_ROAD} then {_PLACES_IN_COMMON} >= 1 else false end",
        ),
        0.12,
        0.0005,
    ),
    Level(
        "like_road",
        _when(f"case when {_SAME_ROAD} then true else {_LIKE_ROAD} end", f"{_PLACES_IN_COMMON} >= 1"),
        0.08,
        0.003,
    ),
    Level("same_place", f"{_PLACES_IN_COMMON} >= 2", 0.12, 0.01),
    Level("like_place", f"{_PLACES_IN_COMMON} = 1", 0.10, 0.05),
    Level("same_province", _same("province"), 0.06, 0.15),
    Level("other_address", "ELSE", 0.07, 0.7863),
)

COMPARISONS: Mapping[str, tuple[Level, ...]] = {"name": NAME, "birthday": BIRTHDAY, "address": ADDRESS}

UNKNOWN: Mapping[str, str] = {
    "name": "name_l is null or name_r is null",
    "birthday": "birthday_l is null or birthday_r is null",
    "address": "(road_l is null and city_l is null and ward_l is null and postcode_l is null) "
    "or (road_r is null and city_r is null and ward_r is null and postcode_r is null)",
}
"""When a comparison says nothing, for or against."""

FREQUENCIES: Mapping[str, int] = {"sorted": 2_000, "birthday": 10_000, "door": 5_000}
"""Column → how many different values it is taken to have, before it is known how often each is seen."""

Worth = Mapping[tuple[str, str], tuple[float, float]]
"""(comparison, level) → (m, u)."""

FIRST_WORTH: Worth = {
    (comparison, level.name): (level.m, level.u) for comparison, levels in COMPARISONS.items() for level in levels
}


def settings(worth: Worth, prior: float, blocks: list[str]) -> dict[str, Any]:
    """Splink's settings. `prior`: how likely two records taken by chance are one person. `blocks`: columns; two records
    that have the same value in any of them are compared."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "n",
        "probability_two_random_records_match": prior,
        "blocking_rules_to_generate_predictions": [{"blocking_rule": f"l.{name} = r.{name}"} for name in blocks],
        "comparisons": [_comparison(name, levels, worth) for name, levels in COMPARISONS.items()],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "max_iterations": 40,
        "em_convergence": 0.0005,
    }


def _comparison(name: str, levels: tuple[Level, ...], worth: Worth) -> dict[str, Any]:
    unknown = {"sql_condition": UNKNOWN[name], "label_for_charts": "unknown", "is_null_level": True}
    return {
        "output_column_name": name,
        "comparison_levels": [unknown, *(_level(level, *worth[name, level.name]) for level in levels)],
    }


def _level(level: Level, m: float, u: float) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sql_condition": level.condition,
        "label_for_charts": level.name,
        "m_probability": m,
        "u_probability": u,
    }
    if level.by_frequency is not None:
        told |= {"tf_adjustment_column": level.by_frequency, "disable_tf_exact_match_detection": True}
    return told
