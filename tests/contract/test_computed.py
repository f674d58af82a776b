"""What jobs compute of customers decides segments, in every profile store alike, wherever a customer is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from ops.verify import verify
from processors.apply import Rules
from processors.evaluate import refresh
from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.rules import read_family
from schemas.clean import CleanEvent
from schemas.computed import NOTHING, Computed
from schemas.ids import event_key
from sinks.memory import MemoryStore
from sinks.store import Partition
from tests.contract.conftest import MakeStore
from tests.contract.test_sweep import bought, moved, swept
from tests.stories import LIFECYCLE, NOW, RULES, AheadFeed, apply, feed, part, said

NOVEL = read_family(
    """
family: novel
about: Who is asked to try things.
version: 3
choose: every
segments:
  - {segment: tries, about: Buys early what is new., when: 'adopter_group == "early_adopter"'}
  - {segment: pays, about: Pays a lot next., when: p_alive >= 0.5 && purchases_90d > 1.5 && value_90d >= 500}
  - {segment: among_the_best, about: Of the best., when: value_top_percent <= 10 && !in_segment("past")}
""",
    "novel.yaml",
)
MINE = RULES._replace(segments=Catalogue([*LIFECYCLE.families, NOVEL], LIFECYCLE.zone))
EARLY = Computed(adopter_group="early_adopter")
GOOD = Computed("laggard", 0.5, 1.6, 500, 10)
OTHER = Partition("events.valid", 1)
ID = "00000000-0000-0000-0000-000000000000"


def compute(store: Any, said_of: Mapping[str, Computed], now: int = NOW) -> None:
    """What the jobs do: let this stand with customers, and let them be due."""
    with store.transaction() as tx:
        if isinstance(store, MemoryStore):
            tx._tables.computed.update(said_of)
        else:
            for customer, computed in said_of.items():
                tx._at.execute(
                    "update portrait.customers set adopter_group = %s, p_alive = %s, purchases_90d = %s, value_90d = %s, "
                    "value_top_percent = %s where id = %s",
                    (*computed, customer),
                )
        tx.bring_forward(dict.fromkeys(said_of, now))


def first_of_all(store: Any, customers: Sequence[str]) -> None:
    """What a job does besides, when it says something of somebody for the first time who did nothing lately."""
    with store.transaction() as tx:
        if isinstance(store, MemoryStore):
            tx._tables.backfills = {*tx._tables.backfills, *customers}
        else:
            tx._at.execute(
                "update portrait.customers set due_backfill = true where id = any (%s::uuid[])", (list(customers),)
            )


def listed(store: Any) -> dict[str, tuple[tuple[str, ...], Computed]]:
    """Customer → its segments, and what was computed of it."""
    with store.transaction() as tx:
        return {each.customer: (each.segments, each.computed) for each in tx.customers_after(ID, 1_000)}


def one(store: Any) -> tuple[str, tuple[str, ...], Computed]:
    ((customer, (segments, computed)),) = listed(store).items()
    return customer, segments, computed


def shop(store: Any, *events: CleanEvent, rules: Rules = MINE) -> str:
    """The customer of whom all these events are."""
    feed(store, events or [bought(1, 100)], rules=rules)
    return one(store)[0]


def test_what_was_computed_moves_the_customer_when_it_is_due_and_says_why(new_store: MakeStore) -> None:
    store: Any = new_store()
    customer = shop(store)
    assert one(store) == (customer, ("new",), NOTHING)
    compute(store, {customer: EARLY})
    assert one(store)[1] == ("new",)
    assert refresh(store, MINE, NOW) == 1
    assert one(store) == (customer, ("new", "tries"), EARLY)
    compute(store, {customer: GOOD})
    assert refresh(store, MINE, NOW) == 1
    assert one(store) == (customer, ("new", "pays", "among_the_best"), GOOD)
    assert refresh(store, MINE, NOW) == 0
    told = moved(store)[1:]
    assert told[:2] == [("tries", "entered", 3, False), ("tries", "left", 3, False)]
    assert sorted(told[2:]) == [("among_the_best", "entered", 3, False), ("pays", "entered", 3, False)]
    assert sorted(reasons(store)[-2:]) == [
        "p_alive >= 0.5 && purchases_90d > 1.5 && value_90d >= 500 (p_alive is 0.5, purchases_90d is 1.6, value_90d is 500)",
        'value_top_percent <= 10 && !in_segment("past") (value_top_percent is 10)',
    ]
    assert verify(store, segments=MINE.segments, now=NOW).equal


def reasons(store: Any) -> list[str]:
    if isinstance(store, MemoryStore):
        return [move.reason for move in store.tables.moves]
    with store.transaction() as tx:
        tx._at.execute("select reason from portrait.segment_changes order by id")
        return [reason for (reason,) in tx._at.fetchall()]


@pytest.mark.parametrize("ahead", [False, True])
def test_events_that_come_later_leave_it_as_it_is(new_store: MakeStore, ahead: bool) -> None:
    store: Any = new_store()
    customer = shop(store)
    compute(store, {customer: EARLY})
    refresh(store, MINE, NOW)
    before = len(moved(store))
    events = [said(number, {"card_no": "C1"}) for number in range(10, 16)]
    if ahead:  # each but the first is decided over the one before it, which is not written yet
        worker = AheadFeed(store, events, batch=1, log=OTHER, rules=MINE)
        while not worker.done:
            worker.step()
        assert (worker.stale, worker.failed) == (0, [])
    else:
        apply(store, [part(events, 1)], MINE, NOW)
    assert one(store) == (customer, ("new", "tries"), EARLY)
    assert moved(store)[before:] == []
    assert verify(store, segments=MINE.segments, now=NOW).equal


@pytest.mark.parametrize("ahead", [False, True])
def test_an_event_sees_at_once_what_was_computed_and_the_change_is_told_once(new_store: MakeStore, ahead: bool) -> None:
    store: Any = new_store()
    customer = shop(store)
    compute(store, {customer: EARLY})
    if ahead:
        worker = AheadFeed(store, [said(9, {"card_no": "C1"})], batch=1, log=OTHER, rules=MINE)
        while not worker.done:
            worker.step()
    else:
        apply(store, [part([said(9, {"card_no": "C1"})], 1)], MINE, NOW)
    assert one(store)[1] == ("new", "tries")
    refresh(store, MINE, NOW)
    assert moved(store)[1:] == [("tries", "entered", 3, False)]


def test_what_is_computed_while_a_batch_is_decided_ahead_is_seen_soon_after(new_store: MakeStore) -> None:
    store: Any = new_store()
    customer = shop(store)
    worker = AheadFeed(store, [said(9, {"card_no": "C1"})], batch=1, log=OTHER, rules=MINE)
    worker.step()  # decided by what was known then
    compute(store, {customer: EARLY})
    worker.step()
    assert worker.done
    assert one(store) == (customer, ("new",), EARLY)
    assert verify(store, segments=MINE.segments, now=NOW).equal, "who is due is not compared"
    assert refresh(store, MINE, NOW) == 1
    assert one(store) == (customer, ("new", "tries"), EARLY)


def test_who_was_looked_at_after_a_batch_was_decided_is_decided_anew(new_store: MakeStore) -> None:
    """Neither the batch nor what was computed makes a member alone: looking at the customer in between changes no segment."""
    both = read_family(
        """
family: both
about: Two conditions.
version: 1
choose: every
segments:
  - {segment: both, about: Both hold., when: 'adopter_group == "early_adopter" && orders >= 2'}
""",
        "both.yaml",
    )
    mine = RULES._replace(segments=Catalogue([*LIFECYCLE.families, both], LIFECYCLE.zone))
    store: Any = new_store()
    customer = shop(store, rules=mine)
    again = msgspec.structs.replace(
        bought(1, 100), key=event_key("/s", "again"), id="again", origin="events.social/0/9"
    )
    worker = AheadFeed(store, [again], batch=1, log=OTHER, rules=mine)
    worker.step()
    compute(store, {customer: EARLY})
    assert refresh(store, mine, NOW) == 1
    assert one(store)[1] == ("new",)
    worker.step()
    assert one(store)[1] == ("new", "both")
    assert verify(store, segments=mine.segments, now=NOW).equal


def test_new_rules_see_it(new_store: MakeStore) -> None:
    store: Any = new_store()
    customer = shop(store, rules=RULES)
    compute(store, {customer: EARLY})
    refresh(store, RULES, NOW)
    assert one(store)[1] == ("new",)
    swept(store, MINE)
    assert one(store)[1] == ("new", "tries")
    assert moved(store)[-1] == ("tries", "entered", 3, True)


def test_who_is_made_of_two_customers_keeps_what_was_computed_of_the_survivor(new_store: MakeStore) -> None:
    store: Any = new_store()
    feed(store, [bought(1, 100), said(2, {"email": "kh@example.vn"})], batch=1, rules=MINE)
    survivor, other = listed(store)
    compute(store, {survivor: EARLY, other: GOOD})
    while refresh(store, MINE, NOW):
        pass
    assert {customer: (names[1:], computed) for customer, (names, computed) in listed(store).items()} == {
        survivor: (("tries",), EARLY),
        other: (("pays", "among_the_best"), GOOD),
    }
    feed(store, [said(9, {"card_no": "C1", "email": "kh@example.vn"})], first=2, rules=MINE)
    assert listed(store) == {survivor: (("new", "tries"), EARLY)}
    assert verify(store, segments=MINE.segments, now=NOW).equal


def test_a_difference_is_found_and_the_hash_does_not_depend_on_when_jobs_ran(new_store: MakeStore) -> None:
    store: Any = new_store()
    customer = shop(store)
    before = verify(store, segments=MINE.segments, now=NOW)
    compute(store, {customer: EARLY})
    refresh(store, MINE, NOW)
    after = verify(store, segments=MINE.segments, now=NOW)
    assert (after.equal, after.hash) == (True, before.hash)
    compute(store, {customer: NOTHING}, NOW + 1)
    found = verify(store, segments=MINE.segments, now=NOW)
    assert found.differences == [f"customer {customer}: in tries too many, not in nothing"]


def test_the_families_that_ship_are_decided_by_it(new_store: MakeStore) -> None:
    store: Any = new_store()
    shipped = RULES._replace(segments=shipped_catalogue())
    customer = shop(store, rules=shipped)
    before = one(store)[1]
    compute(store, {customer: Computed("innovator", 0.49, 0.9, 200_000, 50)})
    refresh(store, shipped, NOW)
    assert {*one(store)[1]} - {*before} == {"innovator", "motive_novelty", "likely_gone", "predicted_medium"}


def test_what_is_said_of_somebody_for_the_first_time_is_told_as_a_backfill_once(new_store: MakeStore) -> None:
    store: Any = new_store()
    customer = shop(store)
    compute(store, {customer: EARLY})
    first_of_all(store, [customer])
    refresh(store, MINE, NOW)
    compute(store, {customer: NOTHING})
    refresh(store, MINE, NOW)
    assert [(segment, action, backfill) for segment, action, _, backfill in moved(store)[-2:]] == [
        ("tries", "entered", True),
        ("tries", "left", False),
    ]


def test_an_event_in_between_does_not_make_a_backfill_of_it(new_store: MakeStore) -> None:
    store: Any = new_store()
    customer = shop(store)
    compute(store, {customer: EARLY})
    first_of_all(store, [customer])
    apply(store, [part([said(9, {"card_no": "C1"})], 1)], MINE, NOW)
    assert moved(store)[-1] == ("tries", "entered", 3, False)
    refresh(store, MINE, NOW)
    assert moved(store)[-1] == ("tries", "entered", 3, False)
