"""Everything that a clean event says beyond the customer's own words: purchase, points, statuses, counts, place, age.

To add a type of event: declare its model in `schemas.events`, write one function here (or in `processors.web`, of sites and apps,
or in `processors.service`, of what the company records) that takes its data and a `Scene` and returns what it `Told` (or
`Rejected`, if its money cannot be kept), and enter the function in `_TELL`, at the end. Nothing behind this module knows types.
Money is never dropped: an amount that cannot be kept rejects the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from processors.normalise import Normalised
from processors.purchase import bought
from processors.reference import Reference
from processors.service import TELL_OF_SERVICE
from processors.text import clean_text
from processors.told import Scene, Told
from processors.web import TELL_OF_WEB, word_of
from schemas.clean import CleanEvent
from schemas.codec import Problem
from schemas.events import (
    CardCancelled,
    CardEnrolled,
    CardScanned,
    Envelope,
    Interacted,
    SocialTracked,
)
from schemas.ids import event_key
from schemas.rejected import Rejected
from schemas.topics import channel_of

MAX_AHEAD_MS = 5 * 60 * 1000
"""How far the clock of a channel may run before ours; a later event time is taken for `received_ms` + this."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Moment(NamedTuple):
    """When an event happened: as a time and in Unix milliseconds, and whether its own time was too far ahead."""

    time: datetime
    ms: int
    clamped: bool


def happened(time: datetime, received_ms: int) -> Moment:
    """When an event of this time, received at `received_ms`, is taken to have happened."""
    ms, latest = (time - _EPOCH) // _MILLISECOND, received_ms + MAX_AHEAD_MS
    if ms <= latest:
        return Moment(time, ms, False)
    return Moment(_EPOCH + latest * _MILLISECOND, latest, True)


def _consent(stated: Mapping[str, bool] | None) -> dict[str, str]:
    return {f"consent:{way}": "given" if given else "withdrawn" for way, given in (stated or {}).items()}


def enrich(
    event: Envelope,
    customer: Normalised,
    moment: Moment,
    problems: list[Problem],
    *,
    origin: str,
    received_ms: int,
    reference: Reference,
) -> CleanEvent | Rejected:
    """Make the clean event. `moment` is when it happened, from `happened`; `problems` is what was left out so far."""
    data: Any = event.data  # type: ignore[attr-defined]
    kind: str = event.type  # type: ignore[attr-defined]
    told = _TELL[type(data)](data, Scene(moment.time, customer, reference, problems))
    if isinstance(told, Rejected):
        return Rejected(told.reason, told.path, told.message, event.id, event.source)
    traits = customer.traits
    _place(traits, problems, reference)
    if "age_band" not in traits and "birthday" in traits:
        traits["age_band"] = reference.age_band(_age(traits["birthday"], moment.time.date()))
    traits.update(told.traits)
    return CleanEvent(
        key=event_key(event.source, event.id),
        source=event.source,
        id=event.id,
        type=kind,
        channel=channel_of(kind),
        time=moment.ms,
        received=received_ms,
        identifiers=customer.identifiers,
        verified=customer.verified,
        traits=traits,
        statuses=told.statuses | _consent(data.customer.consent),
        counts=told.counts,
        purchase=told.purchase,
        points=told.points,
        acquisition=told.acquisition,
        recorded=told.recorded,
        problems=tuple(problems),
        origin=origin,
        # what model_dump_json calls, without its detour over str
        data=msgspec.Raw(data.__pydantic_serializer__.to_json(data, exclude_none=True)),
    )


def _age(birthday: str, today: date) -> int:
    born = date.fromisoformat(birthday)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _place(traits: dict[str, Any], problems: list[Problem], reference: Reference) -> None:
    """Add `province` and `area`: from province or city, else the landline's code, else the postcode.

    Outside Vietnam the province stays as stated, and there is no area.
    """
    address = traits.get("address", {})
    stated = address.get("province")
    country = address.get("country")
    places = reference.places
    found = None
    if country is None or country == "VN":
        for part in (stated, address.get("city")):
            if found is None and part is not None:
                found = places.province(part)
        if found is None and (country == "VN" or stated is None):
            if "phone" in traits:
                found = places.province_of_phone(traits["phone"])
            if found is None and "postcode" in address and (country or reference.region) == "VN":
                found = places.province_of_postcode(address["postcode"])
    if found is not None:
        traits["province"], traits["area"] = found.name, found.area
    elif stated is not None:
        traits["province"] = stated
        if country == "VN":
            problems.append(("$.data.customer.address.province", "unknown_province"))


def _card_scanned(data: CardScanned, scene: Scene) -> Told | Rejected:
    store = clean_text(data.store_id) or None
    told = Told(counts={"scan": 1}, acquisition=_from_store(store))
    if data.points is not None:
        told.points = data.points.earned - data.points.redeemed
        if data.points.expire_at is not None:
            told.traits["points_lapse"] = _lapse(data.points.expire_at, data.points.expiring)
    if data.basket is not None:
        return bought(told, data.basket, "$.data.basket", store, scene)
    return told


def _lapse(at: datetime, points: int | None) -> dict[str, Any]:
    when = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {"at": when} if points is None else {"at": when, "points": points}


def _card_enrolled(data: CardEnrolled, scene: Scene) -> Told:
    told = Told(statuses=_card(scene, "enrolled"), acquisition=_from_store(clean_text(data.store_id)))
    if data.tier and (tier := clean_text(data.tier)):
        told.traits["tier"] = tier
    return told


def _card_cancelled(data: CardCancelled, scene: Scene) -> Told:
    return Told(statuses=_card(scene, "cancelled"), acquisition=_from_store(clean_text(data.store_id or "")))


def _interacted(data: Interacted, _: Scene) -> Told:
    told = Told(counts={f"social:{data.platform}:{data.action}": 1}, acquisition=f"social:{data.platform}")
    if data.action in ("follow", "unfollow"):
        told.statuses[f"follow:{data.platform}"] = f"{data.action}ed"
    return told


def _social_tracked(data: SocialTracked, _: Scene) -> Told:
    return Told(counts={f"social:{data.platform}:{word_of(data.event)}": 1}, acquisition=f"social:{data.platform}")


def _from_store(store: str | None) -> str | None:
    return f"store:{store}" if store else None


def _card(scene: Scene, status: str) -> dict[str, str]:
    return {f"card:{value}": status for kind, value in scene.customer.identifiers if kind == "card_no"}


_TELL: dict[type[Any], Callable[[Any, Scene], Told | Rejected]] = {
    **TELL_OF_WEB,
    CardScanned: _card_scanned,
    CardEnrolled: _card_enrolled,
    CardCancelled: _card_cancelled,
    Interacted: _interacted,
    SocialTracked: _social_tracked,
    **TELL_OF_SERVICE,
}
