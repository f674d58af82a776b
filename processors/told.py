"""What one type of event says, and what the functions that find out may look at (`processors.enrich`, `processors.service`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from processors.normalise import Normalised
from processors.reference import Reference
from schemas.clean import Account, Complaint, Purchase, Score
from schemas.codec import Problem


@dataclass(slots=True)
class Told:
    """What one type of event says: the fields of `CleanEvent` with these names."""

    traits: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    purchase: Purchase | None = None
    points: int = 0
    acquisition: str | None = None
    recorded: Account | Complaint | Score | None = None


class Scene(NamedTuple):
    """What a function that tells may look at, and `problems`, where it notes what it leaves out."""

    moment: datetime
    customer: Normalised
    reference: Reference
    problems: list[Problem]
