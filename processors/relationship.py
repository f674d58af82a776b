"""What the company records of a customer, folded into the portrait: accounts, complaints, scores.

The laws are those of `processors.portray`. What is kept is the newest facts, a bounded number: a fact that is among them in the
end was never dropped on the way, as only older ones are.
"""

from __future__ import annotations

from typing import Any

from schemas.clean import Account, CleanEvent, Complaint
from schemas.portrait import Fact, Portrait

KEPT = 64
"""Relations, and complaints, of one customer."""

SCORES_KEPT = 2
"""Answers of one kind: the latest, and the one before it."""


def record(portrait: Portrait, event: CleanEvent) -> None:
    """Add what `event` records to `portrait`, in place."""
    recorded, time, key = event.recorded, event.time, event.key
    if isinstance(recorded, Account):
        value: dict[str, Any] | None = None
        if recorded.held:
            value = {"owner": recorded.owner, "since": recorded.since}
        _keep(portrait.accounts, recorded.relation, (value, time, key))
    elif isinstance(recorded, Complaint):
        if recorded.open and (portrait.complained is None or time > portrait.complained):
            portrait.complained = time
        _keep(portrait.complaints, recorded.id, ({"severity": recorded.severity} if recorded.open else None, time, key))
    elif recorded is not None:
        _answer(portrait, recorded.measure, (time, key, recorded.percent))


def merge_recorded(portrait: Portrait, other: Portrait) -> None:
    """Add all that is recorded in `other` to `portrait`, in place. The two have no event in common."""
    for relation, fact in other.accounts.items():
        _keep(portrait.accounts, relation, fact)
    for complaint, fact in other.complaints.items():
        _keep(portrait.complaints, complaint, fact)
    if other.complained is not None:
        portrait.complained = max(portrait.complained or other.complained, other.complained)
    for measure, answers in other.scores.items():
        for answer in answers:
            _answer(portrait, measure, answer)


def _keep(facts: dict[str, Fact], name: str, fact: Fact) -> None:
    """Let the later one of two facts of one name stand; and of all names those with the latest facts."""
    known = facts.get(name)
    if known is not None:
        if _order(fact) > _order(known):
            facts[name] = fact
        return
    facts[name] = fact
    if len(facts) > KEPT:
        del facts[min(facts, key=lambda each: (*_order(facts[each]), each))]


def _order(fact: Fact) -> tuple[int, bool, str]:
    """Of one instant, the end comes after the beginning: clocks of whole days have both."""
    value, time, key = fact
    return time, value is None, key


def _answer(portrait: Portrait, measure: str, answer: tuple[int, str, int]) -> None:
    answers = sorted({*portrait.scores.get(measure, ()), answer})
    portrait.scores[measure] = answers[-SCORES_KEPT:]
