"""What every profile store promises. Each test runs on the store in memory and on PostgreSQL."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.apply import apply
from processors.evaluate import refresh
from schemas.clean import CleanEvent, Purchase
from schemas.identifiers import Identifier
from schemas.ids import event_key
from schemas.rejected import DeadLetter
from sinks.memory import MemoryStore
from sinks.store import Gap, Partition, Refused, Store
from tests.contract.conftest import MakeStore
from tests.stories import DAY, LOG, NOW, RULES, AheadFeed, feed, part, stories, verified

OTHER = Partition("events.valid", 1)


def event(
    number: int,
    *identifiers: str,
    time: int = NOW - DAY,
    order: str | None = None,
    amount: int | None = None,
    **more: Any,
) -> CleanEvent:
    named = tuple(sorted(Identifier(*each.split(":", 1)) for each in identifiers))
    purchase = None
    if amount is not None:
        purchase = Purchase(amount=amount, currency="VND", base=amount, order_id=order, month="2025-10")
    return CleanEvent(
        key=event_key("/s", str(number)),
        source="/s",
        id=str(number),
        type="loyalty.card_scanned.v1",
        channel="loyalty",
        time=time,
        received=NOW,
        identifiers=named,
        purchase=purchase,
        origin=f"events.loyalty/0/{number}",
        **more,
    )


def customers(store: Store) -> dict[str, Any]:
    with store.snapshot() as snapshot:
        return {each.customer: each.portrait for each in snapshot.served()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories(), st.randoms(use_true_random=False), st.sampled_from([1, 3, 500]))
def test_a_store_equals_the_fold_of_its_events_and_all_stores_agree(
    new_store: MakeStore, events: list[CleanEvent], chance: random.Random, batch: int
) -> None:
    log = events + [each for each in events if chance.random() < 0.3]
    chance.shuffle(log)
    store, plain = new_store(), MemoryStore()
    feed(store, log, batch=batch)
    feed(plain, events)
    assert verified(store).hash == verified(plain).hash


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories(20), st.randoms(use_true_random=False), st.sampled_from([1, 2, 5]))
def test_two_workers_that_decide_ahead_give_the_store_that_one_after_the_other_gives(
    new_store: MakeStore, events: list[CleanEvent], chance: random.Random, batch: int
) -> None:
    store, plain = new_store(), MemoryStore()
    cut = chance.randrange(len(events) + 1)
    log = events[cut:] + [each for each in events[cut:] if chance.random() < 0.3]
    workers = [AheadFeed(store, events[:cut], batch=batch), AheadFeed(store, log, batch=batch, log=OTHER)]
    while waiting := [worker for worker in workers if not worker.done]:
        chance.choice(waiting).step()
    feed(plain, events)
    assert verified(store).hash == verified(plain).hash


def test_an_order_id_counts_once_for_a_customer_across_batches_merges_and_returns(new_store: MakeStore) -> None:
    store = new_store()
    feed(store, [event(1, "card_no:A", order="b1", amount=100), event(2, "card_no:A", order="b1", amount=50)])
    feed(store, [event(3, "card_no:A", order="b1", amount=25), event(4, "phone:+84901", order="b1", amount=5)], first=2)
    feed(store, [event(5, "phone:+84901", order="b2", amount=5), event(6, "card_no:A", amount=-25)], first=4)
    assert sorted((each.orders, each.revenue) for each in customers(store).values()) == [(1, 150), (2, 10)]
    feed(store, [event(7, "card_no:A", "phone:+84901", order="b2", amount=1)], first=6)
    (portrait,) = customers(store).values()
    assert (portrait.orders, portrait.revenue, portrait.returns, portrait.purchases) == (2, 161, 1, 6)
    verified(store)


def test_three_customers_that_share_an_order_become_one_with_one_order(new_store: MakeStore) -> None:
    store = new_store()
    names = ["card_no:A", "email:b@x.vn", "zalo_id:c"]
    feed(store, [event(n, name, order="b1", amount=10) for n, name in enumerate(names)])
    feed(store, [event(9, *names)], first=3)
    (portrait,) = customers(store).values()
    assert (portrait.orders, portrait.revenue) == (1, 30)
    verified(store)


def test_the_oldest_customer_survives_a_merge_and_the_others_lead_to_it(new_store: MakeStore) -> None:
    store = new_store()
    ids = iter(["0199-c", "0199-a", "0199-b"] if isinstance(store, MemoryStore) else [])

    def new_id() -> str:
        return next(ids)

    if isinstance(store, MemoryStore):
        for number, name in enumerate(["card_no:A", "email:b@x.vn", "zalo_id:c"]):
            apply(store, [part([event(number, name)], number)], RULES, NOW, new_id)
        feed(store, [event(5, "card_no:A", "email:b@x.vn")], first=3)
        feed(store, [event(6, "zalo_id:c", "card_no:A")], first=4)
        assert store.tables.aliases == {"0199-c": "0199-a", "0199-b": "0199-a"}
    else:
        for number, name in enumerate(["card_no:A", "email:b@x.vn", "zalo_id:c"]):
            feed(store, [event(number, name)], first=number)
        oldest = min(customers(store))
        feed(store, [event(5, "email:b@x.vn", "zalo_id:c")], first=3)
        feed(store, [event(6, "zalo_id:c", "card_no:A")], first=4)
        assert list(customers(store)) == [oldest]
    verified(store)


def test_a_zombie_that_applies_an_old_batch_again_writes_nothing(new_store: MakeStore) -> None:
    store = new_store()
    batch = [part([event(1, "card_no:A", amount=10)], 0)]
    assert apply(store, batch, RULES, NOW) == (1, 0, 0)
    assert apply(store, batch, RULES, NOW) == (0, 0, 1)
    assert [each.revenue for each in customers(store).values()] == [10]


def test_a_batch_that_is_partly_applied_is_finished(new_store: MakeStore) -> None:
    store = new_store()
    events = [event(number, "card_no:A", amount=1) for number in range(10)]
    feed(store, events[:6])
    assert apply(store, [part(events, 0)], RULES, NOW) == (4, 0, 6)
    assert [each.revenue for each in customers(store).values()] == [10]


def test_a_gap_in_the_log_is_never_passed_over(new_store: MakeStore) -> None:
    store = new_store()
    feed(store, [event(1, "card_no:A")])
    with pytest.raises(Gap, match="offsets 1 to 4 are missing"):
        feed(store, [event(2, "card_no:A")], first=5)
    assert store.positions([LOG]) == {LOG: 1}


def test_an_error_in_a_batch_leaves_no_trace_of_it(new_store: MakeStore) -> None:
    store = new_store()
    feed(store, [event(1, "card_no:A")])

    def no_id() -> str:
        raise RuntimeError("no id today")

    with pytest.raises(RuntimeError):
        apply(store, [part([event(2, "card_no:A", amount=5), event(3, "card_no:NEW")], 1)], RULES, NOW, no_id)
    assert [(each.events, each.revenue) for each in customers(store).values()] == [(1, 0)]
    assert store.positions([LOG]) == {LOG: 1}


def test_several_partitions_move_together(new_store: MakeStore) -> None:
    store = new_store()
    apply(store, [part([event(1, "card_no:A")], 0), part([event(2, "card_no:A")], 0, OTHER)], RULES, NOW)
    assert store.positions([LOG, OTHER, Partition("events.valid", 2)]) == {LOG: 1, OTHER: 1}
    assert [each.events for each in customers(store).values()] == [2]


def test_events_of_nobody_are_kept_and_belong_to_no_customer(new_store: MakeStore) -> None:
    store = new_store()
    assert feed(store, [event(1, amount=10), event(2, amount=20)]) == [(2, 0, 0)]
    assert customers(store) == {}
    with store.snapshot() as snapshot:
        assert [customer for customer, *_ in snapshot.events_by_customer()] == [None, None]
    verified(store)


def test_dead_letters_are_kept_once_each(new_store: MakeStore) -> None:
    store = new_store()
    letter = DeadLetter(
        origin="events.web/0/7", reason="not_json", path="$", message="no", rejected_at=NOW, payload="bm9wZQ=="
    )
    rejected = Partition("events.rejected", 0)
    for first in (0, 1):
        batch = part([], first, rejected)._replace(letters=[(first, letter)])
        apply(store, [batch._replace(span=batch.span._replace(end=first + 1))], RULES, NOW)
    assert store.positions([rejected]) == {rejected: 2}


def test_time_alone_moves_a_customer_from_segment_to_segment(new_store: MakeStore) -> None:
    store = new_store()
    feed(store, [event(1, "card_no:A", time=NOW, amount=10)], now=NOW)

    def lifecycle(now: int) -> tuple[str, ...]:
        while refresh(store, RULES, now):
            pass
        with store.transaction() as tx:
            (customer,) = customers(store)
            assert tx.hold({}, [customer], [])
            return tx.segments([customer])[customer]

    assert [lifecycle(NOW + days * DAY) for days in (0, 30, 31, 89, 90, 179, 180)] == [
        ("new",),
        ("new",),
        ("current",),
        ("current",),
        ("at_risk",),
        ("at_risk",),
        ("past",),
    ]


@pytest.mark.parametrize(
    "hostile", ["a'b", 'a"b', "a\\b", "a\tb", "a\nb", "{a,b}", "NULL", "\\N", "Đặng Thị Ổn", "𝒳", "%s"]
)
def test_text_of_any_kind_comes_back_as_it_was(new_store: MakeStore, hostile: str) -> None:
    store = new_store()
    told = event(1, f"zalo_id:{hostile}", amount=5, order=hostile, traits={"full_name": hostile})
    feed(store, [told, event(2, f"zalo_id:{hostile}", amount=5, order=hostile)], batch=1)
    (portrait,) = customers(store).values()
    assert (portrait.orders, portrait.traits["full_name"][0], list(portrait.identifiers)) == (
        1,
        hostile,
        [f"zalo_id:{hostile}"],
    )
    verified(store)


def test_what_the_database_cannot_hold_is_refused_and_not_retried(new_store: MakeStore) -> None:
    store = new_store()
    if isinstance(store, MemoryStore):
        pytest.skip("memory holds everything")
    with pytest.raises(Refused):
        feed(store, [event(1, "zalo_id:a\0b")])
    with pytest.raises(Refused):
        feed(store, [event(1, "zalo_id:a", traits={"birthday": "1990-02-31"})])
    assert store.positions([LOG]) == {}
