"""New rules reach everybody, in every profile store, once, and say that they are new."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ops.verify import verify
from processors.apply import Rules
from processors.evaluate import refresh
from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.rules import read_family
from processors.sweep import begin_sweep, sweep
from schemas.clean import CleanEvent, Purchase
from sinks.memory import MemoryStore
from tests.contract.conftest import MakeStore
from tests.stories import DAY, LIFECYCLE, NOW, RULES, apply, interaction, part

WHALES = read_family(
    """
family: whales
about: Who bought for much.
version: 7
choose: every
segments:
  - {segment: whale, about: Paid a lot., when: revenue >= 500}
  - {segment: quiet, about: Was silent for a week., when: 'older(last_seen, "7d")'}
""",
    "whales.yaml",
)
WITH_WHALES = RULES._replace(segments=Catalogue([*LIFECYCLE.families, WHALES], LIFECYCLE.zone))


def bought(number: int, amount: int, days: int = 1) -> CleanEvent:
    """Customer `number` bought so many days ago."""
    return msgspec.structs.replace(
        interaction(number, f"C{number}"),
        time=NOW - days * DAY + DAY // 2,
        purchase=Purchase(amount, "VND", amount),
    )


def moved(store: Any) -> list[tuple[str, str, int, bool]]:
    """(segment, action, rule version, backfill) of all changes, the oldest first."""
    if isinstance(store, MemoryStore):
        return [(move.segment, move.action, move.rule_version, move.backfill) for move in store.tables.moves]
    with store.transaction() as tx:
        tx._at.execute("select segment, action, rule_version, backfill from portrait.segment_changes order by id")
        return list(tx._at.fetchall())


def held(store: Any) -> list[tuple[str, ...]]:
    """The segments of every customer, by id."""
    with store.transaction() as tx:
        listed = tx.customers_after("00000000-0000-0000-0000-000000000000", 1_000)
        return [each.segments for each in listed]


def swept(store: Any, rules: Rules) -> int:
    """A worker starts with these rules; how many customers it evaluates."""
    begin_sweep(store, rules.segments.digest)
    return sum(iter(lambda: sweep(store, rules, NOW), 0))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_new_rules_are_evaluated_for_everybody_once(new_store: MakeStore, limit: int) -> None:
    store = new_store()
    apply(store, [part([bought(number, 100 * number) for number in range(10)], 0)], RULES, NOW)
    before = moved(store)
    assert [(*each[:2], each[3]) for each in before] == [("new", "entered", False)] * 10
    sizes = []
    begin_sweep(store, WITH_WHALES.segments.digest)
    while done := sweep(store, WITH_WHALES, NOW, limit=limit):
        sizes.append(done)
    assert sum(sizes) == 10
    assert sorted(held(store)) == [("new",)] * 5 + [("new", "whale")] * 5
    assert moved(store)[10:] == [("whale", "entered", 7, True)] * 5
    begin_sweep(store, WITH_WHALES.segments.digest)  # another worker starts
    assert sweep(store, WITH_WHALES, NOW) == 0
    assert verify(store).equal


def test_what_new_rules_only_say_later_comes_when_it_is_due(new_store: MakeStore) -> None:
    store = new_store()
    apply(store, [part([bought(1, 100)], 0)], RULES, NOW)
    swept(store, WITH_WHALES)
    assert held(store) == [("new",)]
    assert refresh(store, WITH_WHALES, NOW + 6 * DAY) == 0
    assert refresh(store, WITH_WHALES, NOW + 7 * DAY) == 1
    assert held(store) == [("new", "quiet")]
    assert moved(store)[-1] == ("quiet", "entered", 7, False)


def test_segments_that_there_are_no_more_are_left(new_store: MakeStore) -> None:
    store = new_store()
    apply(store, [part([bought(1, 900)], 0)], WITH_WHALES, NOW)
    assert held(store) == [("new", "whale")]
    swept(store, RULES)
    assert held(store) == [("new",)]
    assert moved(store)[-1] == ("whale", "left", 0, True)


def test_rules_that_come_back_are_evaluated_again_but_not_by_those_who_run_already(new_store: MakeStore) -> None:
    store = new_store()
    apply(store, [part([bought(1, 900)], 0)], RULES, NOW)
    assert [swept(store, rules) for rules in (WITH_WHALES, RULES, RULES, WITH_WHALES)] == [1, 1, 0, 1]
    assert held(store) == [("new", "whale")]
    assert sweep(store, RULES, NOW) == 0  # a worker with the rules of before


def test_a_sweep_without_all_families_begins_anew_with_the_next_worker(new_store: MakeStore) -> None:
    store, limping = new_store(), Catalogue(WITH_WHALES.segments.families, LIFECYCLE.zone)
    apply(store, [part([bought(1, 900)], 0)], RULES, NOW)
    limping.take_out("whales")
    swept(store, WITH_WHALES._replace(segments=limping))
    assert held(store) == [("new",)]
    assert swept(store, WITH_WHALES) == 1
    assert held(store) == [("new", "whale")]


def test_what_happened_long_ago_is_told_as_a_backfill(new_store: MakeStore) -> None:
    store = new_store()
    apply(store, [part([bought(1, 100, days=20), bought(2, 100)], 0)], RULES, NOW)
    assert sorted(each[3] for each in moved(store)) == [False, True]


def test_the_shipped_segments_are_swept_in_an_empty_store(new_store: MakeStore) -> None:
    assert swept(new_store(), RULES._replace(segments=shipped_catalogue())) == 0


def test_rules_of_before_come_back_after_a_sweep_without_all_families(new_store: MakeStore) -> None:
    slow = read_family(
        "family: slow\nabout: x\nversion: 1\nsegments:\n  - {segment: slow, about: x, when: 'true'}\n", "slow.yaml"
    )
    store, limping = new_store(), Catalogue([*WITH_WHALES.segments.families, slow], LIFECYCLE.zone)
    limping.take_out("slow")
    apply(store, [part([bought(1, 900)], 0)], RULES, NOW)
    swept(store, RULES)
    swept(store, WITH_WHALES._replace(segments=limping))
    assert held(store) == [("new", "whale")]
    assert swept(store, RULES) == 1
    assert held(store) == [("new",)]
    assert verify(store, segments=RULES.segments, now=NOW).equal
