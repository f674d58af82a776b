"""The laws of the fold."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.portray import NAMES_KEPT, fold, merge, summarise
from processors.relationship import KEPT
from schemas.clean import CleanEvent, Complaint, Purchase
from schemas.portrait import Portrait, canonical, decode, encode
from tests.stories import NOW, stories


def folded(events: list[CleanEvent], orders: set[str] | None = None) -> Portrait:
    portrait, seen = Portrait(), set() if orders is None else orders
    for event in events:
        purchase = event.purchase
        order = purchase.order_id if purchase is not None and purchase.amount >= 0 else None
        fold(portrait, event, new_order=order is None or order not in seen)
        if order is not None:
            seen.add(order)
    return portrait


@settings(max_examples=150, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_folding_is_commutative(events: list[CleanEvent], chance: object) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert canonical(folded(shuffled)) == canonical(folded(events))


@settings(max_examples=150, deadline=None)
@given(stories(), st.data())
def test_merging_two_folds_is_folding_both_in_either_direction(events: list[CleanEvent], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(events)))
    left_orders, right_orders = set[str](), set[str]()
    left, right = folded(events[:cut], left_orders), folded(events[cut:], right_orders)
    shared = len(left_orders & right_orders)
    one, other = copy.deepcopy(left), copy.deepcopy(right)
    merge(one, copy.deepcopy(right), shared_orders=shared)
    merge(other, copy.deepcopy(left), shared_orders=shared)
    assert canonical(one) == canonical(other) == canonical(folded(events))


@settings(max_examples=50, deadline=None)
@given(stories())
def test_a_portrait_survives_its_encoding(events: list[CleanEvent]) -> None:
    portrait = folded(events)
    assert decode(encode(portrait)) == portrait
    assert summarise(decode(encode(portrait)), "VND") == summarise(portrait, "VND")


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_names_beyond_the_bound_are_summed_as_the_rest_whatever_came_first(chance: object) -> None:
    events = [
        CleanEvent(
            key=f"{n:032x}",
            source="/t",
            id=str(n),
            type="t",
            channel="loyalty",
            time=NOW,
            received=NOW,
            purchase=Purchase(amount=1, currency="VND", base=1, categories={f"category {n % 400}": 1}, month="2025-09"),
        )
        for n in range(800)
    ]
    whole = folded(events)
    chance.shuffle(events)  # type: ignore[attr-defined]
    left, right = folded(events[:300]), folded(events[300:])
    merge(left, right, shared_orders=0)
    assert canonical(left) == canonical(whole)
    assert len(whole.categories) == NAMES_KEPT + 1
    assert sum(whole.categories.values()) == 800


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=200, max_size=200),
    st.randoms(use_true_random=False),
)
def test_of_more_complaints_than_are_kept_the_newest_are_kept_whatever_came_first(
    told: list[tuple[int, bool]], chance: object
) -> None:
    events = [
        CleanEvent(
            key=f"{n:032x}",
            source="/t",
            id=str(n),
            type="t",
            channel="service",
            time=NOW + n // 2,
            received=NOW,
            recorded=Complaint(f"k{complaint}", open=opened),
        )
        for n, (complaint, opened) in enumerate(told)
    ]
    latest: dict[str, tuple[int, bool, str]] = {}
    for event in events:
        assert isinstance(event.recorded, Complaint)
        stamp = (event.time, not event.recorded.open, event.key)
        latest[event.recorded.id] = max(latest.get(event.recorded.id, stamp), stamp)
    kept = sorted(latest, key=lambda each: latest[each], reverse=True)[:KEPT]
    chance.shuffle(events)  # type: ignore[attr-defined]
    whole = folded(events)
    assert {name: (time, value is None, key) for name, (value, time, key) in whole.complaints.items()} == {
        name: latest[name] for name in kept
    }
    left, right = folded(events[:70]), folded(events[70:])
    merge(right, left, shared_orders=0)
    assert canonical(right) == canonical(whole)
