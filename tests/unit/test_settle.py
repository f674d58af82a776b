"""What happens around settling: what is parked, postponed or judged before it was seen."""

from __future__ import annotations

from collections.abc import Sequence

from ops.verify import verify
from processors.settle import settle, settle_large
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Standing, parse_identifier
from schemas.judgements import Judgement, Kind
from sinks.memory import MemoryStore
from tests.property.test_identity import TIGHT, apply, assert_right, said, settle_all
from tests.stories import DAY, NOW, part

NARROW = TIGHT._replace(identity=TIGHT.identity._replace(largest=10))


def known(*names: str) -> list[Identifier]:
    return [parse_identifier(name) for name in names]


def put(store: MemoryStore, *events: CleanEvent, settled: bool = True) -> None:
    """Events one by one, settled after each."""
    for event in events:
        apply(store, [part([event], len(store.tables.events))], NARROW, NOW)
        if settled:
            settle_all(store, NARROW)


def chain(cards: int, first: int = 0) -> Sequence[CleanEvent]:
    """Cards that hang together by phones which each two of them share: a link in two is refused."""
    return [
        said(
            first + n,
            known(f"card_no:c{first + n // 2}", f"phone:+8490{first + (n + 1) // 2}"),
            NOW - (first + n) * DAY,
        )
        for n in range(2 * cards)
    ]


def parked(store: MemoryStore) -> set[str]:
    return {str(each.identifier) for each in store.tables.members.values() if each.standing is Standing.PARKED}


def test_events_that_waited_in_what_was_parked_are_counted_when_it_is_freed() -> None:
    store, events = MemoryStore(), [*chain(12)]
    put(store, *events)
    hub = next(iter(sorted(name for name in parked(store) if name.startswith("phone:"))))
    waiting = [said(100, known(hub, "zalo_id:z")), said(101, known("zalo_id:z"))]
    put(store, *waiting)
    blocked = Judgement(1, Kind.BLOCK, (parse_identifier(hub),))
    store.judge(blocked)
    settle_all(store, NARROW)
    assert_right(store, [*events, *waiting], [blocked], NARROW)


def test_a_judgement_about_somebody_does_not_free_what_others_are_parked_in() -> None:
    store = MemoryStore()
    put(store, *chain(12))
    before = parked(store)
    put(store, said(200, known("card_no:c500", "phone:+84777")))
    store.judge(Judgement(1, Kind.TRUST, (parse_identifier("phone:+84777"),)))
    store.tables.mark(known(min(before)))
    settle_all(store, NARROW)
    assert parked(store) == before


def test_a_value_that_was_blocked_before_it_was_seen_links_nobody() -> None:
    store, hotline = MemoryStore(), Judgement(1, Kind.BLOCK, (parse_identifier("phone:+842838"),))
    store.judge(hotline)
    settle_all(store, NARROW)
    events = [said(1, known("card_no:c1", "phone:+842838")), said(2, known("email:e1", "phone:+842838"))]
    put(store, *events)
    assert_right(store, events, [hotline], NARROW)
    assert len(store.tables.portraits) == 2


def test_what_was_postponed_and_came_to_be_too_large_is_parked() -> None:
    store = MemoryStore()
    put(store, *chain(3))
    store.tables.mark(known("card_no:c1"))
    store.tables.large.add(store.tables.marked)
    put(store, *chain(12, 3), settled=False)
    put(store, said(300, known("card_no:c2", "phone:+84903")), settled=False)
    assert settle_large(store, NARROW, NOW) == 1
    assert settle_large(store, NARROW, NOW) == 0
    while settle(store, NARROW, NOW):
        pass
    assert verify(store, rules=NARROW.identity).equal


def test_a_value_on_both_sides_of_a_judgement_is_torn_from_neither() -> None:
    store = MemoryStore()
    events = [said(1, known("card_no:c1", "phone:+84901")), said(2, known("card_no:c2"))]
    put(store, *events)
    apart = Judgement(
        1, Kind.APART, tuple(known("card_no:c1", "phone:+84901")), tuple(known("card_no:c2", "phone:+84901"))
    )
    store.judge(apart)
    settle_all(store, NARROW)
    assert sorted(len(portrait.identifiers) for portrait in store.tables.portraits.values()) == [1, 2]
    assert_right(store, events, [apart], NARROW)


def test_what_needs_too_many_events_together_is_settled_in_several_turns() -> None:
    store, events = MemoryStore(), [said(n, known(f"card_no:c{n % 4}", f"phone:+8490{n % 4}")) for n in range(12)]
    put(store, *events)
    apart = [
        Judgement(n + 1, Kind.APART, *((each,) for each in known(f"card_no:c{n}", f"phone:+8490{n}"))) for n in range(4)
    ]
    for judgement in apart:
        store.judge(judgement)
    turns = []
    while settled := settle(store, NARROW, NOW, most_events=4):  # each has three
        turns.append(settled)
    assert len(turns) > 1
    assert not store.tables.large
    assert_right(store, events, apart, NARROW)
