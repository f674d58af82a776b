"""A rule that can never apply is said to be so, as far as its text shows; and no other one is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.segments.catalogue import Catalogue
from processors.segments.reach import Before, contradicts_itself
from processors.segments.rules import BadSegments, read_family
from schemas.portrait import Portrait
from tests.stories import LIFECYCLE

FAMILY = """
family: value
about: By what was bought.
version: 1
choose: {choose}
segments:
  - segment: some
    about: Some.
    when: {first}
  - segment: more
    about: More.
    when: {second}
"""

NEVER = [
    ("orders > 1", "orders > 5", "some, before it, does whenever this would"),
    ("orders >= 2", "orders == 2", "some, before it, does whenever this would"),
    ("orders < 5", "orders <= 4", "some, before it, does whenever this would"),
    ("orders > 1", 'orders > 5 && channel == "web"', "some, before it, does whenever this would"),
    ('revenue_in("90d") > 100', "revenue_in('90d') > 200", "some, before it, does whenever this would"),
    ("[orders > 9, orders > 1]", "[orders > 5, orders == 3]", "some, before it, does whenever this would"),
    ("orders == 1", "orders > 5 && orders < 3", "nobody is as orders > 5 && orders < 3 asks"),
    ("orders == 1", "orders < 3 && events > 0 && orders >= 3", "nobody is as"),
]


@pytest.mark.parametrize(("first", "second", "why"), NEVER)
def test_a_rule_that_can_never_apply_is_refused_with_its_line(first: str, second: str, why: str) -> None:
    with pytest.raises(BadSegments, match=rf"^f.yaml:10: more can never apply: {why}"):
        read_family(FAMILY.format(choose="first", first=first, second=second), "f.yaml")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("orders > 5", "orders > 1"),
        ("orders > 1", "orders >= 1"),
        ("orders > 1 && events > 5", "orders > 2"),
        ("orders > 1", "events > 5"),
        ('revenue_in("90d") > 100', 'revenue_in("30d") > 200'),
        ('channel == "a && b"', "orders > 1"),
        ("orders > 1 || events > 5", "orders > 0"),
        ("orders > 1", "'!(orders > 5)'"),
        ("orders > 1", "'orders > 5 ? false : events > 3'"),
    ],
)
def test_a_rule_that_may_apply_is_not(first: str, second: str) -> None:
    read_family(FAMILY.format(choose="first", first=first, second=second), "f.yaml")


def test_where_every_rule_is_asked_one_may_hold_whenever_another_does() -> None:
    read_family(FAMILY.format(choose="every", first="orders > 1", second="orders > 5"), "f.yaml")


COMPARED = st.builds(
    "{} {} {}".format,
    st.sampled_from(("orders", "events")),
    st.sampled_from(("<", "<=", ">", ">=", "==")),
    st.integers(0, 4),
)
CONDITION = st.lists(COMPARED, min_size=1, max_size=3).map(" && ".join)


@given(CONDITION, CONDITION)
def test_whatever_is_said_of_two_conditions_holds_of_every_customer(one: str, other: str) -> None:
    family = FAMILY.format(choose="every", first=one, second="orders >= 0")
    contradicts = contradicts_itself(one)
    if contradicts:
        with pytest.raises(BadSegments, match="some can never apply"):
            read_family(family, "f.yaml")
    if contradicts or contradicts_itself(other):
        return
    both = read_family(FAMILY.format(choose="every", first=one, second=other), "f.yaml")
    catalogue = Catalogue([both, *LIFECYCLE.families], LIFECYCLE.zone)
    before = Before()
    before.add("more", [other])
    for orders in range(6):
        for events in range(6):
            names = catalogue.evaluate(Portrait(orders=orders, events=events), 0).names
            if before.meeting(one) and "some" in names:
                assert "more" in names
