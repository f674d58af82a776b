"""How the fields about relations, complaints, scores and what was stated in surveys are found. See `processors.relationship`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from processors.segments.view import View

FIRST_RELATIONS = ("key_account", "strategic", "partner", "project", "exchange")
"""Of several relations with an owner, whose owner is named: the first of these, else the first by name."""

_SEVERITIES = ("low", "medium", "high")


def relations(view: View) -> list[str] | None:
    """Those that hold, sorted; None when none does."""
    accounts = view.portrait.accounts
    return (sorted(_held(view)) or None) if accounts else None


def account_owner(view: View) -> str | None:
    """Who is responsible."""
    held = _held(view)
    for relation in (*FIRST_RELATIONS, *sorted(held)):
        if relation in held and (owner := held[relation]["owner"]):
            return str(owner)
    return None


def account_since(view: View) -> int | None:
    """Since when the oldest relation that holds does."""
    return min((value["since"] for value in _held(view).values() if value["since"] is not None), default=None)


def _held(view: View) -> dict[str, dict[str, Any]]:
    return {relation: value for relation, (value, _, _) in view.portrait.accounts.items() if value is not None}


def complaints_open(view: View) -> int:
    """How many complaints are open."""
    complaints = view.portrait.complaints
    return sum(1 for value, _, _ in complaints.values() if value is not None) if complaints else 0


def complaint_severity(view: View) -> str | None:
    """The greatest severity of those."""
    stated = {value["severity"] for value, _, _ in view.portrait.complaints.values() if value is not None}
    return next((each for each in reversed(_SEVERITIES) if each in stated), None)


def complaint_since(view: View) -> int | None:
    """When the first of those was made."""
    return min((time for value, time, _ in view.portrait.complaints.values() if value is not None), default=None)


def nps(view: View) -> int | None:
    """The latest answer, 0 to 10."""
    answers = view.portrait.scores.get("nps")
    return answers[-1][2] // 10 if answers else None


def nps_at(view: View) -> int | None:
    """When it was given."""
    answers = view.portrait.scores.get("nps")
    return answers[-1][0] if answers else None


def nps_group(view: View) -> str | None:
    """Fred Reichheld's groups."""
    score = nps(view)
    if score is None:
        return None
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"


def csat(view: View) -> int | None:
    """The latest answer, in percent of its scale."""
    answers = view.portrait.scores.get("csat")
    return answers[-1][2] if answers else None


def csat_at(view: View) -> int | None:
    """When it was given."""
    answers = view.portrait.scores.get("csat")
    return answers[-1][0] if answers else None


def satisfaction(view: View) -> int | None:
    """The latest score of any kind, in percent of its scale."""
    answers = _latest(view)
    return answers[-1][2] if answers else None


def satisfaction_before(view: View) -> int | None:
    """The score of the same kind before it."""
    answers = _latest(view)
    return answers[-2][2] if len(answers) > 1 else None


def satisfaction_at(view: View) -> int | None:
    """When the latest one was given."""
    answers = _latest(view)
    return answers[-1][0] if answers else None


def satisfaction_fall(view: View) -> int | None:
    """By how many points of a hundred it is lower; negative when it rose."""
    answers = _latest(view)
    return answers[-2][2] - answers[-1][2] if len(answers) > 1 else None


def _latest(view: View) -> list[tuple[int, str, int]]:
    """The answers of the kind that was answered last."""
    scores = view.portrait.scores
    return max(scores.values(), key=lambda answers: answers[-1][:2]) if scores else []


def company_years(view: View) -> int | None:
    """Years since the one in which it was founded."""
    founded = (view.traits.get("company") or {}).get("founded")
    if founded is None:
        return None
    view.turns_at(view.begin_of(date(view.today.year + 1, 1, 1)))
    return max(0, view.today.year - int(founded))


def points_lapse_at(view: View) -> int | None:
    """When the next points lapse, as told last (Unix ms)."""
    told = view.traits.get("points_lapse")
    if told is None or told.get("points") == 0:
        return None
    return round(datetime.fromisoformat(told["at"]).timestamp() * 1000)


def points_lapsing(view: View) -> int | None:
    """How many these are."""
    told = view.traits.get("points_lapse")
    return None if told is None else told.get("points")
