"""What events say that the company itself records of a customer: relations and owners, complaints, answers to surveys.

Nobody comes to the shop by them, so they tell no acquisition.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from processors.text import clean_text
from processors.told import Scene, Told
from schemas.clean import Account, Complaint, Score
from schemas.events import (
    AccountAssigned,
    AccountUnassigned,
    ComplaintOpened,
    ComplaintResolved,
    SurveyAnswered,
)
from schemas.events import Score as Given

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _assigned(data: AccountAssigned, scene: Scene) -> Told:
    """A relation that is to begin later begins with the event: whoever is responsible then can be recorded then."""
    since = scene.moment
    if data.valid_from is not None:
        since = min(data.valid_from, scene.moment)
        if data.valid_from > scene.moment:
            scene.problems.append(("$.data.valid_from", "in_the_future"))
    owner = None
    if data.owner is not None:
        stated = (clean_text(each or "") for each in (data.owner.name, data.owner.email, data.owner.id))
        owner = next(filter(None, stated), None)
    return Told(
        counts={"account_assigned": 1},
        recorded=Account(data.relation, owner=owner, since=(since - _EPOCH) // _MILLISECOND),
    )


def _unassigned(data: AccountUnassigned, _: Scene) -> Told:
    return Told(counts={"account_unassigned": 1}, recorded=Account(data.relation, held=False))


def _opened(data: ComplaintOpened, _: Scene) -> Told:
    counts = {"complaint": 1}
    if data.complaint.category is not None:
        counts[f"complaint:{data.complaint.category}"] = 1
    return Told(counts=counts, recorded=Complaint(_id(data.complaint.id), severity=data.complaint.severity))


def _resolved(data: ComplaintResolved, _: Scene) -> Told:
    return Told(counts={"complaint_resolved": 1}, recorded=Complaint(_id(data.complaint.id), open=False))


def _id(stated: str) -> str:
    return clean_text(stated) or stated


def _answered(data: SurveyAnswered, _: Scene) -> Told:
    told = Told(counts={"survey": 1})
    if data.motives:
        told.traits["motives"] = sorted(set(data.motives))
    if data.score is not None:
        told.recorded = Score(data.score.kind, percent(data.score))
    return told


def percent(score: Given) -> int:
    """How far up its scale a score is: 0 for the lowest, 100 for the highest, rounded down."""
    lowest, highest = score.scale
    return int(100 * (score.value - lowest) / (highest - lowest))


TELL_OF_SERVICE: dict[type[Any], Callable[[Any, Scene], Told]] = {
    AccountAssigned: _assigned,
    AccountUnassigned: _unassigned,
    ComplaintOpened: _opened,
    ComplaintResolved: _resolved,
    SurveyAnswered: _answered,
}
