"""One call of the Segment tracking API becomes our events. Pure: the clock and the names of things come as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from producers.segment_api.customer import company, identifiers, profile, who
from producers.segment_api.shopping import interests, shopped
from producers.segment_api.values import clipped, empty, first, instant, mapping, number, present, text
from schemas.identifiers import STRENGTH
from schemas.rejected import Reason, Rejected

MAX_ID = 256
"""Characters of an event's id."""

MOST_FURTHER = 50
"""Identifiers beyond one of each kind that a call can link: an event is made of each."""

KINDS = ("track", "identify", "page", "screen", "group", "alias")

Event = dict[str, Any]
"""A CloudEvent, to be checked by the reader of all events: what is wrong in the call is wrong in it."""


class Arrival(NamedTuple):
    """What a call does not say of itself.

    `source` is the CloudEvents source. `received` is now, in UTC. `shared` are `context` and `sentAt` of the batch.
    `fallback` is the id of a call that has neither an id nor a time of its own. `public`: anybody can have sent it.
    `prefix` is that of the user ids of its site, None when they are customer numbers.
    """

    source: str
    received: datetime
    shared: Mapping[str, Any]
    fallback: str
    public: bool = False
    prefix: str | None = None


def translate(call: Any, kind: str | None, arrival: Arrival) -> list[Event] | Rejected:
    """The events of one call, the one that it is about first. `call` is decoded JSON of any shape; `kind` is what its
    address says, None in a batch, where each call has a `type`.

    Refuses only what is no call at all. Raises nothing.
    """
    if not isinstance(call, dict):
        return Rejected(Reason.NOT_AN_OBJECT, "$", "a call is a JSON object")
    kind = kind or text(call.get("type"))
    if kind not in KINDS:
        reason = Reason.MISSING_FIELD if kind is None else Reason.UNKNOWN_TYPE
        return Rejected(
            reason, "$.type", f"give a type: {', '.join(KINDS)}", text(call.get("messageId")), arrival.source
        )
    context = {**mapping(arrival.shared.get("context")), **mapping(call.get("context"))}
    type_, data, others_of = _told(kind, call, context, arrival)
    event: Event = {
        "specversion": "1.0",
        "id": _id(call, arrival),
        "source": arrival.source,
        "type": type_,
        "time": _time(call, arrival),
        "data": data,
    }
    return [event, *(_linked(event, number, other) for number, other in enumerate(others_of, 1))]


def _told(
    kind: str, call: Mapping[str, Any], context: Mapping[str, Any], arrival: Arrival
) -> tuple[str, dict[str, Any], list[Event]]:
    """The type and data of the event, and customers that name further identifiers of the same person."""
    known = mapping(context.get("traits"))
    if kind == "identify":
        known |= mapping(call.get("traits"))
    found = identifiers(call, context, known, previous=kind == "alias", public=arrival.public, prefix=arrival.prefix)
    customer, more = who(found)
    if kind == "track":
        return "web.tracked.v1", _tracked(call, context, customer), []
    if kind in ("page", "screen"):
        return "web.page_viewed.v1", _viewed(kind, call, context, customer), []
    further = [_with(customer, *each) for each in more[:MOST_FURTHER]]
    data: dict[str, Any] = {"call": kind, "customer": customer}
    if kind == "identify":
        fields, rest = profile(known, public=arrival.public)
        customer |= fields
        age = number(rest.get("age"))
        if age is not None and 0 <= age <= 150:
            data["age"] = int(age)
            del rest["age"]
        data |= _stated(call, rest)
    elif kind == "group":
        traits, group_id = mapping(call.get("traits")), text(call.get("groupId"))
        customer |= present(company=company(group_id, traits))
        data |= present(group_id=group_id) | _stated(call, traits)
    return "web.identified.v1", data, further


def _stated(call: Mapping[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """The traits that are kept as they are; what is no object stays, to be refused."""
    stated = call.get("traits")
    return present(traits=rest) if empty(stated) or isinstance(stated, dict) else {"traits": stated}


def _with(customer: Mapping[str, Any], kind: str, value: str) -> Event:
    """The same person by the strongest identifier but one of this kind, and this one."""
    anchor = next((name for name in STRENGTH if name != kind and name in customer), None)
    return {kind: value} if anchor is None else {anchor: customer[anchor], kind: value}


def _linked(event: Event, number: int, customer: Event) -> Event:
    """One more identifier of the person that `event` is about: an event names one of each kind."""
    data = {"call": "alias", "customer": customer}
    return {**event, "id": f"{_short(event['id'], MAX_ID - 4)}#{number}", "type": "web.identified.v1", "data": data}


def _tracked(call: Mapping[str, Any], context: Mapping[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
    name, stated = text(call.get("event")), call.get("properties")
    properties = mapping(stated)
    event = name or ""
    made = shopped(event, properties)
    return present(
        customer=customer,
        event=clipped(name, 200),
        properties=made.rest if isinstance(stated, dict) or empty(stated) else stated,
        products=interests(event, properties),
        order=made.order,
        page=_page(mapping(context.get("page")), context),
    ) | {"customer": customer}


_OF_PAGES = frozenset({"url", "path", "title", "referrer", "search", "name", "category"})


def _viewed(kind: str, call: Mapping[str, Any], context: Mapping[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
    stated = call.get("properties")
    properties = mapping(stated)
    shown = {**mapping(context.get("page")), **properties}
    page = _page(shown, context) | present(
        path=clipped(shown.get("path"), 2_000),
        title=clipped(shown.get("title"), 300),
        name=clipped(first(call, ("name",)) or properties.get("name"), 300),
        category=clipped(first(call, ("category",)) or properties.get("category"), 200),
    )
    rest = {name: value for name, value in properties.items() if name not in _OF_PAGES}
    given = rest if isinstance(stated, dict) or empty(stated) else stated
    return {"kind": kind, "customer": customer} | present(page=page, properties=given)


_UTM = (("source", "source"), ("medium", "medium"), ("campaign", "name"), ("term", "term"), ("content", "content"))


def _page(page: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    campaign = mapping(context.get("campaign"))
    if not page and not campaign:
        return {}
    utm = {ours: clipped(campaign.get(name), 200) for ours, name in _UTM} if campaign else {}
    return present(
        url=clipped(page.get("url"), 2_000), referrer=clipped(page.get("referrer"), 2_000), utm=present(**utm)
    )


def _id(call: Mapping[str, Any], arrival: Arrival) -> str:
    """`messageId`; else a digest of the call, when its own time tells it from an equal one; else the given id."""
    stated = text(call.get("messageId"))
    if stated is not None:
        return _short(stated, MAX_ID)
    if first(call, ("originalTimestamp", "timestamp")) is None:
        return arrival.fallback
    said = {name: value for name, value in call.items() if name != "sentAt"}
    return blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=16).hexdigest()


def _short(message_id: str, length: int) -> str:
    """A longer id is known by its digest."""
    if len(message_id) <= length:
        return message_id
    return blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _time(call: Mapping[str, Any], arrival: Arrival) -> Any:
    """When it happened by our clock: its own time, moved by what the client's clock is wrong, which is seen from when
    the client says that it sent it, if that can be. A time that cannot be read stays, to be refused.

    With `originalTimestamp` beside it, which is when the client's clock saw the call, `timestamp` is what somebody set on
    purpose (clients of RudderStack), or what is moved already (Segment, sending on): it stands."""
    original, stated = first(call, ("originalTimestamp",)), first(call, ("timestamp",))
    happened = instant(stated)
    set_by_hand = original is not None and happened is not None
    if original is not None and not set_by_hand:
        stated, happened = original, instant(original)
    if stated is None:
        return _iso(arrival.received)
    if happened is None:
        return stated if isinstance(stated, str) and number(stated) is None else f"number {stated}"
    sent = None if set_by_hand else _sent(call, happened, arrival)
    try:
        return _iso(happened if sent is None else arrival.received - (sent - happened))
    except OverflowError:
        return str(stated)


def _sent(call: Mapping[str, Any], happened: datetime, arrival: Arrival) -> datetime | None:
    """When the client says that it sent the call, or else its batch, if that can be."""
    for said in (call.get("sentAt"), arrival.shared.get("sentAt")):
        sent = instant(said)
        if sent is not None and _plausible(sent, happened, arrival.received):
            return sent
    return None


_WEEK = timedelta(days=7)
_SAME_MOMENT = timedelta(minutes=1)


def _plausible(sent: datetime, happened: datetime, received: datetime) -> bool:
    """Nothing is sent before it happened. A clock that is wrong by more than a week is believed when both times are by it."""
    return happened - sent <= _SAME_MOMENT and (abs(received - sent) <= _WEEK or sent - happened <= _WEEK)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


_PLACES: tuple[tuple[str, str], ...] = (
    ("$.id", "$.messageId"),
    ("$.time", "$.timestamp"),
    ("$.source", "$.writeKey"),
    ("$.data.customer", "$.userId"),
    ("$.data.event", "$.event"),
    ("$.data.group_id", "$.groupId"),
    ("$.data.traits", "$.traits"),
    ("$.data.page", "$.context.page"),
    ("$.data.properties", "$.properties"),
    ("$.data.products", "$.properties.products"),
    ("$.data.order.total.currency", "$.properties.currency"),
    ("$.data.order.total", "$.properties.total"),
    ("$.data.order.id", "$.properties.order_id"),
    ("$.data.order.coupons", "$.properties.coupon"),
    ("$.data.order.items", "$.properties.products"),
    ("$.data.order", "$.properties"),
)
_PRICE = re.compile(r"(?<=\])\.amount\b")


def place_in_call(path: str) -> str:
    """Where in the call stands what is wrong at `path` of its event; "$" when it cannot be told."""
    for ours, theirs in _PLACES:
        if path == ours or path.startswith((f"{ours}.", f"{ours}[")):
            found = theirs + path.removeprefix(ours)
            return (
                _PRICE.sub(".price", found)
                if theirs == "$.properties.products"
                else found.replace("total.amount", "total")
            )
    return path if path == "$" else "$"
