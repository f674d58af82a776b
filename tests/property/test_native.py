"""Conditions as Python functions say what the library says, or nothing."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.compiled import compiled
from processors.segments.fields import FIELDS, READ
from processors.segments.functions import FUNCTIONS
from processors.segments.native import native, translated
from processors.segments.rules import BadSegments, Family, read_family
from processors.segments.view import View
from schemas.computed import Computed
from schemas.portrait import Portrait
from schemas.ranks import Bounds
from tests.property.test_segments import portraits
from tests.stories import NOW

VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")
NUMBERS = [
    "orders",
    "revenue",
    "returns",
    "last_order",
    "rhythm",
    "age",
    'purchases_in("90d")',
    'days_bought_in("90d")',
    "days_since(last_seen)",
]
TRUTHS = [
    "cancelled",
    "size(birthday) == 10",
    'within(last_order, "60d")',
    'known("rhythm")',
    "true",
    "false",
    'birthday_in("9d")',
]
TEXTS = ["birthday", 'status("follow:zalo")', '"followed"', "'unfollowed'", '""']

FRACTIONS = ["p_alive", "purchases_90d", "0.5", "1.0", "0.29", "12.000"]

bounds = st.builds(
    Bounds,
    recency=st.lists(st.integers(NOW - 10**10, NOW), min_size=4, max_size=4).map(lambda each: tuple(sorted(each))),
    frequency=st.lists(st.integers(1, 9), min_size=4, max_size=4).map(lambda each: tuple(sorted(each))),
    monetary=st.lists(st.integers(1, 10**6), min_size=4, max_size=4).map(lambda each: tuple(sorted(each))),
    top=st.lists(st.integers(1, 10**6), min_size=4, max_size=4).map(lambda each: tuple(sorted(each))),
    vital=st.integers(1, 10**6) | st.none(),
    customers=st.just(100),
    computed_at=st.just(NOW),
)
numbers = st.recursive(
    st.sampled_from(NUMBERS) | st.integers(0, 1000).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map(" ".join)
        | inner.map(lambda each: f"({each})")
        | inner.map(lambda each: f"-{each}")
    ),
    max_leaves=4,
)
fractions = numbers | st.sampled_from([*FRACTIONS, "value_90d"])
comparisons = st.tuples(fractions, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), fractions).map(
    " ".join
) | st.tuples(
    st.sampled_from(TEXTS),
    st.sampled_from(["==", "!=", "<", "in"]),
    st.sampled_from([*TEXTS, '["followed", "x"]', "[]"]),
).map(" ".join)
conditions = st.recursive(
    comparisons | st.sampled_from(TRUTHS),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["&&", "||", "==", "?", "<"]), inner).map(" ".join)
        | st.tuples(inner, inner, inner).map(lambda each: "{} ? {} : {}".format(*each))
        | inner.map(lambda each: f"({each})")
        | inner.map(lambda each: f"!{each}")
    ),
    max_leaves=6,
)


computed = st.builds(
    Computed,
    adopter_group=st.none() | st.just("laggard"),
    p_alive=st.sampled_from([0.0, 0.28, 0.29, 0.5, 1.0]),
    purchases_90d=st.sampled_from([0.0, 0.5, 1.0, 12.0]),
    value_90d=st.integers(0, 10),
)


def answer(program: cel.Program, view: View) -> Any:
    context = cel.Context()
    context.set_variable_resolver(view.get)
    for function in FUNCTIONS:
        context.add_function(function.name, lambda *given, call=function.call: call(view, *given))
    return program.execute(context)


@settings(max_examples=1000, deadline=None)
@given(conditions, portraits(), st.integers(NOW, NOW + 10**10), computed)
def test_what_is_translated_means_the_same(text: str, portrait: Portrait, now: int, said: Computed) -> None:
    try:
        program = cel.compile(text)
    except ValueError:
        return  # no translation is asked for
    source = translated(text)
    if source is None:
        return
    view = View(READ, portrait, now, VIET_NAM, computed=said)
    optional = {field.name for field in FIELDS if field.optional}
    if any(view.get(name) is None for name in program.variables() if name in optional):
        return  # it does not hold, whatever it says
    try:
        mine = native(source)(view)
    except Exception:
        return  # the library is asked
    try:
        theirs = answer(program, view)
    except OverflowError:
        return  # beyond 64 bits; Python goes on
    assert (mine, type(mine)) == (theirs, type(theirs)), text


@pytest.mark.parametrize(
    "text",
    [
        *(
            'occupation.matches("a+")',
            'known("orders" in ["a"])',
            "within(last_order)",
            'within(last_order, "60x")',
            "within(last_order, 1.5)",
            "within(last_order, purchases_90d)",
            'within(p_alive, "9d")',
            "size(tier, tier) > 1",
            "size(company) == 4",
            'stores["x"] > 1',
            "categories.all(c, c != '')",
            "p_alive * 2.0 > 1.0",
            "size(stores) > 1",
        ),
        *(
            "orders == true",
            "cancelled < 1",
            r'tier == "a\"b"',
            "orders > 1u",
            "has(stores.x)",
            "orders > null",
            "!orders",
        ),
        *("p_alive in [0.5]", "p_alive < 1e-2", "p_alive > .5", "-p_alive < 0.0", "adopter_group < 0.5"),
        *(
            "orders ? true : false",
            '"a" + tier == "ab"',
            "__import__('os')",
            "view",
            "call_older",
            "orders.__class__ == 1",
        ),
    ],
)
def test_what_may_mean_something_else_is_left_to_the_library(text: str) -> None:
    assert translated(text) is None


def test_almost_all_that_ships_is_translated() -> None:
    conditions = [when for rule in shipped_catalogue().rule_of.values() for when in rule.when]
    assert [condition.text for condition in conditions if condition.native is None] == []


@settings(max_examples=150, deadline=None)
@given(portraits(), st.integers(NOW, NOW + 10**10), bounds | st.none())
def test_all_families_at_once_choose_what_they_choose_one_by_one(
    portrait: Portrait, now: int, bounds: Bounds | None
) -> None:
    shipped = shipped_catalogue()
    together, apart = Catalogue(shipped.families, VIET_NAM), Catalogue(shipped.families, VIET_NAM)
    apart._evaluate = compiled(shipped.families, left={family.name for family in shipped.families})
    together.bounds = apart.bounds = bounds
    assert together.evaluate(portrait, now) == apart.evaluate(portrait, now)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(conditions, min_size=1, max_size=2), min_size=1, max_size=3),
    st.sampled_from(["first", "every"]),
    conditions | st.none(),
    portraits(),
)
def test_a_family_of_any_conditions_chooses_the_same_rule_by_rule(
    whens: list[list[str]], choose: str, where: str | None, portrait: Portrait
) -> None:
    rules = [{"segment": f"s{at}", "about": "Any.", "when": when} for at, when in enumerate(whens)]
    said = {"family": "any", "version": 1, "about": "Any.", "choose": choose, "segments": rules}
    try:
        family = read_family(json.dumps(said if where is None else {**said, "where": where}), "any.yaml")
    except BadSegments:
        return
    together, apart = Catalogue([family], VIET_NAM), Catalogue([family], VIET_NAM)
    apart._evaluate = compiled([family], left={"any"})
    mine, theirs = together.evaluate(portrait, NOW), apart.evaluate(portrait, NOW)
    assert mine._replace(due=None) == theirs._replace(due=None)
    assert mine.due is None or mine.due >= (theirs.due or 0)  # what is asked in vain needs no second look
    assert together.failing == apart.failing


def test_spans_are_numbers_already() -> None:
    assert translated('gap > span("180d")') == "(\0gap\0 > 15552000000)"
    assert translated('older(last_order, "1d")') == "(not view.is_before(\0last_order\0 + 86400000))"


@pytest.mark.parametrize("sides", [2, 199, 3_000])
def test_a_condition_may_have_many_sides(sides: int) -> None:
    text = " || ".join(f"orders == {number}" for number in range(1, sides + 1))
    family = read_family(
        f'family: any\nabout: Any.\nversion: 1\nsegments:\n  - {{segment: a, about: A., when: "{text}"}}\n', "a"
    )
    assert Catalogue([family], VIET_NAM).evaluate(Portrait(orders=sides), NOW).names == ("a",)


@pytest.mark.parametrize("rungs", [2, 3_000])
def test_a_ladder_may_have_many_rungs(rungs: int) -> None:
    rules = [{"segment": f"s{at}", "about": "Any.", "when": f"orders == {at}"} for at in range(rungs)]
    family = read_family(json.dumps({"family": "any", "about": "Any.", "version": 1, "segments": rules}), "a")
    assert Catalogue([family], VIET_NAM).evaluate(Portrait(orders=rungs - 1), NOW).names == (f"s{rungs - 1}",)


def untold(family: Family) -> Family:
    """The family, of which only the library tells why."""
    rules = tuple(
        rule._replace(when=tuple(when._replace(tell=None, native=None) for when in rule.when)) for rule in family.rules
    )
    return family._replace(rules=rules)


@settings(max_examples=300, deadline=None)
@given(portraits(), st.integers(NOW, NOW + 10**10), bounds | st.none(), computed)
def test_why_somebody_is_in_a_segment_that_ships_is_told_as_the_library_tells_it(
    portrait: Portrait, now: int, bounds: Bounds | None, said: Computed
) -> None:
    shipped = shipped_catalogue()
    quick, slow = (Catalogue(families, VIET_NAM) for families in (shipped.families, map(untold, shipped.families)))
    quick.bounds = slow.bounds = bounds
    for segment in quick.evaluate(portrait, now, computed=said).names:
        why = quick.reason(segment, portrait, now, computed=said)
        assert why == slow.reason(segment, portrait, now, computed=said)
    assert quick.failing == slow.failing == {}


@settings(max_examples=500, deadline=None)
@given(st.lists(conditions, min_size=1, max_size=2), portraits(), computed)
def test_why_any_condition_holds_is_told_as_the_library_tells_it(
    whens: list[str], portrait: Portrait, said: Computed
) -> None:
    try:
        family = read_family(
            json.dumps(
                {
                    "family": "any",
                    "about": "x",
                    "version": 1,
                    "choose": "every",
                    "segments": [{"segment": "s", "about": "x", "when": whens}],
                }
            ),
            "any.yaml",
        )
    except BadSegments:
        return
    quick, slow = (Catalogue([each], VIET_NAM) for each in (family, untold(family)))
    assert quick.reason("s", portrait, NOW, computed=said) == slow.reason("s", portrait, NOW, computed=said)
    assert quick.failing == slow.failing


def test_almost_all_reasons_that_are_told_are_compiled() -> None:
    conditions = [when for rule in shipped_catalogue().rule_of.values() for when in rule.when]
    asking = [condition for condition in conditions if condition.named or condition.calls]
    assert [condition.text for condition in asking if condition.tell is None] == []
