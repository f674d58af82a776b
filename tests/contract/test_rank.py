"""Everybody is measured by all others, in every profile store alike; who stands elsewhere then is evaluated, and nobody else."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.apply import Rules, Slice
from processors.counters import FAILING
from processors.evaluate import refresh
from processors.rank import LEAST_CUSTOMERS, Ranking, call_up, measure_all
from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.rules import read_family
from processors.succession import Fetched
from processors.sweep import begin_sweep, sweep
from processors.writer import Writer
from schemas.clean import CleanEvent, Purchase
from schemas.portrait import Listed
from schemas.ranks import Ranked
from sinks.memory import MemoryStore
from sinks.store import Span
from tests.contract.conftest import MakeStore
from tests.contract.test_sweep import moved
from tests.stories import DAY, LIFECYCLE, LOG, NOW, RULES, apply, interaction, part, verified

RANKED = [each for each in shipped_catalogue().families if each.name in ("lifecycle", "rfm", "pareto", "value")]


def rules() -> Rules:
    """Those of one worker, which learns bounds of its own."""
    return RULES._replace(segments=Catalogue(RANKED, LIFECYCLE.zone))


def bought(number: int, customer: int, amount: int, days: int) -> CleanEvent:
    """A purchase so many days ago."""
    return msgspec.structs.replace(
        interaction(number, f"C{customer}"), time=NOW - days * DAY, purchase=Purchase(amount, "VND", amount)
    )


def listed(store: Any) -> list[Listed]:
    with store.transaction() as tx:
        return list(tx.customers_after("00000000-0000-0000-0000-000000000000", 1_000))


def at_rest(store: Any, mine: Rules, now: int = NOW) -> None:
    """What a worker does beside the stream, until there is nothing left to do."""
    ranking = Ranking(store, mine)
    for _ in range(3):
        ranking.turn(now)
        while sweep(store, mine, now) or refresh(store, mine, now):
            pass


def hundred(store: Any, mine: Rules) -> None:
    """Customer n of 0 to 99 bought for 1,000 × (n + 1), n days ago; the first ten twice."""
    events = [bought(n, n, 1_000 * (n + 1), n) for n in range(100)]
    events += [bought(100 + n, n, 1, 200) for n in range(10)]
    apply(store, [part(events, 0)], mine, NOW)


def test_a_hundred_customers_stand_where_they_should(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    at_rest(store, mine)
    found = {each.portrait.revenue: each.ranked for each in listed(store)}
    assert found[100_000] == Ranked(100_000, 1, 1, 5, 1, True)
    assert found[99_000] == Ranked(99_000, 1, 1, 5, 5, True)
    assert found[95_000] == Ranked(95_000, 1, 1, 5, 10, True)
    assert found[81_000] == Ranked(81_000, 1, 1, 5, 20, True)
    assert found[80_000] == Ranked(80_000, 2, 1, 4, 100, True)
    assert found[45_000] == Ranked(45_000, 3, 1, 3, 100, True)
    assert found[44_000] == Ranked(44_000, 3, 1, 3, 100, False)
    assert found[1_001] == Ranked(1_001, 5, 5, 1, 100, False), "bought today, twice, for little"
    # 45 + … + 100 is 4,060 of 5,050, or 80.4 percent; 46 + … + 100 is 79.5.
    assert min(revenue for revenue, each in found.items() if each.vital) == 45_000
    assert store.bounds() == mine.segments.bounds


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 8), st.integers(0, 500)), min_size=1, max_size=120),
    st.randoms(use_true_random=False),
)
def test_all_stores_agree_and_everybody_has_the_scores_of_the_bounds(
    new_store: MakeStore, purchases: list[tuple[int, int, int]], chance: random.Random
) -> None:
    events = [bought(number, *each) for number, each in enumerate(purchases)]
    store, plain, mine = new_store(), MemoryStore(), rules()
    apply(plain, [part(events, 0)], rules(), NOW)
    chance.shuffle(events)
    apply(store, [part(events, 0)], mine, NOW)
    at_rest(store, mine)
    with plain.transaction() as tx:
        measured = tx.measure(NOW)
    enough = measured is not None and measured.customers >= LEAST_CUSTOMERS
    assert store.bounds() == (measured if enough else None)
    for each in listed(store):
        found = mine.segments.evaluate(each.portrait, NOW, each.segments)
        assert (found.names, found.ranked) == (each.segments, each.ranked)
    verified(store) if not enough else None


def test_the_first_bounds_are_told_as_a_backfill(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    before = len(moved(store))
    at_rest(store, mine)
    told = moved(store)[before:]
    assert {action for _, action, _, _ in told} == {"entered"}
    assert all(backfill for *_, backfill in told)
    assert {name for name, *_ in told} >= {
        "rfm_champions",
        "rfm_lost",
        "vital_few",
        "useful_many",
        "vip",
        "high_value",
    } - {"rfm_champions", "rfm_lost"}


def test_when_a_bound_moves_only_those_between_the_old_and_the_new_one_are_due(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    at_rest(store, mine)
    # Three newcomers push the bounds of recency a little towards now.
    apply(store, [part([bought(1_000 + n, 1_000 + n, 50_500, 0) for n in range(3)], 110)], mine, NOW)
    before, later = {each.customer: each.ranked for each in listed(store)}, NOW + 60_000
    assert measure_all(store, later)
    assert call_up(store, later, most=5), "there may be others"
    assert not call_up(store, later)
    seen = moved(store)
    due = refresh(store, mine, later)
    assert 5 < due < 20
    after = {each.customer: each.ranked for each in listed(store)}
    assert sum(before[customer][1:] != after[customer][1:] for customer in before) == due
    assert not any(backfill for *_, backfill in moved(store)[len(seen) :])
    at_rest(store, mine, later)
    assert {each.customer: each.ranked for each in listed(store)} == after, "nothing is left to do"


def test_a_customer_who_buys_stands_elsewhere_at_once(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    at_rest(store, mine)
    apply(store, [part([bought(2_000, 99, 5_000_000, 0)], 110)], mine, NOW)
    (best,) = [each for each in listed(store) if each.portrait.revenue > 1_000_000]
    assert best.ranked == Ranked(5_100_000, 5, 5, 5, 1, True)
    assert {"rfm_champions", "vip", "vital_few"} <= {*best.segments}


def test_revenue_that_is_a_year_old_counts_no_more(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    at_rest(store, mine)
    later = NOW + 316 * DAY  # purchases of 50 days ago and more are older than a year now
    while refresh(store, mine, later):
        pass
    at_rest(store, mine, later)
    found = {each.portrait.revenue: each for each in listed(store)}
    assert (found[100_000].ranked.year_revenue, found[100_000].ranked.vital) == (0, None)
    assert not {"vip", "high_value", "vital_few", "useful_many"}.intersection(found[100_000].segments)
    assert "vip" in found[49_000].segments


@pytest.mark.parametrize("buyers", [LEAST_CUSTOMERS - 1, LEAST_CUSTOMERS])
def test_a_few_customers_are_not_divided_into_fifths(new_store: MakeStore, buyers: int) -> None:
    store, mine = new_store(), rules()
    apply(store, [part([bought(n, n, 1_000 + n, n) for n in range(buyers)], 0)], mine, NOW)
    at_rest(store, mine)
    assert (store.bounds() is not None) is (buyers == LEAST_CUSTOMERS)
    assert any(each.ranked.recency for each in listed(store)) is (buyers == LEAST_CUSTOMERS)


def test_nobody_ranks_before_it_is_time_again(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    ticks = iter([0.0, 2.0])
    assert measure_all(store, NOW, lambda: next(ticks))
    bounds = store.bounds()
    assert not measure_all(store, NOW + 199_999)
    assert store.bounds() == bounds, "it took 2 s, so it rests for 200"
    assert measure_all(store, NOW + 200_000)
    computed = store.bounds()
    assert computed is not None
    assert computed.computed_at == NOW + 200_000


def counted() -> dict[str, float]:
    """Which rules fail, as the metrics say."""
    return {sample.labels["segment"]: sample.value for metric in FAILING.collect() for sample in metric.samples}


def told(store: Any) -> dict[str, tuple[str, int]]:
    if isinstance(store, MemoryStore):
        return dict(store.tables.failures)
    with store.transaction() as tx:
        tx._at.execute("select segment, message, times from portrait.segment_failures")
        return {segment: (message, times) for segment, message, times in tx._at.fetchall()}


def test_operators_are_told_which_rules_fail_until_other_ones_are_in_use(new_store: MakeStore) -> None:
    divides = read_family(
        """
family: divides
about: By nothing.
version: 1
choose: every
segments:
  - {segment: halves, about: Divides by returns., when: orders / returns > 1}
""",
        "divides.yaml",
    )
    store, fine = new_store(), rules()
    broken = RULES._replace(segments=Catalogue([*RANKED, divides], LIFECYCLE.zone))
    ranking = Ranking(store, broken)
    ranking.turn(NOW)
    assert told(store) == {}
    apply(store, [part([bought(1, 1, 500, 1), bought(2, 2, 500, 1)], 0)], broken, NOW)
    ranking.turn(NOW)
    ((segment, (why, times)),) = told(store).items()
    assert (segment, times) == ("halves", 2)
    assert "zero" in why.lower()
    assert counted() == {"halves": 2}
    Ranking(store, fine).turn(NOW)
    assert told(store) == {}
    assert counted() == {}


def test_a_worker_that_starts_measures_by_the_bounds_in_force(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    at_rest(store, mine)
    before = len(moved(store))

    async def work() -> None:
        writer = Writer(store, rules(), batch_events=10, clock=lambda: NOW)
        await writer.begin({LOG: 110})
        running = asyncio.ensure_future(writer.run())
        event, span = bought(3_000, 99, 1_000, 0), Span(110, 111)
        await writer.add(Fetched(LOG, span, [event], lambda _: Slice(LOG, span, [(110, event)])))
        while writer.applied[LOG] < 111:  # noqa: ASYNC110 - nobody else needs to be told
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(work(), 30))
    assert {name for name, *_ in moved(store)[before:]}.isdisjoint({"vip", "vital_few"}), "the best customer stays it"
    assert "rfm_champions" in {name for name, *_ in moved(store)[before:]}


def test_who_was_evaluated_by_a_worker_without_bounds_is_ranked_all_the_same(new_store: MakeStore) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    begin_sweep(store, "rules that were replaced before everybody was evaluated by them")
    at_rest(store, mine)
    apply(store, [part([bought(2_000, 99, 1_000, 0)], 110)], rules(), NOW)
    assert [each.ranked.recency for each in listed(store)].count(None) == 1
    at_rest(store, mine, NOW + 60_000)
    assert [each.ranked.recency for each in listed(store)].count(None) == 0


def test_a_store_of_before_there_were_ranks_is_ranked_when_the_revenue_of_everybody_is_known(
    new_store: MakeStore,
) -> None:
    store, mine = new_store(), rules()
    hundred(store, mine)
    forget_revenue(store)
    before = len(moved(store))
    ranking = Ranking(store, mine)
    ranking.turn(NOW)
    assert sweep(store, mine, NOW, limit=10) == 10
    ranking.turn(NOW)
    assert store.bounds() is None
    at_rest(store, mine)
    assert all(backfill for *_, backfill in moved(store)[before:])
    assert sorted(each.ranked.year_revenue for each in listed(store))[-1] == 100_000
    with store.snapshot() as snapshot:
        assert list(snapshot.uneven_changes()) == []


def forget_revenue(store: Any) -> None:
    if isinstance(store, MemoryStore):
        kept = store.tables.segments
        kept.update({customer: each._replace(ranked=Ranked()) for customer, each in kept.items()})
    else:
        with store.transaction() as tx:
            tx._at.execute("update portrait.customers set year_revenue = 0")
