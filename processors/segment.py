"""Decide which segments a customer belongs to, why, and when to look again. The rules are data: `processors/segments/*.yaml`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from schemas.portrait import Move, Portrait, Segments

DAY_MS = 24 * 60 * 60 * 1000

_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class Condition(NamedTuple):
    """One comparison, made ready.

    A count of days is a comparison of instants: `days_since_x > 90` holds from 91 days after x on. For these `since` is the
    portrait's field, `turn` the milliseconds after it at which the comparison turns, and `holds_after` to which side.
    For plain numbers `since` is None and `compare(value of field, number)` decides.
    """

    text: str
    field: str
    compare: Callable[[int, int], bool]
    number: int
    since: str | None
    turn: int
    holds_after: bool


class Rule(NamedTuple):
    """`segment` applies when all of `when` hold."""

    segment: str
    about: str
    when: tuple[Condition, ...]


class RuleSet(NamedTuple):
    """Ordered rules of which the first that holds applies; the last one always holds."""

    family: str
    version: int
    rules: tuple[Rule, ...]


_DAYS_SINCE = {
    "days_since_last_order": "last_order",
    "days_since_first_order": "first_order",
    "days_since_last_seen": "last_seen",
}
_NUMBERS = ("orders", "returns", "revenue", "points", "cancelled")


def read_rules(text: str, name: str) -> RuleSet:
    """Read and check one rule file. Raises ValueError naming the file, the rule and what is wrong with it."""
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or set(document) != {"family", "version", "rules"}:
        raise ValueError(f"{name}: expected exactly the fields family, version and rules")
    rules: list[Rule] = []
    for entry in document["rules"]:
        if not isinstance(entry, dict) or set(entry) != {"segment", "about", "when"}:
            raise ValueError(f"{name}: a rule has exactly the fields segment, about and when, not {entry!r}")
        if rules and not rules[-1].when:
            raise ValueError(
                f"{name}: rule {entry['segment']!r} can never apply, {rules[-1].segment!r} before it always does"
            )
        place = f"{name}: rule {entry['segment']!r}"
        conditions = tuple(made for each in entry["when"] for made in _conditions(each, place))
        rules.append(Rule(str(entry["segment"]), str(entry["about"]), conditions))
    if not rules or rules[-1].when:
        raise ValueError(f"{name}: the last rule must apply to everyone (when: [])")
    return RuleSet(str(document["family"]), int(document["version"]), tuple(rules))


def _conditions(text: Any, place: str) -> list[Condition]:
    parts = str(text).split()
    if len(parts) != 3 or parts[1] not in _OPERATORS or not parts[2].lstrip("-").isdigit():
        raise ValueError(f"{place}: {text!r} is not FIELD OPERATOR NUMBER")
    field, sign, number = parts[0], parts[1], int(parts[2])
    since = _DAYS_SINCE.get(field)
    if field not in _NUMBERS and since is None:
        raise ValueError(f"{place}: unknown field {field!r}; known are {', '.join((*_NUMBERS, *_DAYS_SINCE))}")
    if since is not None and sign == "==":
        return [*_conditions(f"{field} >= {number}", place), *_conditions(f"{field} <= {number}", place)]
    turn = (number + (sign in (">", "<="))) * DAY_MS
    return [Condition(str(text), field, _OPERATORS[sign], number, since, turn, sign in (">", ">="))]


@cache
def lifecycle_rules() -> RuleSet:
    """The rules that ship, read once."""
    return read_rules(
        (files("processors") / "segments" / "lifecycle.yaml").read_text("utf-8"), "segments/lifecycle.yaml"
    )


def segment(portrait: Portrait, rules: RuleSet, now: int) -> Segments:
    """Evaluate `rules` for one customer at `now` (Unix ms). Before `due`, and without a new event, the answer stays the same."""
    due: int | None = None
    for name, _, conditions in rules.rules:
        for _, field, compare, number, since, turn, holds_after in conditions:
            if since is not None:
                start = getattr(portrait, since)
                if start is None:
                    break
                at = start + turn
                if at > now and (due is None or at < due):
                    due = at
                if (now >= at) is not holds_after:
                    break
            elif not compare(getattr(portrait, field) if field != "cancelled" else _cancelled(portrait), number):
                break
        else:
            return Segments(name, (name,), due)
    raise AssertionError("the last rule of a set always applies")


def moves(
    customer: str, before: Collection[str], after: Segments, portrait: Portrait, rules: RuleSet, now: int
) -> Iterator[Move]:
    """What changes for a customer that was in the segments `before`: leaving first, each with its reason."""
    for name in before:
        if name not in after.names:
            yield Move(customer, name, rules.family, "left", f"now {', '.join(after.names)}", rules.version)
    for name in after.names:
        if name not in before:
            yield Move(customer, name, rules.family, "entered", reason(portrait, rules, name, now), rules.version)


def reason(portrait: Portrait, rules: RuleSet, name: str, now: int) -> str:
    """Why a customer is in segment `name`: the values that satisfied its rule."""
    rule = next(rule for rule in rules.rules if rule.segment == name)
    said = [f"{condition.text} (it is {_value(portrait, condition, now)})" for condition in rule.when]
    return ", ".join(said) or f"no other rule of {rules.family} applies"


def _value(portrait: Portrait, condition: Condition, now: int) -> int:
    if condition.since is not None:
        return int((now - getattr(portrait, condition.since)) // DAY_MS)
    if condition.field == "cancelled":
        return _cancelled(portrait)
    return int(getattr(portrait, condition.field))


def _cancelled(portrait: Portrait) -> int:
    if not portrait.statuses:
        return 0
    last = 0
    for name, (status, time, _) in portrait.statuses.items():
        if name.startswith("card:"):
            if status != "cancelled":
                return 0
            last = max(last, time)
    return int(last > 0 and (portrait.last_order is None or portrait.last_order <= last))
