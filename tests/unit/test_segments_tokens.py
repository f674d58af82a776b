"""What is read of a condition, besides by the library: the same tokens for whoever reads it."""

from __future__ import annotations

import pytest

from processors.segments.kinds import misfit
from processors.segments.native import translated
from processors.segments.reach import parts_of
from processors.segments.tokens import ForTheLibrary, Tokens


def test_tokens_are_taken_one_after_the_other_and_can_be_had_as_they_are_written() -> None:
    tokens = Tokens('orders >= 2\n  && (channel != "it\\"s")')

    taken = []
    while tokens.peek():
        taken.append(tokens.take())

    assert taken == ["orders", ">=", "2", "&&", "(", "channel", "!=", '"it\\"s"', ")"]
    assert tokens.text(2, 5) == "2 && ("
    assert tokens.text(3, 3) == ""
    with pytest.raises(ForTheLibrary):
        tokens.take()


def test_only_what_is_expected_is_passed() -> None:
    tokens = Tokens("orders")
    with pytest.raises(ForTheLibrary):
        tokens.take("(")
    assert tokens.take("orders") == "orders"


@pytest.mark.parametrize(
    "text", ["1u > 0u", "0x1F > 3", "orders > 1 // && orders < 1", '"open', "{'a': 1}", "orders ; 1"]
)
def test_what_is_not_read_here_is_left_to_the_library_by_all(text: str) -> None:
    with pytest.raises(ForTheLibrary):
        Tokens(text)
    assert misfit(text) is None
    assert translated(text) is None
    assert parts_of(text) == (text,)


def test_an_escaped_quote_ends_no_text() -> None:
    text = r'channel == "a\" && b" && orders > 1'
    assert parts_of(text) == (r'channel == "a\" && b"', "orders > 1")
    assert translated(text) is None
    assert misfit(r'orders == "a\""') is not None


@pytest.mark.parametrize("text", ["orders > / > 1", "orders + > 1 == 2"])
def test_a_sign_is_no_field(text: str) -> None:
    assert misfit(text) is None
