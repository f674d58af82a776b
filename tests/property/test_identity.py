"""The laws of identity: who is who, why, and every portrait follow from the set of facts; how these came does not matter."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.verify import verify
from processors.apply import Rules
from processors.cluster import Partition, cluster
from processors.identity_rules import IdentityRules, identity_rules
from processors.refold import Observed
from processors.settle import settle, settle_large
from schemas.clean import CleanEvent, Purchase
from schemas.identifiers import Identifier, Standing, node_of
from schemas.identity import Refusal
from schemas.judgements import Judgement, Kind
from sinks.memory import MemoryStore
from sinks.memory_tables import Tables
from tests.stories import DAY, NOW, RULES, AheadFeed, apply, expected_hash, part
from tests.stories import said as said_plainly

_kinds = {
    kind: rule._replace(values=min(rule.values, 2), seen_with=3, window=None if rule.window is None else 90 * DAY)
    for kind, rule in identity_rules().kinds.items()
}
TIGHT: Rules = RULES._replace(identity=identity_rules()._replace(kinds=_kinds))
"""The rules that ship, with limits that a few events reach."""

POOL = [
    Identifier(kind, f"{kind[0]}{number}")
    for kind, many in (("card_no", 5), ("email", 3), ("phone", 4), ("zalo_id", 3), ("device_id", 3))
    for number in range(many)
] + [Identifier("anonymous_id", "guest")]


def said(number: int, identifiers: Sequence[Identifier], time: int = NOW, verified: Sequence[str] = ()) -> CleanEvent:
    """An event of these identifiers, at most one of each kind, by somebody who has a name and now and then buys."""
    return msgspec.structs.replace(
        said_plainly(number, {each.kind: each.value for each in identifiers}, time, verified),
        traits={"full_name": f"An {number % 3}"},
        purchase=Purchase(1000, "VND", 1000, order_id=f"o{number % 4}") if number % 2 else None,
    )


@st.composite
def crowds(draw: Any) -> list[CleanEvent]:
    """Events of people who share what people share."""
    return [
        said(
            number,
            draw(st.lists(st.sampled_from(POOL), min_size=1, max_size=3)),
            NOW - draw(st.integers(0, 40)) * 30 * DAY,
            ["phone"] if draw(st.integers(0, 5)) == 0 else (),
        )
        for number in range(draw(st.integers(1, 18)))
    ]


_sides = st.lists(st.sampled_from(POOL[:-1]), min_size=1, max_size=2, unique=True).map(tuple)


@st.composite
def decisions(draw: Any) -> list[Judgement]:
    """What people decided."""
    found = []
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(Kind))
        left = draw(_sides)
        right = draw(_sides) if kind in (Kind.JOIN, Kind.APART) else ()
        found.append(Judgement(number + 1, kind, left, tuple(each for each in right if each not in left)))
    return found


def facts(events: Sequence[CleanEvent], judgements: Sequence[Judgement], rules: IdentityRules) -> Partition:
    observed = Observed()
    for event in events:
        observed.add(event)
    return cluster(observed.facts(judgements), rules)


def stored(store: MemoryStore, judgement: Judgement) -> bool:
    """Whether all that a judgement names is stored: people judge what they see."""
    return all(node_of(each) in store.tables.members for each in judgement.named)


def settle_all(store: MemoryStore, rules: Rules, most_events: int | None = None) -> None:
    """Settle until nothing is left: in the stream, and beside it what needs more than `most_events`."""
    while settle(store, rules, NOW, most_events=most_events) or settle_large(store, rules, NOW):
        pass


def reasons(tables: Tables) -> dict[tuple[Identifier, Identifier], Refusal]:
    return {pair: why for pair, why in tables.refused.items() if why.code != "quarantined"}


def assert_right(
    store: MemoryStore, events: Sequence[CleanEvent], judgements: Sequence[Judgement], rules: Rules
) -> None:
    """The store is what all its facts say: same partition, same reasons, same portraits."""
    verdict = verify(store, rules=rules.identity)
    assert verdict.equal, verdict.differences
    assert verdict.hash == expected_hash(events, judgements, rules.identity)
    partition = facts(events, judgements, rules.identity)
    known = {pair: why for pair, why in partition.refused.items() if why.code != "quarantined"}
    assert reasons(store.tables) == known
    quarantined = {member.identifier: member.why for member in store.tables.members.values() if member.why}
    assert quarantined == partition.quarantined
    for alias, customer in store.tables.aliases.items():
        assert customer in store.tables.portraits
        assert alias not in store.tables.portraits
        assert customer < alias
    assert set(store.tables.anchors) >= {*store.tables.portraits, *store.tables.aliases}


@settings(max_examples=300, deadline=None)
@given(
    crowds(),
    decisions(),
    st.randoms(use_true_random=False),
    st.sampled_from([1, 2, 5, 50]),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_any_order_and_any_batches_give_the_same_customers_for_the_same_reasons(
    events: list[CleanEvent],
    judgements: list[Judgement],
    chance: random.Random,
    batch: int,
    at_once: bool,
    most_events: int | None,
) -> None:
    log = events + [event for event in events if chance.random() < 0.2]
    chance.shuffle(log)
    store = MemoryStore()
    known = {identifier for event in events for identifier in event.identifiers}
    judgements = [each for each in judgements if known.issuperset(each.named)]
    waiting = list(judgements)
    for at in range(0, len(log), batch):
        apply(store, [part(log[at : at + batch], at)], TIGHT, NOW)
        if at_once or chance.random() < 0.5:
            settle_all(store, TIGHT, most_events)
        if waiting and chance.random() < 0.3 and stored(store, waiting[-1]):
            store.judge(waiting.pop())
    for judgement in waiting:
        store.judge(judgement)
    settle_all(store, TIGHT, most_events)
    assert_right(store, events, judgements, TIGHT)


@settings(max_examples=150, deadline=None)
@given(crowds(), st.randoms(use_true_random=False), st.sampled_from([1, 3]))
def test_batches_decided_ahead_beside_the_settling_give_the_same(
    events: list[CleanEvent], chance: random.Random, batch: int
) -> None:
    store = MemoryStore()
    worker = AheadFeed(store, events, batch=batch, rules=TIGHT, settling=lambda: chance.random() < 0.5)
    while not worker.done:
        worker.step()
    settle_all(store, TIGHT)
    assert_right(store, events, [], TIGHT)


@settings(max_examples=150, deadline=None)
@given(crowds(), decisions(), st.randoms(use_true_random=False))
def test_a_judgement_undone_is_as_if_it_had_never_been(
    events: list[CleanEvent], judgements: list[Judgement], chance: random.Random
) -> None:
    store = MemoryStore()
    apply(store, [part(events, 0)], TIGHT, NOW)
    for judgement in judgements:
        if stored(store, judgement):
            store.judge(judgement)
            if chance.random() < 0.5:
                settle_all(store, TIGHT)
    for judgement in list(store.tables.judgements):
        store.undo(judgement.number)
        if chance.random() < 0.5:
            settle_all(store, TIGHT)
    settle_all(store, TIGHT)
    assert_right(store, events, [], TIGHT)


def test_what_is_parked_is_served_as_it_was_until_a_person_decides() -> None:
    narrow = TIGHT._replace(identity=TIGHT.identity._replace(largest=10))
    chain = [
        said(n, [Identifier("card_no", f"c{n // 2}"), Identifier("phone", f"+8490{(n + 1) // 2}")], NOW - n * DAY)
        for n in range(24)
    ]
    store = MemoryStore()
    for number, event in enumerate(chain):
        apply(store, [part([event], number)], narrow, NOW)
        settle_all(store, narrow)
    parked = [member for member in store.tables.members.values() if member.standing is Standing.PARKED]
    assert parked
    assert {review.kind for review in store.tables.reviews} >= {"too_large"}
    assert verify(store, rules=narrow.identity).equal
    blocked = Judgement(1, Kind.BLOCK, (Identifier("phone", "+84906"),))
    store.judge(blocked)
    settle_all(store, narrow)
    assert not [member for member in store.tables.members.values() if member.standing is Standing.PARKED]
    assert_right(store, chain, [blocked], narrow)


@pytest.mark.parametrize("seen", [4, 3])
def test_who_is_seen_with_many_that_stand_for_nobody_comes_to_stand_for_nobody(seen: int) -> None:
    phones = [Identifier("phone", f"p{n}") for n in range(4)]
    said_of = [(Identifier("card_no", f"{phone.value}-{n}"), phone) for phone in phones for n in range(4)]
    said_of += [(Identifier("card_no", "till"), phone) for phone in (*phones[:seen], Identifier("phone", "own"))[:4]]
    events = [said(number, pair) for number, pair in enumerate(said_of)]
    for batch in (1, len(events)):
        store = MemoryStore()
        for at in range(0, len(events), batch):
            apply(store, [part(events[at : at + batch], at)], TIGHT, NOW)
            settle_all(store, TIGHT)
        assert_right(store, events, [], TIGHT)
        assert Identifier("card_no", "till") in facts(events, [], TIGHT.identity).quarantined
