"""The laws of the heart: order, repetition and grouping of events do not matter."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clean import CleanEvent
from schemas.identifiers import STRENGTH, Identifier
from schemas.ids import event_key
from sinks.memory import MemoryStore
from tests.stories import NOW, RULES, expected_hash, feed, stories, verified


@settings(max_examples=150, deadline=None)
@given(stories(), st.randoms(use_true_random=False), st.data())
def test_any_order_any_repetition_and_any_batch_size_give_the_same_store(
    events: list[CleanEvent], chance: random.Random, data: Any
) -> None:
    log = events + [event for event in events if chance.random() < 0.4]
    chance.shuffle(log)
    store = MemoryStore()
    applied = feed(store, log, batch=data.draw(st.sampled_from([1, 2, 7, 500])))
    assert sum(each.stored for each in applied) == len(events)
    verdict = verified(store)
    assert (verdict.hash, verdict.events) == (expected_hash(events, segments=RULES.segments), len(events))


@settings(max_examples=100, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_records_delivered_again_change_nothing(events: list[CleanEvent], chance: random.Random) -> None:
    store = MemoryStore()
    feed(store, events, batch=3)
    before = store.tables
    begin = chance.randrange(len(events))
    applied = feed(store, events[begin:], batch=2, first=begin)
    assert sum(each.skipped for each in applied) == len(events) - begin
    assert store.tables == before


def test_all_orders_of_links_between_six_identifiers_make_one_customer() -> None:
    names = [Identifier(kind, "+84901234567") for kind in STRENGTH[1:7]]
    chain = [
        CleanEvent(
            key=event_key("/t", str(n)),
            source="/t",
            id=str(n),
            type="t",
            channel="web",
            time=NOW,
            received=NOW,
            identifiers=(names[n], names[n + 1]),
            origin=f"t/0/{n}",
        )
        for n in range(5)
    ]
    hashes = set()
    for order in permutations(chain):
        store = MemoryStore()
        feed(store, order, batch=1)
        assert len(store.tables.portraits) == 1
        hashes.add(verified(store).hash)
    assert len(hashes) == 1


@settings(max_examples=100, deadline=None)
@given(stories())
def test_every_id_ever_given_out_leads_to_a_living_customer_and_the_oldest_survives(events: list[CleanEvent]) -> None:
    store, given_out = MemoryStore(), set()
    for number, event in enumerate(events):
        feed(store, [event], first=number)
        given_out |= set(store.tables.portraits)
    tables = store.tables
    for customer in given_out:
        living = tables.aliases.get(customer, customer)
        assert living in tables.portraits
        assert living <= customer
