"""What the records themselves teach of the model, without anybody having said which are one person.

u is counted in pairs taken by chance; m and how many pairs are one person are found by expectation maximisation, among
pairs with one birthday and among pairs with one name. The less there is to learn from, the more the first values stand:
they count as if they had been seen in so many pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ops.suggest.engine import linker, rows
from ops.suggest.model import COMPARISONS, FIRST_WORTH, FREQUENCIES, Worth, settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STEPS = 3
"""Of which `learn` tells."""

FEWEST = 100
"""Records. Fewer teach nothing."""

FIRST_M_PAIRS = 100
"""Pairs of one person that the first m are worth."""

FIRST_U_PAIRS = 50_000
"""Pairs of two people that the first u are worth."""

PAIRS_BY_CHANCE = 1_200_000
"""Pairs to count u in: enough to see a birthday in common some fifty times."""

PAIRS_TO_TRAIN_ON = 2_000_000
"""Of those with one birthday, and of those with one name: more of them teach nothing new, and take time."""

FIRST_DOUBLES = 0.01
"""Pairs of one person for each record, before anything is learned."""

MOST_LIKELY = 0.001
"""No two records taken by chance are likelier than this to be one person, however few there are to choose from."""

PERSONS_DIFFER = 0.4
"""When training has found pairs of which more than this share have nothing of a comparison in common, they are not those
of one person, but of something else that is alike: a household, a street."""


class Learned(NamedTuple):
    """m and u of each level, and how likely two records taken by chance are one person."""

    worth: Worth
    prior: float


class _Counted(NamedTuple):
    """Pairs taken by chance that were compared in one way, and the share of them at one level."""

    pairs: float
    share: float


class _Session(NamedTuple):
    """What one training has found: pairs of one person, and m of the levels it could see."""

    pairs: float
    m: Mapping[tuple[str, str], float]


def learn(database: DuckDBPyConnection, records: int, step: Callable[[], None]) -> Learned:
    """Train on the table `compared`, which holds so many records. `step` is called `STEPS` times on the way."""
    if records < FEWEST:
        for _ in range(STEPS):
            step()
        return Learned(FIRST_WORTH, _digits(_prior(0, records)))
    by_chance = _count_by_chance(database, records)
    step()
    before = {name: (m, _u(by_chance[name], u, 0)) for name, (m, u) in FIRST_WORTH.items()}
    sessions = []
    for column, block in (("birthday", "by_birthday"), ("sorted", "by_name")):
        sessions.append(_train(database, before, _prior(0, records), column, block))
        step()
    m = {name: _m(name, sessions) for name in FIRST_WORTH}
    persons = sessions[0].pairs / m["birthday", "same_birthday"]
    among = persons / _pairs(records)
    return Learned(
        {
            name: (_digits(m[name]), _digits(_u(by_chance[name], u, among * m[name])))
            for name, (_, u) in FIRST_WORTH.items()
        },
        _digits(_prior(persons, records)),
    )


def _pairs(records: int) -> float:
    return records * (records - 1) / 2


def _prior(persons: float, records: int) -> float:
    return min((persons + FIRST_DOUBLES * records) / _pairs(records), MOST_LIKELY)


def _count_by_chance(database: DuckDBPyConnection, records: int) -> dict[tuple[str, str], _Counted]:
    """What is seen of pairs taken by chance, by level."""
    first = linker(database, settings(FIRST_WORTH, _prior(0, records), []), FREQUENCIES)
    first.training.estimate_u_using_random_sampling(PAIRS_BY_CHANCE, seed=1)
    sampled = min(PAIRS_BY_CHANCE / _pairs(records), 1)
    ((name, birthday, address),) = rows(database, "known")
    compared = {"name": name, "birthday": birthday, "address": address}
    return {
        (comparison, level): _Counted(sampled * _pairs(compared[comparison]), share)
        for (comparison, level), share in _shares(first._settings_obj.comparisons, "u_probability").items()
    }


def _train(database: DuckDBPyConnection, before: Worth, prior: float, column: str, block: str) -> _Session:
    """Look for pairs of one person among those that have the same value in `column`, in one block by `block`."""
    from splink.internals.exceptions import EMTrainingException

    ((pairs,),) = rows(database, "block_pairs", column=column, block=block)
    if not pairs:
        return _Session(0, {})
    trained = linker(database, settings(before, prior, []), FREQUENCIES)
    try:
        session = trained.training.estimate_parameters_using_expectation_maximisation(
            f"l.{column} = r.{column} and l.{block} = r.{block}",
            estimate_without_term_frequencies=True,
            max_pairs=PAIRS_TO_TRAIN_ON if pairs > PAIRS_TO_TRAIN_ON else None,
        )
    except EMTrainingException:
        return _Session(0, {})
    found = session.core_model_settings
    m = _shares(found.comparisons, "m_probability")
    if any(m.get((name, levels[-1].name), 0) > PERSONS_DIFFER for name, levels in COMPARISONS.items()):
        return _Session(0, {})
    return _Session(found.probability_two_random_records_match * pairs, m)


def _shares(comparisons: Iterable[Any], which: str) -> dict[tuple[str, str], float]:
    return {
        (comparison.output_column_name, level.label_for_charts): float(getattr(level, which) or 0)
        for comparison in comparisons
        for level in comparison.comparison_levels
        if not level.is_null_level
    }


def _m(name: tuple[str, str], sessions: list[_Session]) -> float:
    """The mean of what the sessions have found and of the first value, weighed by the pairs of one person."""
    weighed = [
        (FIRST_M_PAIRS, FIRST_WORTH[name][0]),
        *((each.pairs, each.m[name]) for each in sessions if name in each.m),
    ]
    return sum(pairs * m for pairs, m in weighed) / sum(pairs for pairs, _ in weighed)


def _u(counted: _Counted, first: float, of_one_person: float) -> float:
    """The mean of what was counted and of the first value. `of_one_person`: the share of all pairs that is at this level
    because they are one person, and that is taken off."""
    return (counted.pairs * max(counted.share - of_one_person, 0) + FIRST_U_PAIRS * first) / (
        counted.pairs + FIRST_U_PAIRS
    )


def _digits(value: float) -> float:
    """Three digits of it: the last ones depend on the order in which a machine adds."""
    return float(f"{value:.3g}")
