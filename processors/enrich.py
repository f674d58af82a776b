"""Everything that a clean event says beyond the customer's own words: purchase, points, statuses, counts, place, age.

To add a type of event: declare its model in `schemas.events`, write one function here (or in `processors.service`, of what the
company records) that takes its data and a `Scene` and returns what it `Told` (or `Rejected`, if its money cannot be kept), and
enter the function in `_TELL`, at the end. Nothing behind this module knows types. Money is never dropped: an amount that cannot
be kept rejects the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from processors.normalise import Normalised
from processors.reference import Reference
from processors.service import TELL_OF_SERVICE
from processors.text import clean_text
from processors.told import Scene, Told
from schemas.clean import CleanEvent, Purchase
from schemas.codec import Problem
from schemas.events import (
    CardCancelled,
    CardEnrolled,
    CardScanned,
    Envelope,
    FormSubmitted,
    Interacted,
    Money,
    Order,
)
from schemas.ids import event_key
from schemas.money import MINOR_DIGITS, is_whole, to_minor
from schemas.rejected import Reason, Rejected
from schemas.topics import channel_of

MAX_AHEAD_MS = 5 * 60 * 1000
"""How far the clock of a channel may run before ours; a later event time is taken for `received_ms` + this."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(65_536)  # prices repeat
def _minor(amount: Decimal, currency: str) -> tuple[int, bool]:
    """Minor units of the currency, and whether nothing was rounded off."""
    return to_minor(amount, currency), is_whole(amount, currency)


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


def _form_submitted(data: FormSubmitted, scene: Scene) -> Told | Rejected:
    told = Told(counts={f"form:{data.form.kind}": 1}, acquisition="web")
    source = data.page.utm.source if data.page and data.page.utm else None
    if source and (source := clean_text(source).lower()):
        told.acquisition = f"web:{source}"
    if data.order is not None:
        return _bought(told, data.order, "$.data.order", "web", scene)
    return told


def _card_scanned(data: CardScanned, scene: Scene) -> Told | Rejected:
    store = clean_text(data.store_id) or None
    told = Told(counts={"scan": 1}, acquisition=_from_store(store))
    if data.points is not None:
        told.points = data.points.earned - data.points.redeemed
        if data.points.expire_at is not None:
            told.traits["points_lapse"] = _lapse(data.points.expire_at, data.points.expiring)
    if data.basket is not None:
        return _bought(told, data.basket, "$.data.basket", store, scene)
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


def _from_store(store: str | None) -> str | None:
    return f"store:{store}" if store else None


def _card(scene: Scene, status: str) -> dict[str, str]:
    return {f"card:{value}": status for kind, value in scene.customer.identifiers if kind == "card_no"}


def _bought(told: Told, order: Order, path: str, store: str | None, scene: Scene) -> Told | Rejected:
    purchase = _purchase(order, path, store, scene)
    if isinstance(purchase, Rejected):
        return purchase
    told.purchase = purchase
    if purchase.amount < 0:
        told.counts["return"] = 1
        return told
    if purchase.coupons:
        told.counts["coupon_purchase"] = 1
    if _discount(order)[0]:
        told.counts["discounted_purchase"] = 1
    return told


def _discount(order: Order) -> tuple[Decimal, str]:
    """The discount in major units, positive, and its currency."""
    stated = order.discount
    if stated is None:
        return Decimal(0), order.total.currency
    if isinstance(stated, Money):
        return abs(stated.amount), stated.currency
    return abs(stated), order.total.currency


def _purchase(order: Order, path: str, store: str | None, scene: Scene) -> Purchase | Rejected:
    currency = order.total.currency
    discount, discount_currency = _discount(order)
    for each, at in ((currency, f"{path}.total.currency"), (discount_currency, f"{path}.discount.currency")):
        if each not in MINOR_DIGITS:
            return Rejected(Reason.INVALID_VALUE, at, f"{each!r} is not an ISO 4217 currency")
    at = f"{path}.total.amount"
    reference = scene.reference
    try:
        amount, whole = _minor(order.total.amount, currency)
        base = amount if currency == reference.base_currency else reference.to_base(order.total.amount, currency)
        at = f"{path}.discount"
        base_discount = reference.to_base(discount, discount_currency) if discount else 0
        at = f"{path}.items"
        categories = _categories(order, reference) if base is not None else {}
    except ValueError as error:
        return Rejected(Reason.INVALID_VALUE, at, str(error))
    if not whole:
        scene.problems.append((f"{path}.total.amount", "rounded_amount"))
    if base is None:
        scene.problems.append((f"{path}.total.currency", "no_rate"))
    if base_discount is None:
        scene.problems.append((f"{path}.discount", "no_rate"))
    local = scene.moment.astimezone(reference.timezone_of(store))
    return Purchase(
        amount=amount,
        currency=currency,
        base=base,
        order_id=clean_text(order.id) or None if order.id is not None and amount >= 0 else None,
        store=store,
        discount=base_discount or 0,
        coupons=len(order.coupons or ()),
        categories=categories,
        hour=local.hour,
        weekday=local.weekday(),
        month=f"{local.year:04d}-{local.month:02d}",
    )


def _categories(order: Order, reference: Reference) -> dict[str, int]:
    """What was paid for each category, in minor units of the base currency: summed, then converted and rounded."""
    sums: dict[str, Decimal] = {}
    for item in order.items:
        category = reference.category(item.sku, item.category)
        sums[category] = sums[category] + item.amount if category in sums else item.amount
    return {category: reference.to_base(amount, order.total.currency) or 0 for category, amount in sums.items()}


_TELL: dict[type[Any], Callable[[Any, Scene], Told | Rejected]] = {
    FormSubmitted: _form_submitted,
    CardScanned: _card_scanned,
    CardEnrolled: _card_enrolled,
    CardCancelled: _card_cancelled,
    Interacted: _interacted,
    **TELL_OF_SERVICE,
}
