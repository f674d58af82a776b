"""docs/channels/segment.md: its tables say what the translation does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from producers.segment_api.customer import identifiers, profile
from producers.segment_api.shopping import interests, shopped
from producers.segment_api.translate import KINDS, Arrival, translate
from tests.system.command import ROOT

PAGE = (ROOT / "docs/channels/segment.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table after a heading, without its head."""
    table = re.search(r"^\|.*?\n(?!\|)", PAGE[PAGE.index(heading) :], re.MULTILINE | re.DOTALL)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].strip().split("\n")[2:]]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_kind_of_call_becomes_the_event_that_the_page_says() -> None:
    told = {}
    for calls, event, _ in rows("## What becomes of each call"):
        (kind,) = code(calls)
        made = translate({"userId": "u"}, kind, Arrival("/segment/s", datetime(2026, 1, 1, tzinfo=UTC), {}, "r-0"))
        assert isinstance(made, list)
        assert made[0]["type"] == code(event)[0]
        told[kind] = made
    assert set(told) == set(KINDS)


def test_the_traits_of_the_page_have_the_fields_that_it_says() -> None:
    for traits, fields in rows("### Traits of identify"):
        named = re.match(r"`?([^(]*)", traits)
        assert named is not None
        if "," in fields or "age band" in fields or "same" in fields:
            continue
        for trait in code(named[0] if "(" in traits else traits):
            value: Any = {"name": "x"} if trait == "company" else {"street": "x"} if trait == "address" else "x"
            found, rest = profile({trait: value})
            assert (list(found), rest) == (code(fields)[:1], {}), trait
    assert profile({"income_band": "x", "maritalStatus": "y", "consent": {"email": True}, "plan": 1})[1] == {"plan": 1}


def test_the_identifiers_of_the_page_are_found() -> None:
    (kinds,) = [row for row in rows("### Who it is") if "card_no" in row[0]]
    for kind in set(code(kinds[0])) - {"traits.card_no", "cardNo"}:
        assert identifiers({}, {}, {kind: "1"}) == [(kind, "1")]
    (external,) = [row for row in rows("### Who it is") if "externalIds" in row[0]]
    for type_ in ("user_id", "ios.idfa", "android.push_token"):
        assert f"`{type_}`" in external[0]
        assert len(identifiers({}, {"externalIds": [{"id": "1", "type": type_}]}, {})) == 1


@pytest.mark.parametrize(("heading", "row"), [("### Events of the e-commerce", number) for number in range(5)])
def test_the_events_of_the_page_are_what_it_says(heading: str, row: int) -> None:
    events, here = rows(heading)[row]
    product = {"sku": "G-1", "category": "Giày", "total": 5, "currency": "VND"}
    for event in code(events):
        made = shopped(event, product).order
        sign = None if made is None else made["total"]["amount"].startswith("-")
        interested = interests(event, product) != []
        expected = {
            "an order": (False, False),
            "a return": (True, False),
            "an interest": (None, True),
            "kept and counted": (None, False),
        }
        (meant,) = [value for begin, value in expected.items() if here.startswith(begin)]
        assert (sign, interested) == meant, event
