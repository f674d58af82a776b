"""A batch that was decided ahead is written as it was decided when its customers were merely evaluated meanwhile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.evaluate import refresh
from schemas.clean import CleanEvent, Purchase
from sinks.memory import MemoryStore
from sinks.store import Partition, Store
from tests.contract.conftest import MakeStore
from tests.contract.test_sweep import WITH_WHALES, held, moved, swept
from tests.stories import DAY, NOW, RULES, AheadFeed, apply, interaction, part

OTHER = Partition("events.valid", 1)


def customer(number: int, card: int, amount: int, days: int) -> CleanEvent:
    """Whoever has this card bought so many days ago."""
    purchase = Purchase(amount, "VND", amount)
    return msgspec.structs.replace(interaction(number, f"C{card}"), time=NOW - days * DAY, purchase=purchase)


def deciding(store: Any) -> AheadFeed:
    """Somebody bought eight days ago; what they do now is decided, and not yet written."""
    apply(store, [part([customer(0, 0, 600, days=8)], 0)], RULES, NOW - 8 * DAY)
    worker = AheadFeed(store, [interaction(1, "C0")], batch=1, log=OTHER)
    worker.step()
    return worker


def uneven(store: Store) -> list[Any]:
    with store.snapshot() as snapshot:
        return list(snapshot.uneven_changes())


def test_who_entered_segments_meanwhile_leaves_them_once(new_store: MakeStore) -> None:
    store = new_store()
    worker = deciding(store)
    assert swept(store, WITH_WHALES) == 1
    worker.step()  # decided by rules that know of no whales
    assert worker.stale == 0
    assert sorted(each[:2] for each in moved(store)) == [
        ("new", "entered"),
        ("quiet", "entered"),
        ("quiet", "left"),
        ("whale", "entered"),
        ("whale", "left"),
    ]
    assert held(store) == [("new",)]


def test_who_left_a_segment_meanwhile_enters_it_again_for_a_reason(new_store: MakeStore) -> None:
    store = new_store()
    worker = deciding(store)
    assert refresh(store, RULES, NOW + 400 * DAY) == 1  # a clock that is wrong by a year
    worker.step()
    assert worker.stale == 0
    assert [each[:2] for each in moved(store)] == [
        ("new", "entered"),
        ("new", "left"),
        ("past", "entered"),
        ("past", "left"),
        ("new", "entered"),
    ]
    assert uneven(store) == []
    assert held(store) == [("new",)]
    assert moved(store)[-1][3] is False


def test_what_a_customer_did_meanwhile_makes_the_decision_void(new_store: MakeStore) -> None:
    store = new_store()
    worker = deciding(store)
    refresh(store, RULES, NOW + 400 * DAY)
    apply(store, [part([interaction(2, "C0")], 1)], RULES, NOW)
    worker.step()
    assert worker.stale == 1
    assert uneven(store) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90), st.integers(1, 900)), min_size=1, max_size=16),
    st.integers(1, 4),
    st.integers(0, 2**32),
)
def test_evaluations_between_deciding_and_writing_cost_no_decision_and_no_change_is_told_twice(
    new_store: MakeStore, done: Sequence[tuple[int, int, int]], batch: int, seed: int
) -> None:
    events = [customer(number, card, amount, days) for number, (card, days, amount) in enumerate(done)]
    told = []
    for store in (new_store(), MemoryStore()):
        chance, worker = random.Random(seed), AheadFeed(store, events, batch=batch)
        while not worker.done:
            worker.step()
            if chance.random() < 0.7:
                refresh(store, RULES, NOW + chance.randrange(400) * DAY)
        assert worker.stale == 0
        assert uneven(store) == []
        told.append((sorted(held(store)), sorted(moved(store))))
    assert told[0] == told[1]
