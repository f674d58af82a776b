"""The Segment HTTP tracking API at the collector: clients of Segment and RudderStack send here by changing an address.

    body ── unpack ── translate each call ── admit ── publish ── wait for every acknowledgement ── 200

What such clients do shapes the answers: they take anything but 200 for a failure, give up a whole batch after a 400, and
read `code` and `message` of every error. A browser asks for permission first.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import msgspec
from fastapi import FastAPI, Request, Response

from producers.admit import Admission, told
from producers.doors.route import DoorRoute
from producers.intake.collector import Collector
from producers.intake.metrics import UNKNOWN_SOURCE
from producers.keys import Source
from producers.openapi.events import MAX_BATCH_EVENTS
from producers.openapi.segment import call_operation, settings_operation
from producers.request.access import recognise
from producers.request.body import MAX_BODY_BYTES, is_gzip, read_body, too_large
from producers.request.problems import Problem
from producers.segment_api.admit_calls import admit_calls
from producers.segment_api.parcel import Parcel, unpack
from producers.segment_api.translate import KINDS
from schemas.rejected import Rejected

BATCH = "batch"
ADDRESSES: dict[str, str] = {
    **{name: name for name in (*KINDS, BATCH)},
    **{name[0]: name for name in (*KINDS, BATCH)},
    "import": BATCH,
}
"""The last part of an address → the kind of call, or `batch`: browsers use the first letter, and the clients for Ruby, Java
and Android send batches to `import`."""

KEYLESS_BYTES = 1024 * 1024
"""Of a body that must be read to find the key in it; clients send half of that. Only who has shown a key may send more."""

MAX_REPEATED_BYTES = 16 * 1024 * 1024
"""Of what a batch says for all its calls, once for each: a small body could otherwise become any amount of records."""

_CALL_BYTES = 400
"""A call costs as much as so many bytes of events, whatever is in it."""

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Reset",
}
_PREFLIGHT = _CORS | {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, X-Retry-Count, AnonymousId",
    "Access-Control-Max-Age": "86400",
}


def add_segment_api(app: FastAPI) -> None:
    """Adds the addresses to the application."""
    for address, kind in ADDRESSES.items():
        receive = receiver(app, kind)
        app.router.add_api_route(
            f"/v1/{address}",
            receive,
            methods=["POST"],
            summary="Send calls in a batch" if kind == BATCH else f"Send a call of {kind}",
            tags=["Segment"],
            include_in_schema=address == kind,
            openapi_extra=call_operation(kind),
            route_class_override=DoorRoute,
        )
        # Some put a slash at the end: to be sent elsewhere is more than a browser, or a client that posts, will do.
        app.add_api_route(f"/v1/{address}/", receive, methods=["POST"], include_in_schema=False)
        for path in (f"/v1/{address}", f"/v1/{address}/"):
            app.add_api_route(path, permit, methods=["OPTIONS"], include_in_schema=False)

    @app.get(
        "/v1/projects/{write_key}/settings",
        summary="What a browser client asks for when it starts",
        tags=["Segment"],
        openapi_extra=settings_operation(),
    )
    async def settings(write_key: str, request: Request) -> Response:
        collector: Collector = app.state.collector
        if collector.keys.find(write_key) is None:
            return for_browsers(unknown_key().response())
        asked = f"{request.url.scheme}://{request.url.netloc}"
        protocol, _, host = (collector.settings.public_url or asked).partition("://")
        calls_to = {
            "apiKey": write_key,
            "apiHost": f"{host}/v1",
            "protocol": protocol,
            "addBundledMetadata": True,
            "unbundledIntegrations": [],
        }
        answer = {"integrations": {"Segment.io": calls_to}, "plan": {"track": {"__default": {"enabled": True}}}}
        return for_browsers(Response(msgspec.json.encode(answer), media_type="application/json"))

    app.add_api_route("/v1/projects/{write_key}/settings", permit, methods=["OPTIONS"], include_in_schema=False)


def receiver(app: FastAPI, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """What answers at an address for calls of `kind`, or for batches."""

    async def receive(request: Request) -> Response:
        collector: Collector = app.state.collector
        return for_browsers(
            await collector.receive(request, lambda collector, request: _take(collector, request, kind))
        )

    return receive


_NAMES_OF_HEADERS = re.compile(r"[A-Za-z0-9_, -]{1,1000}")


async def permit(request: Request) -> Response:
    """All that the browser asks for: what else is on a page adds headers of its own (`sentry-trace`, `traceparent`)."""
    asked = request.headers.get("access-control-request-headers", "")
    headers = dict(_PREFLIGHT)
    if _NAMES_OF_HEADERS.fullmatch(asked):
        headers["Access-Control-Allow-Headers"] += f", {asked}"
    return Response(status_code=204, headers=headers)


def for_browsers(response: Response) -> Response:
    """The same, to be read by a page of any address."""
    response.headers.update(_CORS)
    return response


async def _take(collector: Collector, request: Request, kind: str) -> Response:
    # A beacon has no headers of its own: its key is in the address.
    in_address = request.query_params.get("writeKey")
    sender = recognise(request.headers.get("authorization"), collector.keys, in_address)
    if sender is not None:
        _begin(collector, request, sender[0])
    gzipped = is_gzip(request.headers.get("content-encoding", "identity"))
    name = UNKNOWN_SOURCE if sender is None else sender[0].name
    with collector.memory.lease(name) as lease:
        body = await read_body(
            request.stream(),
            gzipped=gzipped or None,
            lease=lease,
            seconds=collector.settings.body_seconds,
            limit=KEYLESS_BYTES if sender is None else sender[0].most_bytes(MAX_BODY_BYTES),
        )
        received = datetime.now(UTC)
        parcel = await collector.work(
            len(body), lambda: unpack(body, batch=kind == BATCH, limit=MAX_BATCH_EVENTS), name
        )
        if sender is None:
            sender = _by_body(collector, parcel)
            _begin(collector, request, sender[0])
            if len(body) > sender[0].most_bytes(KEYLESS_BYTES):
                raise too_large(sender[0].most_bytes(KEYLESS_BYTES))
        if isinstance(parcel, Rejected):
            raise Problem(400, parcel.reason, parcel.message)
        if len(parcel.calls) > MAX_BATCH_EVENTS:
            raise Problem(413, "too_many", f"a batch has at most {MAX_BATCH_EVENTS} calls")
        most = most_repeated(collector.settings.in_flight_bytes)
        if parcel.repeated > most:
            counts = f"the context of a batch counts for each of its calls, {most} bytes together"
            raise Problem(413, "too_large", f"{counts}: send fewer calls at once")
        lease.grow(parcel.repeated)
        source, key = sender
        only = None if kind == BATCH else kind
        judge = partial(admit_calls, parcel, kind=only, source=source, key=key, request=uuid4().hex, received=received)
        admission, clocks = await collector.admit(source, effort(len(body), len(parcel.calls)), judge)
        spooled = await collector.send(source, admission, len(body), clocks=clocks)
    return _answer(parcel, admission, spooled)


def effort(size: int, calls: int) -> int:
    """What it is to judge `calls` of `size` bytes together, in bytes of events: of small calls there are many in a small body."""
    return size + calls * _CALL_BYTES


def most_repeated(in_flight_bytes: int) -> int:
    """Bytes. What no source could ever have room for is told to be too large, not to be sent again later."""
    return min(MAX_REPEATED_BYTES, in_flight_bytes // 2 - MAX_BODY_BYTES)


def _begin(collector: Collector, request: Request, source: Source) -> None:
    request.state.source = source.name
    collector.rates.check(source)


def _by_body(collector: Collector, parcel: Parcel | Rejected) -> tuple[Source, str]:
    """Whose key stands in the body. Raises Problem 401 when it is nobody's."""
    key = None if isinstance(parcel, Rejected) else parcel.write_key
    source = None if key is None else collector.keys.find(key)
    if key is None or source is None:
        raise unknown_key()
    return source, key


def unknown_key() -> Problem:
    """Without a challenge to log in: a browser would show its own form for that to every visitor of a shop."""
    message = "send a valid write key: as user name (Basic), as `writeKey` in the body, or as Bearer"
    return Problem(401, "unauthorized", message, {"WWW-Authenticate": 'Bearer realm="portrait"'})


def _answer(parcel: Parcel, admission: Admission, spooled: bool) -> Response:
    rejected = told(admission.refusals, "messageId")
    accepted = len(parcel.calls) - len(rejected)
    answer = {"success": True, "accepted": accepted, "rejected": rejected} | ({"spooled": True} if spooled else {})
    return Response(msgspec.json.encode(answer), media_type="application/json")
