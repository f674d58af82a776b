"""The rules of identity: what ships, and what is said of a file that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from processors.identity_rules import IdentityRules, KindRule, Tier, identity_rules, read_identity_rules
from schemas.clean import partition_key
from schemas.identifiers import SAME_EVENT, STRENGTH, VERIFIED, Identifier, by_strength
from tests.stories import DAY, said


def plain() -> dict[str, Any]:
    """A short file that is right, to be made wrong."""
    kinds = {kind: {"class": "weak", "values": 1, "seen_with": 2} for kind in STRENGTH}
    return {"version": 1, "largest": 10, "kinds": kinds}


def read(file: object) -> IdentityRules:
    return read_identity_rules(yaml.safe_dump(file, sort_keys=False), "mine.yaml")


def change(file: dict[str, Any], kind: str, **fields: Any) -> dict[str, Any]:
    file["kinds"][kind].update(fields)
    return file


def without(file: dict[str, Any], key: str) -> dict[str, Any]:
    del file[key]
    return file


def swapped(file: dict[str, Any], one: str, other: str) -> dict[str, Any]:
    order = {one: other, other: one}
    file["kinds"] = {order.get(kind, kind): file["kinds"][order.get(kind, kind)] for kind in file["kinds"]}
    return file


def test_what_ships_is_in_the_order_of_the_keys_in_kafka() -> None:
    rules = identity_rules()
    assert tuple(rules.kinds) == STRENGTH
    assert [rule.priority for rule in rules.kinds.values()] == list(range(len(STRENGTH)))


def test_the_strongest_identifier_is_the_same_for_the_rules_and_for_the_key_in_kafka() -> None:
    rules = identity_rules()
    for weaker in range(1, len(STRENGTH)):
        event = said(1, {STRENGTH[weaker]: "a", STRENGTH[weaker - 1]: "z"})
        strongest = min(event.identifiers, key=lambda each: (rules.kinds[each.kind].priority, each.value))
        assert partition_key(event) == str(strongest).encode()
        assert strongest == min(event.identifiers, key=by_strength)


def test_a_file_is_read_as_it_is_written() -> None:
    file = change(plain(), "card_no", **{"class": "strong_unique"}, seen_with=5, block={"is": ["a.c"], "like": ["0+"]})
    change(file, "phone", values=3, seen_with=3, window=30)
    rules = read({**file, "version": 7, "largest": 99})
    card, phone = rules.kinds["card_no"], rules.kinds["phone"]
    assert (rules.version, rules.largest) == (7, 99)
    assert card == KindRule("card_no", 1, Tier.STRONG, True, 1, 5, None, card.blocked)
    assert phone == KindRule("phone", 3, Tier.WEAK, False, 3, 3, 30 * DAY, None)
    blocked = {value: rules.blocked(Identifier("card_no", value)) for value in ("a.c", "abc", "000", "0001", "A.C", "")}
    assert blocked == {"a.c": True, "abc": False, "000": True, "0001": False, "A.C": False, "": False}
    assert not rules.blocked(Identifier("phone", "000"))


@pytest.mark.parametrize("value", ["anonymous", "guest", "null", "000", "0-0-0"])
def test_what_ships_blocks_placeholders_of_browsers(value: str) -> None:
    assert identity_rules().blocked(Identifier("anonymous_id", value))


@pytest.mark.parametrize("value", ["Anonymous", "guest1", "0a", "f3c9"])
def test_what_ships_blocks_whole_values_only(value: str) -> None:
    assert not identity_rules().blocked(Identifier("anonymous_id", value))


@pytest.mark.parametrize(
    ("a", "b", "rule", "expected"),
    [
        ("card_no", "facebook_id", SAME_EVENT, Tier.STRONG),
        ("card_no", "phone", SAME_EVENT, Tier.WEAK),
        ("card_no", "phone", VERIFIED, Tier.STRONG),
        ("email", "phone", VERIFIED, Tier.WEAK),
        ("phone", "zalo_id", SAME_EVENT, Tier.WEAK),
        ("card_no", "device_id", SAME_EVENT, Tier.DEVICE),
    ],
)
def test_a_link_weighs_as_much_as_its_weaker_end_and_a_verified_end_is_strong(
    a: str, b: str, rule: str, expected: Tier
) -> None:
    assert identity_rules().tier(Identifier(a, "x"), Identifier(b, "y"), rule) is expected


@pytest.mark.parametrize(
    ("wrong", "said_of_it"),
    [
        (lambda file: change(file, "phone", **{"class": "strongest"}),
         "mine.yaml: phone: class 'strongest' is not one of strong_unique, strong, weak, device"),
        (lambda file: change(file, "phone", values=3),
         "mine.yaml: phone: values must be 1 or more, and seen_with not less than values"),
        (lambda file: change(file, "phone", values=0),
         "mine.yaml: phone: values must be 1 or more, and seen_with not less than values"),
        (lambda file: change(file, "phone", values="many"), "mine.yaml: phone: Expected `int`, got `str` - at `$.values`"),
        (lambda file: change(file, "phone", weight=3),
         "mine.yaml: phone: Object contains unknown field `weight`"),
        (lambda file: change(file, "phone", block={"is": [None]}),
         "mine.yaml: phone: Expected `str`, got `null` - at `$.block.is[0]`"),
        (lambda file: without(file["kinds"]["phone"], "seen_with") and file,
         "mine.yaml: phone: Object missing required field `seen_with`"),
        (lambda file: {**file, "kinds": {**file["kinds"], "phone": 7}}, "mine.yaml: phone: Expected `object`, got `int`"),
        (lambda file: change(file, "device_id", **{"class": "device"}, window=30),
         "mine.yaml: device_id: window is a number of days, for kinds of class weak"),
        (lambda file: change(file, "phone", window=0),
         "mine.yaml: phone: window is a number of days, for kinds of class weak"),
        (lambda file: change(file, "phone", block={"like": ["ok", "+84("]}),
         "mine.yaml: phone: nothing to repeat at position 0 in a pattern of block"),
        (lambda file: change(file, "phone", block={"like": ["(?i:a)", "(?i)a"]}), "mine.yaml: phone: global flags"),
        (lambda file: {**file, "kinds": {**file["kinds"], "fax": file["kinds"]["phone"]}},
         f"mine.yaml: kinds must be exactly {', '.join(STRENGTH)}; missing or unknown: fax"),
        (lambda file: without(file["kinds"], "zalo_id") and file,
         f"mine.yaml: kinds must be exactly {', '.join(STRENGTH)}; missing or unknown: zalo_id"),
        (lambda file: swapped(file, "email", "phone"),
         f"mine.yaml: phone: kinds must come in the order of Kafka's keys: {', '.join(STRENGTH)}"),
        (lambda file: {**file, "version": 0}, "mine.yaml: version is 1 or more, largest 10 or more"),
        (lambda file: {**file, "largest": 9}, "mine.yaml: version is 1 or more, largest 10 or more"),
        (lambda file: {**file, "limits": 1}, "mine.yaml: Object contains unknown field `limits`"),
        (lambda file: without(file, "kinds"), "mine.yaml: Object missing required field `kinds`"),
        (lambda file: [file], "mine.yaml: Expected `object`, got `array`"),
        (lambda file: None, "mine.yaml: Expected `object`, got `null`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    wrong: Callable[[dict[str, Any]], object], said_of_it: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said_of_it)}"):
        read(wrong(plain()))


def test_a_file_that_is_not_yaml_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match=r"(?s)^mine\.yaml: .*line 2, column"):
        read_identity_rules("kinds: {card_no: [\nversion: 1", "mine.yaml")
