"""The links that events state."""

from __future__ import annotations

import itertools

import pytest

from processors.link import stated_links
from schemas.clean import CleanEvent
from schemas.identifiers import PERIOD_MS, SAME_EVENT, VERIFIED, Identifier, Link, earliest
from tests.stories import DAY, NOW, said

CARD, EMAIL, PHONE = Identifier("card_no", "K1"), Identifier("email", "an@x.vn"), Identifier("phone", "+84901")


def stated(*events: CleanEvent) -> list[Link]:
    """In the order of (a, b, rule), each under its own pair."""
    found = stated_links(events)
    assert all(pair == (link.a, link.b, link.rule) for pair, link in found.items())
    return [found[pair] for pair in sorted(found)]


@pytest.mark.parametrize("identifiers", [{}, {"phone": "+84901"}])
def test_an_event_of_one_identifier_or_of_none_states_no_link(identifiers: dict[str, str]) -> None:
    assert stated(said(1, identifiers)) == []


def test_an_event_links_its_strongest_identifier_with_each_of_its_others() -> None:
    event = said(1, {"phone": "+84901", "email": "an@x.vn", "card_no": "K1"})
    at = (NOW, event.key, SAME_EVENT, NOW // PERIOD_MS)
    assert stated(event) == [Link(CARD, EMAIL, *at), Link(CARD, PHONE, *at)]


def test_the_strongest_is_by_kind_and_not_by_text() -> None:
    event = said(1, {"device_id": "d", "zalo_id": "z"})
    assert [(link.a.kind, link.b.kind) for link in stated(event)] == [("zalo_id", "device_id")]


def test_of_two_values_of_one_kind_the_smaller_one_is_the_stronger_and_none_is_linked_with_itself() -> None:
    one = said(1, {"phone": "+84901"})
    two = CleanEvent(
        **{name: getattr(one, name) for name in one.__struct_fields__}
        | {"identifiers": (PHONE, PHONE, Identifier("phone", "+84902"))}
    )
    assert [(link.a.value, link.b.value) for link in stated(two)] == [("+84901", "+84902")]


def test_what_the_sender_verified_is_a_link_of_its_own_rule() -> None:
    event = said(1, {"card_no": "K1", "email": "an@x.vn", "phone": "+84901"}, verified=["phone"])
    assert [(link.b, link.rule) for link in stated(event)] == [(EMAIL, SAME_EVENT), (PHONE, VERIFIED)]
    typed = said(2, {"card_no": "K1", "phone": "+84901"})
    assert [(link.b, link.rule) for link in stated(event, typed)] == [
        (EMAIL, SAME_EVENT),
        (PHONE, SAME_EVENT),
        (PHONE, VERIFIED),
    ]


def test_that_the_strongest_itself_was_verified_makes_no_link_a_verified_one() -> None:
    event = said(1, {"email": "an@x.vn", "phone": "+84901"}, verified=["email"])
    assert [link.rule for link in stated(event)] == [SAME_EVENT]


def test_a_link_is_of_the_earliest_event_and_remembers_the_period_of_the_latest_in_whatever_order_they_come() -> None:
    names = {"card_no": "K1", "phone": "+84901"}
    events = [said(number, names, NOW - days * DAY) for number, days in enumerate((200, 10, 10, 90))]
    expected = [Link(CARD, PHONE, events[0].time, events[0].key, SAME_EVENT, events[1].time // PERIOD_MS)]
    for order in itertools.permutations(events):
        assert stated(*order) == expected


def test_of_events_of_one_instant_the_one_with_the_smaller_key_states_the_link() -> None:
    events = [said(number, {"card_no": "K1", "phone": "+84901"}) for number in range(6)]
    (link,) = stated(*events)
    assert link.key == min(event.key for event in events)


def test_links_of_two_batches_put_together_are_those_of_one() -> None:
    names = {"card_no": "K1", "phone": "+84901"}
    first = [said(number, names, NOW - days * DAY) for number, days in ((1, 50), (2, 300))]
    second = [said(number, names, NOW - days * DAY) for number, days in ((3, 400), (4, 90))]
    ((one,), (other,), (both,)) = stated(*first), stated(*second), stated(*first, *second)
    assert earliest(one, other) == earliest(other, one) == both
