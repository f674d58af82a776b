"""The words that all stories of the demo share: what is told, when, and how an event is put in its envelope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

from ops.demo.people import Person

VIETNAM = timezone(timedelta(hours=7))
"""Viet Nam has kept +07:00 without summer time since 1975."""

Event = dict[str, Any]


class Told(NamedTuple):
    """One event and who it is about. `event` is a CloudEvent as a channel sends it; it happened at `at`."""

    at: datetime
    person: int
    event: Event


@dataclass(frozen=True, slots=True)
class Calendar:
    """How the year of the sample is laid over the year before `anchor`: by whole days, so that shops keep their hours.

    The last basket of the sample falls on the day before `anchor`, by Vietnamese clocks.
    """

    anchor: datetime

    @property
    def today(self) -> date:
        """The day of the anchor in Viet Nam."""
        return self.anchor.astimezone(VIETNAM).date()

    def shop_time(self, clock: datetime, *, last: date, days_back: int) -> datetime:
        """When a basket of the sample is told to have happened; `last` is the sample's last day."""
        days = (self.today - timedelta(days=1 + days_back)) - last
        return (clock + days).replace(tzinfo=VIETNAM)

    def before(self, **ago: float) -> datetime:
        """That long (the arguments of timedelta) before the anchor, to the second."""
        return (self.anchor - timedelta(**ago)).astimezone(VIETNAM).replace(microsecond=0)


def cloud_event(kind: str, source: str, event_id: str, at: datetime, data: Mapping[str, Any]) -> Event:
    """A CloudEvent 1.0 of type `kind`."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": kind,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": dict(data),
    }


def dollars(cents: int) -> str:
    """Cents as the decimal text that events carry: 1234 is "12.34"."""
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}"


def said(**facts: Any) -> Event:
    """The facts that there are: what is None or empty is not said."""
    return {name: fact for name, fact in facts.items() if fact not in (None, "", {}, [])}


def phone_as_typed(person: Person, style: int) -> str | None:
    """The telephone number in one of the ways people type it."""
    if person.phone is None:
        return None
    national = "0" + person.phone.removeprefix("+84")
    styles = (
        national,
        person.phone,
        f"{national[:4]} {national[4:7]} {national[7:]}",
        f"{national[:4]}.{national[4:7]}.{national[7:]}",
        person.phone.removeprefix("+"),
        f"(+84) {national[1:3]}-{national[3:6]}-{national[6:]}",
    )
    return styles[style % len(styles)]
