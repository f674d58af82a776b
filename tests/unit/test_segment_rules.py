"""Files of segments: what is right, and how what is wrong is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from processors.segments.catalogue import read_catalogue, shipped_catalogue
from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS
from processors.segments.rules import BadSegments, Family, in_order, read_family

VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")
HEAD = "family: value\nabout: What a customer is worth.\nversion: 3\n"


def family(*segments: str, head: str = HEAD) -> Family:
    return read_family(head + "segments:\n" + "".join(segments), "value.yaml")


def a(segment: str, when: str) -> str:
    return f"  - segment: {segment}\n    about: Some.\n    when: {when}\n"


def test_a_family_is_read_with_its_lines() -> None:
    read = family(a("rich", "revenue >= 1000 && last_order > 0"), a("poor", "revenue < 1000"))
    assert (read.name, read.version, read.choose) == ("value", 3, "first")
    assert [(rule.segment, rule.line) for rule in read.rules] == [("rich", 5), ("poor", 8)]
    (condition,) = read.rules[0].when
    assert (condition.named, condition.needs) == (("last_order", "revenue"), ("last_order",))


WRONG = {
    "": "value.yaml:1: this file is empty",
    "family: [": "value.yaml:1: this is not YAML",
    "- a": "value.yaml:1: a file of segments has fields",
    "family: value\nabout: x\nversion: 1\nsegments: []": "value.yaml:4: segments is a list of at least one segment",
    "family: Value\nabout: x\nversion: 1\nsegments: []": "value.yaml:1: 'Value' is no name",
    "family: value\nversion: 1\nsegments:\n" + a("x", "true"): "value.yaml:1: about is missing",
    "family: value\nabout: x\nversion: one\nsegments: []": "value.yaml:3: version is a whole number",
    "family: value\nabout: x\nversion: 1\nchoose: best\nsegments: []": "value.yaml:4: choose is first or every",
    "family: value\nabout: x\nvershion: 1\nsegments: []": "value.yaml:3: a file of segments has no field vershion; is version",
    HEAD + "segments:\n  - segment: x\n    about: y\n": "value.yaml:5: x has no condition",
    HEAD + "segments:\n" + a("x", "[]"): "value.yaml:7: x: an empty list holds for nobody",
    HEAD + "segments:\n" + a("x", "{a: 1}"): "value.yaml:7: x: a condition is text",
    HEAD + "segments:\n" + a("x", "orders >="): "value.yaml:7: x: 'orders >=' cannot be read",
    HEAD + "segments:\n" + a("x", "ordres > 1"): "value.yaml:7: x: there is no field ordres; is orders meant?",
    HEAD
    + "segments:\n"
    + a("x", "oldr(last_order, '1d')"): "value.yaml:7: x: there is no function oldr; is older meant?",
    HEAD + "segments:\n" + a("x", "in_segment(channel)"): "value.yaml:7: x: in_segment takes a name in quotes",
    HEAD + "segments:\n" + a("x", "known('nobody')"): "value.yaml:7: x: there is no field nobody",
    HEAD + "segments:\n" + a("x", "'older(last_order, \"3 months\")'"): "value.yaml:7: x: 'older(last",
    HEAD + "segments:\n" + a("x", "'true'") + a("y", "orders > 1"): "value.yaml:8: y can never apply: x, before it",
    HEAD
    + "segments:\n"
    + a("x", "orders > 1")
    + a("y", "orders > 1"): "value.yaml:8: y can never apply: x has the same",
    HEAD
    + "segments:\n"
    + a("x", "orders > 1")
    + a("x", "orders > 2"): "value.yaml:8: x is there twice, first in line 5",
    HEAD + "where: nope > 1\nsegments:\n" + a("x", "orders > 1"): "value.yaml:4: value: there is no field nope",
    HEAD + "segments:\n" + a("x", "orders > 1 // some"): "value.yaml:7: x: a condition has no comments",
    HEAD
    + "segments:\n"
    + a("x", "'identifiers.exists(store, store == \"email\")'"): "value.yaml:7: x: store is a field",
    HEAD + "segments:\n" + a("x", "orders"): "value.yaml:7: x: 'orders': it is neither true nor false, but 1",
    HEAD
    + "segments:\n"
    + a("x", "older(last_order)"): "value.yaml:7: x: 'older(last_order)': older takes (instant, span)",
    HEAD
    + "segments:\n"
    + a("x", "orders > 'a'"): "value.yaml:7: x: \"orders > 'a'\": orders is a whole number, and 'a' is a text",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_with_its_place(text: str) -> None:
    with pytest.raises(BadSegments, match="^" + re.escape(WRONG[text])):
        read_family(text, "value.yaml")


MISFITS = {
    "orders == 'a'": "orders is a whole number, and 'a' is a text: these are never compared",
    "channel != 3": "channel is a text, and 3 is a whole number: these are never compared",
    "relations == 'partner'": "relations is a list of texts, and 'partner' is a text: these are never compared",
    "count('scan') == '2'": "count('scan') is a whole number, and '2' is a text: these are never compared",
    "vital == 1": "vital is true or false, and 1 is a whole number: these are never compared",
    "orders in ['1', '2']": "orders is a whole number, and ['1', '2'] is a list of texts: it is never in there",
    "'web' in channel": "channel is a text, and no list to be in",
    "3 in categories": "3 is a whole number, and categories is a list of counts: it is never in there",
    "orders > 5 && channel > 3": "channel is a text, and 3 is a whole number: these are never compared",
    "orders > 5 ? cancelled : !channel": "channel is a text, where something true or false is needed",
    "orders > 5 && (cancelled || returns)": "returns is a whole number, where something true or false is needed",
    "orders > 5 && revenue + channel > 1": "revenue is a whole number, and channel is a text: + is not for these",
    "orders > 5 && p_alive * 100 > 5": "p_alive is a number, and 100 is a whole number: * is not for these",
    "orders > 5 && older(last_order, '3 months')": "'3 months' is not a span of time such as 12h, 90d or 2w",
    "orders > 5 && older(last_order)": "older takes (instant, span)",
    "orders > 5 && older(rhythm, '3d')": "rhythm is a span: older takes (instant, span)",
    "orders > 5 && within(last_order, first_order)": "first_order is an instant: within takes (instant, span)",
    "orders > 5 && days_since(channel) > 1": "channel is a text: days_since takes (instant)",
    "orders > 5 && status(orders) == 'a'": 'orders is a whole number: status takes ("name")',
    "orders > 5 && hours_share('a', 2) > 3": "'a' is a text: hours_share takes (first, before)",
    "orders > 5 && hours_share(5, 25) > 3": "hours_share takes 0 to 24 there, not 25",
    "orders > 5 && days_share(5, 7) > 3": "days_share takes 0 to 6 there, not 7",
    "orders > 5 && points.matches('1')": "points is a whole number: matches is for a text",
}


@pytest.mark.parametrize("condition", MISFITS)
def test_what_does_not_fit_together_is_said_whatever_customers_it_is_asked_of(condition: str) -> None:
    with pytest.raises(BadSegments, match=re.escape(MISFITS[condition]) + "$") as refused:
        family(a("x", f'"{condition}"'))
    assert str(refused.value).startswith("value.yaml:7: x: ")


@pytest.mark.parametrize(
    "condition",
    [
        "orders > 2.5",
        "last_order - first_order > 3 * rhythm",
        "older(last_order, 2 * rhythm) && within(1500000000000, gap)",
        "gap > span('180d') || rhythm == 0",
        "channel + '/' + store == 'loyalty/s1'",
        "'scan' in categories && categories['scan'] > 2",
        "identifiers[0] in ['email', 'phone'] && size(identifiers) in [1, 2]",
        "stores.exists(s, s.startsWith('HCM')) || relations.filter(r, r != 'partner').size() > 1",
        "(orders > 2 ? channel : store) != 'x' && !(tier in [])",
        "hours_share(17, 5) >= 60 && days_share(0, 1, 2) > 5",
        "-returns < 0 && p_alive > 0.5 && value_90d > 2.5",
        "string(orders) == '3' && int('3') == orders && channel.matches('^a[.]b$')",
    ],
)
def test_what_fits_together_is_let_pass(condition: str) -> None:
    (rule,) = family(a("x", f'"{condition}"')).rules
    assert rule.segment == "x"


def test_families_come_after_those_that_they_refer_to() -> None:
    late = read_family(HEAD.replace("value", "a") + "segments:\n" + a("x", 'in_segment("y")'), "a.yaml")
    early = read_family(HEAD.replace("value", "z") + "segments:\n" + a("y", "orders > 1"), "z.yaml")
    assert [each.name for each in in_order([late, early])] == ["z", "a"]


def test_what_all_segments_of_a_family_need_may_refer_to_others_too() -> None:
    head = HEAD.replace("value", "a") + "where: in_segment('y')\nsegments:\n"
    late, early = read_family(head + a("x", "orders > 1"), "a.yaml"), family(a("y", "orders > 1"))
    assert [each.name for each in in_order([late, early])] == ["value", "a"]
    with pytest.raises(BadSegments, match="refers to y"):
        in_order([late])


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (['in_segment("nobody")'], "f0.yaml:6: it refers to nobody, and there is no such segment"),
        (['in_segment("s0")'], "families refer to each other in a circle: f0 → f0"),
        (['in_segment("s1")', 'in_segment("s0")'], "families refer to each other in a circle: f0 → f1 → f0"),
    ],
)
def test_references_that_lead_nowhere_are_refused(conditions: Sequence[str], message: str) -> None:
    families = [
        read_family(HEAD.replace("value", f"f{n}") + "source: x\nsegments:\n" + a(f"s{n}", each), f"f{n}.yaml")
        for n, each in enumerate(conditions)
    ]
    with pytest.raises(BadSegments, match=re.escape(message)):
        in_order(families)


def test_no_two_families_have_a_segment_of_one_name() -> None:
    one, other = (read_family(HEAD.replace("value", f) + "segments:\n" + a("x", "orders > 1"), f) for f in "ab")
    with pytest.raises(BadSegments, match="segment x is there twice, also in a"):
        in_order([one, other])


def test_an_own_family_replaces_the_one_that_ships_and_others_are_added(tmp_path: Path) -> None:
    (tmp_path / "basket.yaml").write_text(HEAD.replace("value", "basket") + "segments:\n" + a("any", "purchases > 0"))
    (tmp_path / "whales.yaml").write_text(HEAD.replace("value", "whales") + "segments:\n" + a("whale", "revenue > 100"))
    catalogue = read_catalogue(VIET_NAM, tmp_path)
    assert {"any", "whale", "loyal"} <= catalogue.rule_of.keys()
    assert "basket_large" not in catalogue.rule_of
    assert catalogue.digest != shipped_catalogue().digest


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSegments, match="nowhere is no directory"):
        read_catalogue(VIET_NAM, tmp_path / "nowhere")


def test_everything_that_conditions_may_use_is_explained() -> None:
    for field in FIELDS:
        assert field.about.endswith("."), field.name
    for function in FUNCTIONS:
        assert function.about.endswith((".", "`.")), function.name
    names = [each.name for each in (*FIELDS, *FUNCTIONS)]
    assert len(names) == len(set(names))
