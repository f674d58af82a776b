"""The laws of deciding ahead: it gives what one batch after the other gives, and whoever comes in between is noticed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.verify import verify
from processors.apply import apply
from processors.settle import settle
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from sinks.memory import MemoryStore
from sinks.store import Partition
from tests.property.test_identity import said
from tests.stories import DAY, NOW, RULES, AheadFeed, expected_hash, feed, interaction, part, stories, verified

OTHER, THIRD = Partition("events.valid", 1), Partition("events.valid", 2)


@settings(max_examples=100, deadline=None)
@given(stories(24), st.randoms(use_true_random=False), st.sampled_from([1, 2, 3, 7]))
def test_batches_decided_ahead_give_the_store_that_one_after_the_other_gives(
    events: list[CleanEvent], chance: random.Random, batch: int
) -> None:
    log = events + [event for event in events if chance.random() < 0.4]
    chance.shuffle(log)
    plain, ahead = MemoryStore(), MemoryStore()
    feed(plain, log, batch=batch)
    worker = AheadFeed(ahead, log, batch=batch)
    while not worker.done:
        worker.step()
    assert worker.stale == 0 or ahead.tables.marked
    assert verified(ahead).hash == verified(plain).hash == expected_hash(events, segments=RULES.segments)
    assert ahead.tables.links == plain.tables.links
    assert ahead.tables.duplicates == plain.tables.duplicates
    assert ahead.tables.positions == plain.tables.positions
    assert {*ahead.tables.members} == {*plain.tables.members}
    assert ahead.tables.refused == plain.tables.refused


@settings(max_examples=100, deadline=None)
@given(stories(24), st.randoms(use_true_random=False), st.sampled_from([1, 2, 5]))
def test_two_workers_that_decide_ahead_at_the_same_customers_notice_each_other(
    events: list[CleanEvent], chance: random.Random, batch: int
) -> None:
    store = MemoryStore()
    cut = chance.randrange(len(events) + 1)
    interleave(store, events[:cut], events[cut:], chance, batch)
    assert verified(store).hash == expected_hash(events, segments=RULES.segments)


@pytest.mark.parametrize("confirm", [True, False])
def test_two_workers_that_decided_about_one_customer_at_once_are_told_apart_by_confirming(confirm: bool) -> None:
    store = MemoryStore()
    first, second, third = (interaction(number, "A") for number in range(3))
    feed(store, [first], batch=1)
    one, other = AheadFeed(store, [second], batch=1, log=OTHER), AheadFeed(store, [third], batch=1, log=THIRD)
    for worker in (one, other, one, other):
        worker.step(confirm)
    assert (one.stale, other.stale) == (0, int(confirm))
    assert verify(store).equal is confirm


class Overtaken(MemoryStore):
    """While a decision is made ahead, somebody settles what is marked."""

    def committed(self) -> Any:
        committed: Any = super().committed()
        asked = committed.customers_of

        def customers_of(identifiers: Any) -> Any:
            found = asked(identifiers)
            settle(self, RULES, NOW)
            return found

        committed.customers_of = customers_of
        return committed


@pytest.mark.parametrize("more", [[], [Identifier("email", "kh@example.vn")]])
def test_who_is_settled_between_two_questions_is_noticed(more: list[Identifier]) -> None:
    mine, other, phone = Identifier("card_no", "A"), Identifier("card_no", "B"), Identifier("phone", "+84901")
    tablet = Identifier("device_id", "tablet")
    events = [
        said(0, [mine, phone, tablet]),
        said(1, [other]),
        said(2, [other, phone], NOW - DAY),
        said(3, [phone, *more]),
    ]
    store = Overtaken()
    for number, event in enumerate(events[:3]):
        apply(store, [part([event], number)], RULES, NOW)
    assert store.tables.marks
    worker = AheadFeed(store, events[3:], batch=1, log=OTHER)
    while not worker.done:
        worker.step()
    assert verified(store).hash == expected_hash(events, segments=RULES.segments)


def interleave(store: MemoryStore, left: Any, right: Any, chance: random.Random, batch: int) -> None:
    """Two workers take steps in turns that chance decides."""
    workers = [AheadFeed(store, left, batch=batch), AheadFeed(store, right, batch=batch, log=OTHER)]
    while waiting := [worker for worker in workers if not worker.done]:
        chance.choice(waiting).step()
