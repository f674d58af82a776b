"""All families as one Python function: what is asked of every customer again and again, without a step of an interpreter of ours.

Fields that are nothing but looked up are read once, into local variables. Everything else (what `native` leaves to the library,
and a family in which something fails) is for the catalogue to choose rule by rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from processors.segments.fields import PLAIN
from processors.segments.native import NAMES, filled
from processors.segments.rules import Condition, Family
from processors.segments.view import View

Choose = Callable[[Family, View, list[str], int, Collection[str]], None]
"""Chooses of one family, given (family, view, names, how many of these are of families before, names as they were before)."""

Evaluate = Callable[[View, list[str], Collection[str], Choose], str]
"""Adds the names of the segments that hold to a list; returns that of the family `lifecycle`."""

_TRAIT = "view.traits.get("

_NEEDED = {
    "view.traits.get('birthday')": "age",
    "view.traits.get('company')": "company sector company_size company_staff company_years",
    "view.traits.get('points_lapse')": "points_lapse_at points_lapsing",
    "view.portrait.accounts": "relations account_owner account_since",
    "view.portrait.complaints": "complaint_severity complaint_since",
    "view.portrait.scores": "nps nps_group nps_at csat csat_at satisfaction satisfaction_at satisfaction_before"
    " satisfaction_fall",
    "view.portrait.statuses": "cancelled_at unfollowed_at",
}
_ONLY = {name: needed for needed, names in _NEEDED.items() for name in names.split()}
"""Source of what must be true of the view, else a field is unknown: to ask that is cheaper than to ask the field."""


def compiled(families: Sequence[Family], left: Collection[str] = ()) -> Evaluate:
    """The function that chooses of these families, in this order; those with the names `left` are left to the catalogue."""
    names: dict[str, Any] = {**NAMES, **{f"family_{at}": family for at, family in enumerate(families)}}
    lines = ["def evaluate(view, names, before, choose):", "    lifecycle = ''", *_looked_up(families)]
    for at, family in enumerate(families):
        chosen = [f"        choose(family_{at}, view, names, at, before)"]
        if family.name not in left and all(condition.source is not None for condition in _conditions(family)):
            chosen = _fitting(list(_chosen(family))) or chosen
        lines += ["    at = len(names)", "    try:", *chosen]
        lines += ["    except Exception:", f"        choose(family_{at}, view, names, at, before)"]
        if family.name == "lifecycle":
            lines += ["    if len(names) > at:", "        lifecycle = names[at]"]
    lines.append("    return lifecycle")
    exec("\n".join(lines), names)  # noqa: S102 - made of nothing but tokens known to `native`, and names of segments
    evaluate: Evaluate = names["evaluate"]
    return evaluate


def _conditions(family: Family) -> Iterator[Condition]:
    if family.where is not None:
        yield family.where
    for rule in family.rules:
        yield from rule.when


def _looked_up(families: Iterable[Family]) -> Iterator[str]:
    """Lines that read the plain fields."""
    asked = {
        name for family in families for condition in _conditions(family) for name in condition.asked if name in PLAIN
    }
    traits = sorted(name for name in asked if PLAIN[name].startswith(_TRAIT))
    yield "    portrait, ranked, computed = view.portrait, view.ranked, view.computed"
    for name in sorted(asked.difference(traits)):
        yield f"    {_local(name)} = {PLAIN[name].removeprefix('view.')}"
    yield "    traits = view.traits"
    if traits:
        yield "    if traits:"
        for name in traits:
            yield f"        {_local(name)} = {PLAIN[name].removeprefix('view.')}"
        yield "    else:"
        yield f"        {' = '.join(map(_local, traits))} = None"


def _fitting(lines: list[str]) -> list[str]:
    """The lines, unless they are more than Python takes: a ladder of some two thousand rungs."""
    try:
        compile("\n".join(["if True:", "    if True:", *lines]), "family", "exec")
    except (SyntaxError, RecursionError, MemoryError):
        return []
    return lines


def _chosen(family: Family) -> Iterator[str]:
    """Lines that add what holds of one family."""
    indent = "        "
    everywhere = set.intersection(*(set(condition.needs) for rule in family.rules for condition in rule.when))
    shared = [name for name in family.rules[0].when[0].needs if name in everywhere]
    before = [] if family.where is None else [_holds(family.where)]
    before += [_known(name) for name in shared]
    if before:
        yield f"{indent}if {' and '.join(before)}:"
        indent += "    "
    word = "if"
    for rule in family.rules:
        yield f"{indent}{word} {' or '.join(_holds(condition, everywhere) for condition in rule.when)}:"
        yield f"{indent}    names.append({rule.segment!r})"
        word = "elif" if family.choose == "first" else "if"


def _holds(condition: Condition, known: Collection[str] = ()) -> str:
    """The condition, as source; those of its needs that are `known` are in local variables, and not None."""
    parts = [_known(name) for name in condition.needs if name not in known]
    said = filled(condition.source or "", lambda name: _local(name) if name in condition.needs else _read(name))
    return f"({' and '.join([*parts, said])})"


def _known(name: str) -> str:
    """Whether a field is known, as source; its value is in a local variable from then on."""
    return f"{_local(name) if name in PLAIN else f'({_local(name)} := {_read(name)})'} is not None"


def _read(name: str) -> str:
    if name in PLAIN:
        return _local(name)
    if name in _ONLY:
        return f"(view.get({name!r}) if {_ONLY[name].removeprefix('view.')} else None)"
    return f"view.get({name!r})"


def _local(name: str) -> str:
    return f"field_{name}"
