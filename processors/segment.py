"""Decide which segments a customer belongs to, why, and when to look again. The rules are data: `processors/segments/*.yaml`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from schemas.portrait import Membership, Portrait, Segments

DAY_MS = 24 * 60 * 60 * 1000

_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class Condition(NamedTuple):
    """`field` compared with `number`. For a field that counts days, `since` names the instant it counts from."""

    field: str
    sign: str
    compare: Callable[[int, int], bool]
    number: int
    since: str | None


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
    rules = []
    for entry in document["rules"]:
        if not isinstance(entry, dict) or set(entry) != {"segment", "about", "when"}:
            raise ValueError(f"{name}: a rule has exactly the fields segment, about and when, not {entry!r}")
        if rules and not rules[-1].when:
            raise ValueError(f"{name}: rule {entry['segment']!r} can never apply, {rules[-1].segment!r} before it always does")
        conditions = tuple(_condition(each, f"{name}: rule {entry['segment']!r}") for each in entry["when"])
        rules.append(Rule(str(entry["segment"]), str(entry["about"]), conditions))
    if not rules or rules[-1].when:
        raise ValueError(f"{name}: the last rule must apply to everyone (when: [])")
    return RuleSet(str(document["family"]), int(document["version"]), tuple(rules))


def _condition(text: Any, place: str) -> Condition:
    parts = str(text).split()
    if len(parts) != 3 or parts[1] not in _OPERATORS or not parts[2].lstrip("-").isdigit():
        raise ValueError(f"{place}: {text!r} is not FIELD OPERATOR NUMBER")
    field, sign, number = parts
    if field not in _NUMBERS and field not in _DAYS_SINCE:
        raise ValueError(f"{place}: unknown field {field!r}; known are {', '.join((*_NUMBERS, *_DAYS_SINCE))}")
    return Condition(field, sign, _OPERATORS[sign], int(number), _DAYS_SINCE.get(field))


@cache
def lifecycle_rules() -> RuleSet:
    """The rules that ship, read once."""
    return read_rules((files("processors") / "segments" / "lifecycle.yaml").read_text("utf-8"), "segments/lifecycle.yaml")


def segment(portrait: Portrait, rules: RuleSet, now: int) -> Segments:
    """Evaluate `rules` for one customer at `now` (Unix ms).

    The reason of a membership lists the values that decided. `due` is exact: before it, and without a new event, the answer
    stays the same.
    """
    due: int | None = None
    for rule in rules.rules:
        holds = True
        for condition in rule.when:
            value = _value(portrait, condition, now)
            if value is None or not condition.compare(value, condition.number):
                holds = False
            if condition.since is not None and value is not None:
                turn = _turn(getattr(portrait, condition.since), condition, now)
                if turn is not None and (due is None or turn < due):
                    due = turn
            if not holds:
                break
        if holds:
            reason = ", ".join(_said(portrait, each, now) for each in rule.when) or "no other rule applies"
            return Segments(rule.segment, (Membership(rule.segment, rules.family, reason, rules.version),), due)
    raise AssertionError("the last rule of a set always applies")


def _value(portrait: Portrait, condition: Condition, now: int) -> int | None:
    if condition.since is not None:
        since: int | None = getattr(portrait, condition.since)
        return None if since is None else (now - since) // DAY_MS
    if condition.field == "cancelled":
        return int(_cancelled(portrait))
    number: int = getattr(portrait, condition.field)
    return number


def _turn(since: int, condition: Condition, now: int) -> int | None:
    """The next instant (ms) at which the day count crosses the number of `condition`, None when it lies behind."""
    crossings = [condition.number] if condition.sign in ("<", ">=") else [condition.number + 1]
    if condition.sign == "==":
        crossings.append(condition.number)
    ahead = [since + days * DAY_MS for days in crossings if since + days * DAY_MS > now]
    return min(ahead, default=None)


def _said(portrait: Portrait, condition: Condition, now: int) -> str:
    return f"{condition.field} {_value(portrait, condition, now)} {condition.sign} {condition.number}"


def _cancelled(portrait: Portrait) -> bool:
    last = 0
    for name, (status, time, _) in portrait.statuses.items():
        if name.startswith("card:"):
            if status != "cancelled":
                return False
            last = max(last, time)
    return last > 0 and (portrait.last_order is None or portrait.last_order <= last)
