"""Which identifiers are one customer, and which links are refused and why: each conflict by an example."""

from __future__ import annotations

import pytest

from processors.cluster import TOO_MANY, Facts, Node, Partition, cluster
from processors.identity_rules import identity_rules
from schemas.identifiers import PERIOD_MS, SAME_EVENT, VERIFIED, Identifier, Link, Standing, parse_identifier
from schemas.judgements import Judgement, Kind

DAY = 24 * 60 * 60 * 1000
RULES = identity_rules()


def at(day: int, a: str, b: str, rule: str = SAME_EVENT, until: int | None = None) -> Link:
    """A link first seen on one day, last on another."""
    last = (day if until is None else until) * DAY // PERIOD_MS
    return Link(parse_identifier(a), parse_identifier(b), day * DAY, f"{day:032x}", rule, last)


def divided(*links: Link, judgements: tuple[Judgement, ...] = (), alone: tuple[str, ...] = ()) -> Partition:
    identifiers = {end for link in links for end in (link.a, link.b)} | {parse_identifier(each) for each in alone}
    return cluster(Facts(identifiers, links, judgements), RULES)


def customers(partition: Partition) -> list[list[str]]:
    """The clusters in words; a recycled value has its day behind it."""
    found: dict[Node, list[str]] = {}
    for node, first in partition.clusters.items():
        name = f"{node.kind}:{node.value}" + (f"@{node.since // DAY}" if node.since else "")
        found.setdefault(first, []).append(name)
    return sorted(sorted(members) for members in found.values())


def refusals(partition: Partition) -> dict[str, str]:
    return {f"{a} {b}": why.code for (a, b), why in partition.refused.items()}


def test_what_is_linked_is_one_customer() -> None:
    found = divided(at(1, "card_no:1", "phone:+84901"), at(2, "email:an@x.vn", "phone:+84901"), alone=("zalo_id:z",))
    assert customers(found) == [["card_no:1", "email:an@x.vn", "phone:+84901"], ["zalo_id:z"]]
    assert found.refused == {}
    assert {*found.standing.values()} == {Standing.PLAIN}


def test_two_cards_on_one_phone_stay_two_customers_and_the_phone_stays_with_the_first() -> None:
    found = divided(at(1, "card_no:1", "phone:+84901"), at(2, "card_no:2", "phone:+84901"))
    assert customers(found) == [["card_no:1", "phone:+84901"], ["card_no:2"]]
    assert refusals(found) == {"card_no:2 phone:+84901": "limit"}
    assert {*found.standing.values()} == {Standing.CONTESTED}


def test_a_chain_of_typed_phones_never_makes_two_cards_one() -> None:
    found = divided(
        at(1, "email:an@x.vn", "phone:+84901"), at(2, "email:an@x.vn", "phone:+84902"),
        at(3, "card_no:1", "phone:+84901"), at(4, "card_no:2", "phone:+84902"),
    )  # fmt: skip
    assert customers(found) == [["card_no:1", "email:an@x.vn", "phone:+84901"], ["card_no:2", "phone:+84902"]]
    assert refusals(found) == {"email:an@x.vn phone:+84902": "limit"}


def test_a_typed_phone_does_not_join_two_accounts_of_one_kind_and_a_verified_one_does() -> None:
    typed = [at(1, "phone:+84901", "zalo_id:a"), at(2, "phone:+84901", "zalo_id:b")]
    assert refusals(divided(*typed)) == {"phone:+84901 zalo_id:b": "told_apart"}
    signed_in = [at(1, "customer_no:1", "zalo_id:a"), at(2, "customer_no:1", "zalo_id:b")]
    assert refusals(divided(*signed_in)) == {}
    verified = [at(1, "customer_no:1", "phone:+84901", VERIFIED), at(2, "customer_no:1", "zalo_id:a")]
    found = divided(*verified, at(0, "customer_no:2", "phone:+84901"))
    assert customers(found) == [["customer_no:1", "phone:+84901", "zalo_id:a"], ["customer_no:2"]]
    assert refusals(found) == {"customer_no:2 phone:+84901": "limit"}


def test_a_device_belongs_to_its_first_customer_and_joins_nobody() -> None:
    found = divided(at(1, "facebook_id:f", "device_id:d"), at(2, "card_no:1", "device_id:d"))
    assert customers(found) == [["card_no:1"], ["device_id:d", "facebook_id:f"]]
    assert refusals(found) == {"card_no:1 device_id:d": "device"}
    same = divided(
        at(1, "facebook_id:f", "device_id:d"), at(2, "card_no:1", "device_id:d"), at(3, "card_no:1", "facebook_id:f")
    )
    assert customers(same) == [["card_no:1", "device_id:d", "facebook_id:f"]]
    assert same.refused == {}


def test_a_value_seen_with_too_many_others_stands_for_nobody() -> None:
    few = [at(n, f"card_no:{n}", "device_id:tablet") for n in range(1, 6)]
    assert divided(*few).quarantined == {}
    found = divided(*few, at(6, "card_no:6", "device_id:tablet"))
    assert found.quarantined == {Identifier("device_id", "tablet"): TOO_MANY}
    assert customers(found) == [*([f"card_no:{n}"] for n in range(1, 7)), ["device_id:tablet"]]
    assert set(refusals(found).values()) == {"quarantined"}
    assert [found.standing[Identifier("card_no", "1")], found.standing[Identifier("device_id", "tablet")]] == [
        Standing.PLAIN,
        Standing.QUARANTINED,
    ]


def test_a_card_that_the_till_scans_for_whoever_has_none_stands_for_nobody_either() -> None:
    found = divided(*(at(n, "card_no:0", f"phone:+8490{n}") for n in range(1, 12)))
    assert found.quarantined == {Identifier("card_no", "0"): TOO_MANY}


def test_a_phone_that_changed_hands_is_two_phones() -> None:
    found = divided(at(0, "card_no:1", "phone:+84901", until=100), at(600, "card_no:2", "phone:+84901"))
    assert customers(found) == [["card_no:1", "phone:+84901"], ["card_no:2", "phone:+84901@600"]]
    assert found.refused == {}
    phone = Identifier("phone", "+84901")
    assert found.standing[phone] is Standing.RECYCLED
    assert [found.subject([phone], day * DAY).since // DAY for day in (0, 599, 600, 900)] == [0, 0, 600, 600]


def test_a_phone_that_its_first_customer_still_uses_did_not_change_hands() -> None:
    found = divided(at(0, "card_no:1", "phone:+84901", until=500), at(600, "card_no:2", "phone:+84901"))
    assert refusals(found) == {"card_no:2 phone:+84901": "limit"}


def test_people_join_what_the_rules_keep_apart_and_keep_apart_what_links_join() -> None:
    links = at(1, "card_no:1", "phone:+84901"), at(2, "card_no:2", "phone:+84901")
    one, two, phone = (parse_identifier(name) for name in ("card_no:1", "card_no:2", "phone:+84901"))
    joined = divided(*links, judgements=(Judgement(1, Kind.JOIN, (one,), (two,)),))
    assert customers(joined) == [["card_no:1", "card_no:2", "phone:+84901"]]
    assert joined.refused == {}
    apart = divided(*links, judgements=(Judgement(1, Kind.APART, (one,), (phone,)),))
    assert customers(apart) == [["card_no:1"], ["card_no:2", "phone:+84901"]]
    assert refusals(apart) == {"card_no:1 phone:+84901": "judgement"}
    both = divided(
        *links, judgements=(Judgement(1, Kind.APART, (one,), (two,)), Judgement(2, Kind.JOIN, (one,), (two,)))
    )
    assert refusals(both) == {"card_no:2 phone:+84901": "judgement"}


def test_people_block_and_trust_values() -> None:
    tablet = Identifier("device_id", "tablet")
    seen = [at(n, f"card_no:{n}", "device_id:tablet") for n in range(1, 9)]
    trusted = divided(*seen, judgements=(Judgement(1, Kind.TRUST, (tablet,)),))
    assert trusted.quarantined == {}
    assert trusted.clusters[Node(*tablet)] == trusted.clusters[Node("card_no", "1")]
    blocked = divided(seen[0], judgements=(Judgement(7, Kind.BLOCK, (tablet,)),))
    assert blocked.quarantined == {tablet: "blocked by judgement 7"}


def test_the_rules_block_values() -> None:
    found = divided(at(1, "card_no:1", "anonymous_id:guest"))
    assert found.quarantined == {Identifier("anonymous_id", "guest"): "blocked by the rules"}


@pytest.mark.parametrize(
    ("names", "subject"),
    [(("card_no:1", "device_id:tablet"), "card_no:1"), (("device_id:tablet", "zalo_id:z"), "zalo_id:z")],
)
def test_an_event_is_about_the_strongest_that_stands_for_somebody(names: tuple[str, ...], subject: str) -> None:
    found = divided(*(at(n, f"card_no:{n}", "device_id:tablet") for n in range(1, 9)))
    assert found.subject([parse_identifier(name) for name in names], 0).identifier == parse_identifier(subject)
    assert found.subject([Identifier("device_id", "tablet")], 0).identifier == Identifier("device_id", "tablet")
