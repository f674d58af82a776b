"""What the records themselves teach of the model, without anybody having said which are one person.

u is counted in pairs taken by chance; m and how many pairs are one person are found by expectation maximisation, among
pairs with one birthday and among pairs with one name. The less there is to learn from, the more the first values stand:
they count as if they had been seen in so many pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ops.suggest.engine import linker, rows
from ops.suggest.model import COMPARISONS, FIRST_WORTH, FREQUENCIES, Worth, settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from splink import Linker

FIRST_M_PAIRS = 100
"""Pairs of one person that the first m are worth."""

FIRST_U_PAIRS = 50_000
"""Pairs of two people that the first u are worth."""

PAIRS_BY_CHANCE = 1_000_000
PAIRS_TO_TRAIN_ON = 2_000_000

FIRST_DOUBLES = 0.01
"""Pairs of one person for each record, before anything is learned."""

MOST_LIKELY = 0.002
"""No two records taken by chance are likelier than this to be one person, however few there are to choose from."""

PERSONS_DIFFER = 0.4
"""When training has found pairs of which more than this share have nothing of a comparison in common, they are not those
of one person, but of something else that is alike: a household, a street."""


class Learned(NamedTuple):
    """m and u of each level, and how likely two records taken by chance are one person."""

    worth: Worth
    prior: float


class _Session(NamedTuple):
    """What one training has found: pairs of one person, and m of the levels it could see."""

    pairs: float
    m: Mapping[tuple[str, str], float]


def learn(database: DuckDBPyConnection, records: int, step: Callable[[], None]) -> Learned:
    """Train on the table `compared`, which holds so many records. `step` is called three times on the way."""
    possible = records * (records - 1) / 2
    first = linker(database, settings(FIRST_WORTH, _prior(0, records), []), FREQUENCIES)
    first.training.estimate_u_using_random_sampling(PAIRS_BY_CHANCE, seed=1)
    by_chance = _values(first, "u_probability")
    step()
    sessions = []
    for column, block in (("birthday", "by_birthday"), ("sorted", "by_name")):
        sessions.append(_train(database, by_chance, _prior(0, records), column, block))
        step()
    m = _m(sessions)
    one_birthday = sessions[0].pairs / m["birthday", "same_birthday"]
    prior = _prior(one_birthday, records)
    return Learned(_rounded(m, _u(by_chance, m, one_birthday / possible, min(possible, PAIRS_BY_CHANCE))), prior)


def _prior(pairs: float, records: int) -> float:
    possible = records * (records - 1) / 2
    return min((pairs + FIRST_DOUBLES * records) / possible, MOST_LIKELY)


def _train(
    database: DuckDBPyConnection, by_chance: Mapping[tuple[str, str], float], prior: float, column: str, block: str
) -> _Session:
    from splink.internals.exceptions import EMTrainingException

    ((pairs,),) = rows(database, "block_pairs", column=column, block=block)
    if not pairs:
        return _Session(0, {})
    worth = {name: (m, by_chance[name]) for name, (m, _) in FIRST_WORTH.items()}
    trained = linker(database, settings(worth, prior, []), FREQUENCIES)
    try:
        session = trained.training.estimate_parameters_using_expectation_maximisation(
            {"blocking_rule": f"l.{column} = r.{column} and l.{block} = r.{block}"},
            estimate_without_term_frequencies=True,
            max_pairs=PAIRS_TO_TRAIN_ON if pairs > PAIRS_TO_TRAIN_ON else None,
        )
    except EMTrainingException:
        return _Session(0, {})
    found = session.core_model_settings
    m = {
        (comparison.output_column_name, level.label_for_charts): float(level.m_probability or 0)
        for comparison in found.comparisons
        for level in comparison.comparison_levels
        if not level.is_null_level
    }
    if any(m.get((name, levels[-1].name), 0) > PERSONS_DIFFER for name, levels in COMPARISONS.items()):
        return _Session(0, {})
    return _Session(found.probability_two_random_records_match * pairs, m)


def _values(trained: Linker, which: str) -> dict[tuple[str, str], float]:
    return {
        (comparison.output_column_name, level.label_for_charts): float(getattr(level, which) or 0)
        for comparison in trained._settings_obj.comparisons
        for level in comparison.comparison_levels
        if not level.is_null_level
    }


def _m(sessions: list[_Session]) -> dict[tuple[str, str], float]:
    seen = {}
    for name, (first, _) in FIRST_WORTH.items():
        weighed = [(FIRST_M_PAIRS, first)] + [(each.pairs, each.m[name]) for each in sessions if name in each.m]
        seen[name] = sum(pairs * m for pairs, m in weighed) / sum(pairs for pairs, _ in weighed)
    return seen


def _u(
    by_chance: Mapping[tuple[str, str], float], m: Mapping[tuple[str, str], float], prior: float, pairs: float
) -> dict[tuple[str, str], float]:
    """Of pairs taken by chance the share `prior` is of one person: that part of what was counted is taken off."""
    seen = {}
    for name, (_, first) in FIRST_WORTH.items():
        counted = max(by_chance[name] - prior * m[name], 0) / (1 - prior)
        seen[name] = (pairs * counted + FIRST_U_PAIRS * first) / (pairs + FIRST_U_PAIRS)
    return seen


def _rounded(m: Mapping[tuple[str, str], float], u: Mapping[tuple[str, str], float]) -> Worth:
    """To three digits: the last ones depend on the order in which a machine adds."""
    return {name: (float(f"{m[name]:.3g}"), float(f"{u[name]:.3g}")) for name in m}
