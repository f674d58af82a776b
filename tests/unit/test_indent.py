"""JSON as lines: nothing is lost or changed, and every line knows what stands on it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ops.indent import Line, indent, place_of

EVENT = '{"id":"7","data":{"items":[{"sku":"a, b"},{"sku":"c","amount":12.50}],"empty":{}}}'

values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


def test_each_line_knows_its_path() -> None:
    assert indent(EVENT) == [
        Line("$", "{"),
        Line("$.id", '  "id": "7",'),
        Line("$.data", '  "data": {'),
        Line("$.data.items", '    "items": ['),
        Line("$.data.items[0]", "      {"),
        Line("$.data.items[0].sku", '        "sku": "a, b"'),
        Line("$.data.items[0]", "      },"),
        Line("$.data.items[1]", "      {"),
        Line("$.data.items[1].sku", '        "sku": "c",'),
        Line("$.data.items[1].amount", '        "amount": 12.50'),
        Line("$.data.items[1]", "      }"),
        Line("$.data.items", "    ],"),
        Line("$.data.empty", '    "empty": {'),
        Line("$.data.empty", "    }"),
        Line("$.data", "  }"),
        Line("$", "}"),
    ]


@given(values)
def test_the_lines_say_what_the_text_said(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert json.loads("\n".join(line.text for line in indent(text))) == value


@given(values, some.integers(min_value=0, max_value=60))
def test_nothing_is_lost_of_a_text_that_was_cut_off(value: Any, length: int) -> None:
    cut = json.dumps(value, ensure_ascii=True)[:length]
    shown = "".join(line.text for line in indent(cut))
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", cut)


@pytest.mark.parametrize(
    ("path", "text", "itself"),
    [
        ("$.data.items[1].amount", '"amount": 12.50', True),
        ("$.data.items[1].quantity", "{", False),
        ("$.data.customer.email", '"data": {', False),
        ("$.type", "{", False),
    ],
)
def test_a_path_is_found_or_else_what_is_around_it(path: str, text: str, itself: bool) -> None:
    lines = indent(EVENT)
    found = place_of(lines, path)
    assert found is not None
    assert (lines[found[0]].text.strip(), found[1]) == (text, itself)
