"""Conditions as Python functions say what the library says, or nothing."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.segments.catalogue import shipped_catalogue
from processors.segments.fields import FIELDS, READ
from processors.segments.functions import FUNCTIONS
from processors.segments.native import native
from processors.segments.view import View
from schemas.computed import Computed
from schemas.portrait import Portrait
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
TRUTHS = ["cancelled", 'within(last_order, "60d")', 'known("rhythm")', "true", "false", 'birthday_in("9d")']
TEXTS = ["birthday", 'status("follow:zalo")', '"followed"', "'unfollowed'", '""']

FRACTIONS = ["p_alive", "purchases_90d", "0.5", "1.0", "0.29", "12.000"]

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


@settings(max_examples=1500, deadline=None)
@given(conditions, portraits(), st.integers(NOW, NOW + 10**10), computed)
def test_what_is_translated_means_the_same(text: str, portrait: Portrait, now: int, said: Computed) -> None:
    try:
        program = cel.compile(text)
    except ValueError:
        return  # no translation is asked for
    translated = native(text)
    if translated is None:
        return
    view = View(READ, portrait, now, VIET_NAM, computed=said)
    optional = {field.name for field in FIELDS if field.optional}
    if any(view.get(name) is None for name in program.variables() if name in optional):
        return  # it does not hold, whatever it says
    try:
        mine = translated(view)
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
    assert native(text) is None


def test_almost_all_that_ships_is_translated() -> None:
    conditions = [when for rule in shipped_catalogue().rule_of.values() for when in rule.when]
    assert [condition.text for condition in conditions if condition.native is None] == []
