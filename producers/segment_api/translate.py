"""One call of the Segment tracking API becomes our events. Pure: the clock and the names of things come as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from producers.segment_api.customer import company, identifiers, profile, who
from producers.segment_api.shopping import interests, order, others
from producers.segment_api.values import clipped, first, instant, mapping, number, present, text
from schemas.identifiers import STRENGTH
from schemas.rejected import Reason, Rejected

KINDS = ("track", "identify", "page", "screen", "group", "alias")

Event = dict[str, Any]
"""A CloudEvent, to be checked by the reader of all events: what is wrong in the call is wrong in it."""


class Arrival(NamedTuple):
    """What a call does not say of itself.

    `source` is the CloudEvents source. `received` is now, in UTC. `shared` are `context`, `integrations` and `sentAt` of
    the batch. `fallback` is the id of a call that has neither an id nor a time of its own.
    """

    source: str
    received: datetime
    shared: Mapping[str, Any]
    fallback: str


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
    type_, data, others_of = _told(kind, call, context)
    event: Event = {
        "specversion": "1.0",
        "id": _id(call, arrival),
        "source": arrival.source,
        "type": type_,
        "time": _time(call, arrival),
        "data": data,
    }
    return [event, *(_linked(event, number, other) for number, other in enumerate(others_of, 1))]


def _told(kind: str, call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, dict[str, Any], list[Event]]:
    """The type and data of the event, and customers that name further identifiers of the same person."""
    known = mapping(context.get("traits"))
    if kind == "identify":
        known |= mapping(call.get("traits"))
    found = identifiers(call, context, known, previous=kind == "alias")
    customer, more = who(found)
    if kind == "track":
        return "web.tracked.v1", _tracked(call, context, customer), []
    if kind in ("page", "screen"):
        return "web.page_viewed.v1", _viewed(kind, call, context, customer), []
    further = [_with(customer, *each) for each in more]
    data: dict[str, Any] = {"call": kind, "customer": customer}
    if kind == "identify":
        fields, rest = profile(known)
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
    return present(traits=rest) if stated is None or isinstance(stated, dict) else {"traits": stated}


def _with(customer: Mapping[str, Any], kind: str, value: str) -> Event:
    """The same person by the strongest identifier but one of this kind, and this one."""
    anchor = next((name for name in STRENGTH if name != kind and name in customer), None)
    return {kind: value} if anchor is None else {anchor: customer[anchor], kind: value}


def _linked(event: Event, number: int, customer: Event) -> Event:
    """One more identifier of the person that `event` is about: an event names one of each kind."""
    data = {"call": "alias", "customer": customer}
    return {**event, "id": f"{event['id']}#{number}", "type": "web.identified.v1", "data": data}


def _tracked(call: Mapping[str, Any], context: Mapping[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
    name, stated = text(call.get("event")), call.get("properties")
    properties = mapping(stated)
    event = name or ""
    return present(
        customer=customer,
        event=name,
        properties=others(event, properties) if isinstance(stated, dict) else stated,
        products=interests(event, properties),
        order=order(event, properties),
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
    given = rest if isinstance(stated, dict) else stated
    return {"kind": kind, "customer": customer} | present(page=page, properties=given)


_UTM = (("source", "source"), ("medium", "medium"), ("campaign", "name"), ("term", "term"), ("content", "content"))


def _page(page: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    campaign = mapping(context.get("campaign"))
    utm = {ours: clipped(campaign.get(name), 200) for ours, name in _UTM} if campaign else {}
    return present(
        url=clipped(page.get("url"), 2_000), referrer=clipped(page.get("referrer"), 2_000), utm=present(**utm)
    )


def _id(call: Mapping[str, Any], arrival: Arrival) -> str:
    """`messageId`; else a digest of the call, when its own time tells it from an equal one; else the given id."""
    stated = text(call.get("messageId"))
    if stated is not None:
        return stated
    if first(call, ("originalTimestamp", "timestamp")) is None:
        return arrival.fallback
    said = {name: value for name, value in call.items() if name != "sentAt"}
    return blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=16).hexdigest()


def _time(call: Mapping[str, Any], arrival: Arrival) -> Any:
    """When it happened by our clock: its own time, moved by what the client's clock is wrong, which is seen from when
    the client says that it sent it. A time that cannot be read stays, to be refused."""
    stated = first(call, ("originalTimestamp", "timestamp"))
    if stated is None:
        return _iso(arrival.received)
    happened = instant(stated)
    if happened is None:
        return stated if isinstance(stated, str) else str(stated)
    sent = instant(call.get("sentAt")) or instant(arrival.shared.get("sentAt"))
    try:
        return _iso(happened if sent is None else arrival.received - (sent - happened))
    except OverflowError:
        return stated


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
