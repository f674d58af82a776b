"""What is known of where an event is, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

RECEIVED = "received by Kafka"
"""What the step of a raw record is called."""


class State(StrEnum):
    """Where an event is, the furthest it has come last."""

    SET_ASIDE = "set aside"
    REJECTED = "rejected"
    SPOOLED = "spooled"
    PUBLISHED = "published"
    PREPARED = "prepared"
    STORED = "stored"


_FURTHER = tuple(State)


class Step(NamedTuple):
    """Something that happened to it: when (None: not kept), what, and where."""

    at: datetime | None
    what: str
    place: str


@dataclass
class Found:
    """One event of that id. `source` is None when a dead letter does not name it. `customer` is the living one that it belongs
    to, `open` when that is being decided. `ended` are places of raw records of which the end is known.
    """

    source: str | None
    state: State = State.SET_ASIDE
    customer: str | None = None
    open: bool = False
    type: str | None = None
    happened_at: datetime | None = None
    duplicates: int = 0
    steps: list[Step] = field(default_factory=list)
    ended: set[str] = field(default_factory=set, repr=False)

    def came(self, state: State, *steps: Step) -> None:
        """It came as far as `state`, or further."""
        self.state = max(self.state, state, key=_FURTHER.index)
        self.steps += steps

    def settle(self) -> None:
        """Put the steps in order. What was rejected is not on its way, though its raw record may not be committed yet."""
        self.steps.sort(key=lambda step: step.at or datetime.min.replace(tzinfo=UTC))
        raw = {step.place for step in self.steps if step.what == RECEIVED}
        if self.state is State.PUBLISHED and raw <= self.ended:
            self.state = State.REJECTED

    @property
    def rank(self) -> int:
        """How far it has come."""
        return _FURTHER.index(self.state)

    @property
    def says(self) -> str:
        """Where it is, in words."""
        if self.state is not State.STORED:
            return {
                State.SET_ASIDE: "set aside in the spool: Kafka will never take it",
                State.REJECTED: "rejected",
                State.SPOOLED: "in the spool of the collector, which waits for Kafka",
                State.PUBLISHED: "in Kafka, not prepared yet",
                State.PREPARED: "in Kafka, prepared and not stored yet",
            }[self.state]
        if self.customer is not None:
            return f"stored for customer {self.customer}" + (", being decided anew" if self.open else "")
        return "stored; whose it is, is not decided" if self.open else "stored; it names nobody who could be told"


@dataclass
class Trace:
    """What is known of an id. `searched` is where it was looked for, `unasked` what could not be asked, and why; with `addresses`
    of servers and what they said, or without: those are not for everybody who may ask.
    """

    id: str
    addresses: bool = True
    events: list[Found] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)

    def of(self, source: str | None) -> Found:
        """The event of that source, a new one when there is none yet."""
        for found in self.events:
            if found.source == source:
                return found
        self.events.append(Found(source))
        return self.events[-1]

    def at(self, address: str) -> str:
        """` at ADDRESS`, or nothing."""
        return f" at {address}" if self.addresses else ""

    def not_asked(self, what: str, why: str) -> None:
        """`what` could not be asked."""
        self.unasked.append(f"{what}: {why if self.addresses else 'it does not answer'}")

    def as_json(self) -> dict[str, Any]:
        """As `portrait trace --json` and the HTTP answer give it."""
        return {
            "id": self.id,
            "found": bool(self.events),
            "complete": not self.unasked,
            "events": [
                {
                    **{name: value for name, value in vars(each).items() if name not in ("steps", "ended")},
                    "state": str(each.state),
                    "happened_at": _iso(each.happened_at),
                    "says": each.says,
                    "steps": [step._asdict() | {"at": _iso(step.at)} for step in each.steps],
                }
                for each in self.events
            ],
            "searched": self.searched,
            "unasked": self.unasked,
        }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
