"""Events in our own form at the collector: one, or an array of them."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
from fastapi import FastAPI, Request, Response

from producers.admit import Admission, told
from producers.admit_body import admit_body
from producers.doors.route import DoorRoute
from producers.intake.collector import Collector
from producers.openapi.events import MEDIA_TYPES, operation
from producers.request.access import authenticate
from producers.request.body import MAX_BODY_BYTES, is_gzip, read_body
from producers.request.problems import Problem


def add_events(app: FastAPI) -> None:
    """Adds the address to the application."""

    async def receive(request: Request) -> Response:
        collector: Collector = app.state.collector
        return await collector.receive(request, _take)

    app.router.add_api_route(
        "/v1/events",
        receive,
        methods=["POST"],
        summary="Send events",
        tags=["events"],
        openapi_extra=operation(),
        route_class_override=DoorRoute,
    )


async def _take(collector: Collector, request: Request) -> Response:
    source = authenticate(request.headers.get("authorization"), collector.keys)
    request.state.source = source.name
    collector.rates.check(source)
    gzipped, seconds = _encoding(request), collector.settings.body_seconds
    with collector.memory.lease(source.name) as lease:
        most = source.most_bytes(MAX_BODY_BYTES)
        body = await read_body(request.stream(), gzipped=gzipped, lease=lease, seconds=seconds, limit=most)
        judge = partial(admit_body, body, source, uuid4().hex)
        admission, clocks = await collector.admit(source, len(body), judge)
        spooled = await collector.send(source, admission, len(body), clocks=clocks)
    return _answer(admission, spooled)


def _encoding(request: Request) -> bool:
    """Whether the body is gzip. Raises Problem 415 for anything that is not an event in JSON, plain or gzip."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Problem(415, "unsupported_media_type", f"send Content-Type: {', '.join(MEDIA_TYPES)}")
    return is_gzip(request.headers.get("content-encoding", "identity"))


def _answer(admission: Admission, spooled: bool) -> Response:
    answer: dict[str, Any] = {"accepted": len(admission.records), "rejected": told(admission.refusals)}
    answer |= {"spooled": True} if spooled else {}
    return Response(msgspec.json.encode(answer), media_type="application/json")
