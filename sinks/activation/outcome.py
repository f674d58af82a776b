"""What came of telling a target, and when to try again."""

from __future__ import annotations

from typing import NamedTuple

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
LONGEST_ASKED = 3_600.0
"""Seconds. A target that asks to be left alone for longer is asked again by then."""


class Delivered(NamedTuple):
    """It has taken it; `answer` is what it said."""

    answer: str


class Skipped(NamedTuple):
    """It was not to be told; `why` is one of a few words, for counting."""

    why: str


class Again(NamedTuple):
    """Bad luck that may pass; try again, not before `after` seconds."""

    why: str
    after: float = 0.0


class Refused(NamedTuple):
    """It will not take this one however often it comes: a dead letter."""

    why: str


class Gone(NamedTuple):
    """It wants to hear no more: pause it."""

    why: str


Outcome = Delivered | Skipped | Again | Refused | Gone


def pause_before(attempt: int, asked: float, chance: float) -> float:
    """Seconds to wait before try `attempt` + 1, after `attempt` ≥ 1 that failed.

    Doubles from FIRST_PAUSE to LONGEST_PAUSE; of that between half and all, by `chance` (0 to 1), so that many do not come back
    at once. Not less than what the target `asked` for, up to LONGEST_ASKED.
    """
    backoff = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt - 1, 30))
    return max(backoff * (1 + chance) / 2, min(asked, LONGEST_ASKED))


def given_up(attempt: int, failing_seconds: float, *, max_attempts: int, max_hours: float) -> bool:
    """Whether a change that failed `attempt` times, at a target that has not answered for so long, becomes a dead letter."""
    return attempt >= max_attempts or failing_seconds >= max_hours * 3_600
