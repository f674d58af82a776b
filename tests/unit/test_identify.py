"""Who the events of a batch are about, by what the store says of the identifiers that they name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from processors.identify import Asked, Identity, identify
from processors.identity_rules import identity_rules
from processors.link import stated_links
from schemas.clean import CleanEvent
from schemas.identifiers import UNPLACED, Identifier, Known, Link, Pair, Standing, node_of, parse_identifier
from tests.stories import DAY, NOW, said

RULES = identity_rules()


class Stored:
    """What is stored: of each identifier its customer and standing, `None` where no event is its own; and links."""

    def __init__(
        self,
        known: Mapping[str, tuple[str | None, Standing] | str] | None = None,
        links: Collection[Link] = (),
    ) -> None:
        self.known = {
            parse_identifier(name): Known(one, Standing.PLAIN) if isinstance(one, str) else Known(*one)
            for name, one in (known or {}).items()
        }
        self.links = {(link.a, link.b, link.rule): link for link in links}
        self.asked: list[str] = []

    def kin(self, customers: Collection[str]) -> dict[str, list[Identifier]]:
        self.asked.append("kin")
        found: dict[str, list[Identifier]] = {}
        for identifier, known in self.known.items():
            if known.customer in customers:
                found.setdefault(known.customer or "", []).append(identifier)
        return found

    def recorded(self, pairs: Collection[Pair]) -> dict[Pair, Link]:
        self.asked.append("recorded")
        return {pair: self.links[pair] for pair in pairs if pair in self.links}


def identified(stored: Stored, *events: CleanEvent) -> Identity:
    """New customers are n1, n2, …: younger than those that are stored, which tests call c1, c2."""
    named = {identifier for event in events for identifier in event.identifiers}
    known = {identifier: one for identifier, one in stored.known.items() if identifier in named}
    ids = (f"n{number}" for number in range(1, 99))
    return identify(known, events, RULES, Asked(stored.kin, stored.recorded), lambda: next(ids))


def names(identifiers: Collection[Identifier]) -> list[str]:
    return sorted(map(str, identifiers))


def assigned(identity: Identity) -> dict[str, tuple[str | None, str]]:
    return {str(each): (known.customer, known.standing.name) for each, known in identity.assigned.items()}


def node(name: str, since: int = 0) -> str:
    return node_of(parse_identifier(name), since)


def contested(customer: str) -> tuple[str, Standing]:
    return customer, Standing.CONTESTED


def links_of(*events: CleanEvent) -> Sequence[Link]:
    return list(stated_links(events).values())


def test_new_identifiers_of_one_event_are_one_new_customer() -> None:
    event, stored = said(1, {"card_no": "1", "phone": "+84901"}), Stored()
    assert identified(stored, event) == Identity(
        customers={event.key: "n1"},
        nodes={event.key: node("card_no:1")},
        assigned={
            Identifier("card_no", "1"): Known("n1", Standing.PLAIN),
            Identifier("phone", "+84901"): Known("n1", Standing.PLAIN),
        },
        created={"n1": Identifier("card_no", "1")},
        merged={},
        links=links_of(event),
        unsettled=frozenset(),
    )
    assert stored.asked == []


def test_a_chain_of_events_in_one_batch_is_one_customer_and_each_event_belongs_to_its_own_strongest() -> None:
    first, second, third = (
        said(1, {"phone": "+84901"}),
        said(2, {"email": "an@x.vn", "phone": "+84901"}),
        said(3, {"card_no": "1", "email": "an@x.vn"}),
    )
    found = identified(Stored(), first, second, third)
    assert {*found.customers.values()} == {"n1"}
    assert [found.nodes[each.key] for each in (first, second, third)] == [
        node("phone:+84901"),
        node("email:an@x.vn"),
        node("card_no:1"),
    ]
    assert (found.created, found.merged, found.unsettled) == ({"n1": Identifier("phone", "+84901")}, {}, frozenset())


def test_an_event_of_a_known_pair_of_one_customer_asks_the_store_nothing() -> None:
    stored = Stored({"card_no:1": "c1", "phone:+84901": "c1"})
    event = said(1, {"card_no": "1", "phone": "+84901"})
    found = identified(stored, event)
    assert (found.customers, found.assigned, found.unsettled, stored.asked) == ({event.key: "c1"}, {}, frozenset(), [])


def test_a_new_identifier_joins_the_customer_that_it_comes_with() -> None:
    event = said(1, {"card_no": "1", "email": "an@x.vn"})
    found = identified(Stored({"email:an@x.vn": "c1"}), event)
    assert (found.customers, found.created, found.merged) == ({event.key: "c1"}, {}, {})
    assert assigned(found) == {"card_no:1": ("c1", "PLAIN")}


def test_customers_that_turn_out_to_be_one_are_merged_into_the_oldest() -> None:
    stored = Stored({"card_no:1": "c2", "email:an@x.vn": "c1", "zalo_id:z": "c3"})
    first, second = said(1, {"card_no": "1", "email": "an@x.vn"}), said(2, {"email": "an@x.vn", "zalo_id": "z"})
    found = identified(stored, first, second)
    assert found.merged == {"c2": "c1", "c3": "c1"}
    assert found.customers == {first.key: "c1", second.key: "c1"}
    assert found.unsettled == frozenset()


def test_an_event_of_nobody_has_no_customer_and_no_node() -> None:
    found = identified(Stored(), said(1, {}))
    assert found == Identity({}, {}, {}, {}, {}, [], frozenset())


def test_a_limit_that_is_reached_leaves_the_event_with_its_strongest_identifier_and_marks_both_sides() -> None:
    stored = Stored({"card_no:1": "c1", "card_no:2": "c2", "phone:+84901": "c1"})
    event = said(1, {"card_no": "2", "phone": "+84901"})
    assert identified(stored, event) == Identity(
        customers={event.key: "c2"},
        nodes={event.key: node("card_no:2")},
        assigned={},
        created={},
        merged={},
        links=links_of(event),
        unsettled=frozenset(parse_identifier(name) for name in ("card_no:2", "phone:+84901")),
    )


def test_a_new_card_on_a_phone_that_has_one_begins_a_customer_of_its_own_until_it_is_settled() -> None:
    event = said(1, {"card_no": "2", "phone": "+84901"})
    found = identified(Stored({"card_no:1": "c1", "phone:+84901": "c1"}), event)
    assert found.customers == {event.key: "n1"}
    assert assigned(found) == {"card_no:2": ("n1", "CONTESTED")}
    assert names(found.unsettled) == ["card_no:2", "phone:+84901"]


def test_a_group_in_which_one_link_is_not_plain_is_unsettled_and_another_group_of_the_batch_is_not() -> None:
    stored = Stored({"card_no:1": "c1", "phone:+84901": "c1"})
    events = (
        said(1, {"card_no": "2", "phone": "+84901"}),
        said(2, {"card_no": "2", "email": "an@x.vn"}),
        said(3, {"card_no": "3", "phone": "+84903"}),
    )
    found = identified(stored, *events)
    assert names(found.unsettled) == ["card_no:2", "email:an@x.vn", "phone:+84901"]
    assert [found.customers[event.key] for event in events] == ["n1", "n1", "n2"]
    assert assigned(found)["email:an@x.vn"] == (None, "CONTESTED")


def test_as_many_values_as_a_customer_may_have_are_plain_and_one_more_is_not() -> None:
    phones = [f"+8490{number}" for number in range(RULES.kinds["phone"].values + 1)]
    events = [said(number, {"card_no": "1", "phone": phone}) for number, phone in enumerate(phones)]
    assert identified(Stored(), *events[:-1]).unsettled == frozenset()
    assert len(identified(Stored(), *events).unsettled) == len(phones) + 1
    stored = Stored({"card_no:1": "c1"} | {f"phone:{phone}": "c1" for phone in phones[:-1]})
    assert names(identified(stored, events[-1]).unsettled) == ["card_no:1", f"phone:{phones[-1]}"]


def test_two_accounts_of_one_kind_are_never_one_customer_at_a_glance() -> None:
    stored = Stored({"zalo_id:a": "c1", "phone:+84901": "c1"})
    found = identified(stored, said(1, {"zalo_id": "b", "phone": "+84901"}))
    assert names(found.unsettled) == ["phone:+84901", "zalo_id:b"]


def test_a_quarantined_value_links_nobody_and_its_event_goes_to_the_strongest_other_one() -> None:
    dummy = (None, Standing.QUARANTINED)
    stored = Stored({"card_no:0": dummy, "phone:+84901": "c1", "email:an@x.vn": "c2"})
    events = said(1, {"card_no": "0", "phone": "+84901"}), said(2, {"card_no": "0", "email": "an@x.vn"})
    found = identified(stored, *events)
    assert found.customers == {events[0].key: "c1", events[1].key: "c2"}
    assert found.nodes == {events[0].key: node("phone:+84901"), events[1].key: node("email:an@x.vn")}
    assert sorted(found.links) == sorted(links_of(*events))
    # What is quarantined counts among those that the others are seen with, once.
    assert (found.merged, names(found.unsettled), stored.asked) == ({}, ["email:an@x.vn", "phone:+84901"], ["recorded"])
    again = identified(Stored({"card_no:0": dummy, "phone:+84901": "c1", "email:an@x.vn": "c2"}, found.links), *events)
    assert again.unsettled == frozenset()


def test_an_event_of_nothing_but_a_quarantined_value_is_its_own() -> None:
    event = said(1, {"card_no": "0"})
    found = identified(Stored({"card_no:0": ("c9", Standing.QUARANTINED)}), event)
    assert (found.customers, found.nodes) == ({event.key: "c9"}, {event.key: node("card_no:0")})
    assert found.unsettled == frozenset()


@pytest.mark.parametrize(
    "standing", [Standing.PLAIN, Standing.CONTESTED, Standing.QUARANTINED, Standing.PARKED, Standing.RECYCLED]
)
def test_an_event_of_an_identifier_that_has_no_customer_waits_to_be_settled(standing: Standing) -> None:
    event = said(1, {"phone": "+84901"})
    found = identified(Stored({"phone:+84901": (None, standing)}), event)
    assert (found.customers, found.created, found.assigned) == ({}, {}, {})
    assert found.nodes == {event.key: node("phone:+84901", UNPLACED)}
    assert names(found.unsettled) == ([] if standing is Standing.PARKED else ["phone:+84901"])  # that is for people


def test_an_event_of_a_value_that_changed_hands_waits_though_it_has_a_customer() -> None:
    event = said(1, {"phone": "+84901"})
    found = identified(Stored({"phone:+84901": ("c1", Standing.RECYCLED)}), event)
    assert (found.customers, found.nodes) == ({}, {event.key: node("phone:+84901", UNPLACED)})
    assert names(found.unsettled) == ["phone:+84901"]


def test_an_event_that_names_more_than_what_changed_hands_goes_to_its_strongest() -> None:
    event = said(1, {"card_no": "1", "phone": "+84901"})
    stored = Stored({"card_no:1": contested("c1"), "phone:+84901": ("c1", Standing.RECYCLED)}, links_of(event))
    found = identified(stored, event)
    assert (found.customers, found.unsettled) == ({event.key: "c1"}, frozenset())


CONTESTED_PAIR = {"card_no:2": contested("c2"), "phone:+84901": contested("c1")}
RECYCLED_PAIR = {"card_no:2": contested("c2"), "phone:+84901": ("c2", Standing.RECYCLED)}


@pytest.mark.parametrize(
    ("known", "days_later", "unsettled"),
    [
        (CONTESTED_PAIR, 0, False),
        (CONTESTED_PAIR, 1, False),
        (CONTESTED_PAIR, 400, False),
        (CONTESTED_PAIR, -1, True),
        (RECYCLED_PAIR, 0, False),
        (RECYCLED_PAIR, 400, True),
        (RECYCLED_PAIR, -1, True),
    ],
)
def test_a_pair_that_was_considered_is_settled_again_only_when_something_is_new_that_matters(
    known: Mapping[str, tuple[str, Standing]], days_later: int, unsettled: bool
) -> None:
    """An earlier event changes which link comes first; a later one, whether a value changed hands."""
    pair = {"card_no": "2", "phone": "+84901"}
    first = said(1, pair, NOW - 500 * DAY)
    event = first if days_later == 0 else said(2, pair, first.time + days_later * DAY)
    found = identified(Stored(known, links_of(first)), event)
    assert names(found.unsettled) == (["card_no:2", "phone:+84901"] if unsettled else [])
    assert found.customers == {event.key: "c2"}


def test_a_pair_of_contested_identifiers_that_was_never_seen_is_unsettled() -> None:
    found = identified(Stored(CONTESTED_PAIR), said(1, {"card_no": "2", "phone": "+84901"}))
    assert names(found.unsettled) == ["card_no:2", "phone:+84901"]


def test_that_a_known_pair_is_verified_now_is_new() -> None:
    pair = {"card_no": "2", "phone": "+84901"}
    stored = Stored(CONTESTED_PAIR, links_of(said(1, pair)))
    assert names(identified(stored, said(2, pair, verified=["phone"])).unsettled) == ["card_no:2", "phone:+84901"]


def test_a_device_that_would_join_two_customers_that_are_known_by_more_is_unsettled() -> None:
    stored = Stored({"card_no:1": "c1", "device_id:d": "c1", "zalo_id:z": "c2"})
    event = said(1, {"zalo_id": "z", "device_id": "d"})
    found = identified(stored, event)
    assert (found.customers, found.merged) == ({event.key: "c2"}, {})
    assert names(found.unsettled) == ["device_id:d", "zalo_id:z"]


@pytest.mark.parametrize(
    ("known", "event", "merged"),
    [
        ({"device_id:d": "c1"}, {"zalo_id": "z", "device_id": "d"}, {}),
        ({"device_id:d": "c1", "zalo_id:z": "c2"}, {"zalo_id": "z", "device_id": "d"}, {"c2": "c1"}),
        ({"device_id:d": "c1", "anonymous_id:a": "c2"}, {"device_id": "d", "anonymous_id": "a"}, {"c2": "c1"}),
    ],
)
def test_a_device_of_nobody_known_belongs_to_whom_it_is_seen_with(
    known: dict[str, str], event: dict[str, str], merged: dict[str, str]
) -> None:
    found = identified(Stored(known), said(1, event))
    assert (found.merged, found.unsettled) == (merged, frozenset())
    assert {*found.customers.values()} == {"c1"}


def test_a_device_joins_nobody_where_something_else_in_the_batch_does() -> None:
    stored = Stored({"card_no:1": "c1", "device_id:d": "c1", "zalo_id:z": "c2"})
    found = identified(stored, said(1, {"zalo_id": "z", "device_id": "d"}), said(2, {"card_no": "1", "zalo_id": "z"}))
    assert (found.merged, found.unsettled) == ({"c2": "c1"}, frozenset())


def test_a_blocked_value_links_nobody_and_is_settled_once() -> None:
    event = said(1, {"email": "an@x.vn", "anonymous_id": "guest"})
    found = identified(Stored({"email:an@x.vn": "c1"}), event)
    assert found.customers == {event.key: "c1"}
    assert names(found.unsettled) == ["anonymous_id:guest", "email:an@x.vn"]
    assert assigned(found) == {"anonymous_id:guest": (None, "CONTESTED")}
    assert list(found.links) == links_of(event)
    later = identified(
        Stored({"email:an@x.vn": "c1", "anonymous_id:guest": (None, Standing.QUARANTINED)}, found.links),
        said(2, {"email": "an@x.vn", "anonymous_id": "guest"}),
    )
    assert later.unsettled == frozenset()


def test_an_event_of_nothing_but_a_blocked_value_waits_to_be_settled() -> None:
    event = said(1, {"anonymous_id": "guest"})
    found = identified(Stored(), event)
    assert (found.customers, found.created) == ({}, {})
    assert found.nodes == {event.key: node("anonymous_id:guest", UNPLACED)}
    assert names(found.unsettled) == ["anonymous_id:guest"]


@pytest.mark.parametrize("order", [lambda events: events, lambda events: events[::-1]], ids=["as sent", "backwards"])
def test_the_order_of_events_in_a_batch_decides_nothing_but_which_identifier_a_customer_began_with(
    order: Callable[[list[CleanEvent]], list[CleanEvent]],
) -> None:
    stored = Stored({"card_no:1": "c1", "phone:+84901": "c1", "email:b@x.vn": "c2"})
    events = [
        said(1, {"card_no": "2", "phone": "+84901"}),
        said(2, {"email": "b@x.vn", "phone": "+84902"}),
        said(3, {"email": "b@x.vn", "zalo_id": "z"}),
    ]
    found = identified(stored, *order(events))
    assert found.customers == {events[0].key: "n1", events[1].key: "c2", events[2].key: "c2"}
    assert names(found.unsettled) == ["card_no:2", "phone:+84901"]
