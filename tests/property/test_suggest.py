"""The laws of suggestions: what they depend on, and what they do not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.suggest.learning import FEWEST
from ops.suggest.pairs import Pair, suggest
from ops.suggest.records import Record
from tests.unit.test_suggest import crowd

SOME_WORDS = (
    "Nguyễn Văn An",
    "An Nguyen Van",
    "nguyen vna an",
    "12 Lê Lợi",
    "Huế",
    "1990-03-12",
    "1990-12-03",
    "' {} %s \\",
)
VALUES = st.none() | st.sampled_from(SOME_WORDS) | st.text(max_size=30)
RECORDS = st.lists(st.builds(Record, st.uuids().map(str), *[VALUES] * 10), max_size=12, unique_by=lambda each: each.id)


@settings(max_examples=12, deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_any_text_gives_pairs_in_which_no_order_is_left(records: list[Record], chance: random.Random) -> None:
    pairs = suggest(records, 0.0)

    assert all(pair.a < pair.b and 0 <= pair.score <= 1 for pair in pairs)
    assert len({(pair.a, pair.b) for pair in pairs}) == len(pairs)
    assert pairs == sorted(pairs, key=lambda pair: (-pair.score, pair.a, pair.b))
    chance.shuffle(records)
    assert suggest(records, 0.0) == pairs


@settings(max_examples=8, deadline=None)
@given(RECORDS)
def test_it_does_not_matter_which_of_two_comes_first(records: list[Record]) -> None:
    ids = sorted(record.id for record in records)
    other = dict(zip(ids, reversed(ids), strict=True))

    turned = suggest((replace(record, id=other[record.id]) for record in records), 0.0)

    assert {(*sorted((other[pair.a], other[pair.b])), pair.score) for pair in turned} == {
        (pair.a, pair.b, pair.score) for pair in suggest(records, 0.0)
    }


@pytest.fixture(scope="module")
def taught() -> tuple[list[Record], list[Pair]]:
    """So many records that they teach, every tenth one of them twice, and what is suggested of them."""
    records = crowd(FEWEST * 5)
    records += [replace(each, id=f"{each.id}-again", ward=None) for each in records[5::10]]
    return records, suggest(records)


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_records_teaches_nothing(seed: int, taught: tuple[list[Record], list[Pair]]) -> None:
    records, pairs = taught
    assert len(pairs) >= FEWEST * 5 // 10
    assert suggest(random.Random(seed).sample(records, len(records))) == pairs


def test_a_higher_threshold_leaves_the_likelier_pairs(taught: tuple[list[Record], list[Pair]]) -> None:
    records, pairs = taught
    assert suggest(records, 0.999) == [pair for pair in pairs if pair.score >= 0.999]
