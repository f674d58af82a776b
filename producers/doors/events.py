"""Events in our own form at the collector: one, or an array of them."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import msgspec
from fastapi import FastAPI, Request, Response

from producers.admit import Admission, admit, told
from producers.intake.collector import Collector
from producers.keys import Source
from producers.openapi.events import MAX_BATCH_EVENTS, MEDIA_TYPES, operation
from producers.request.access import authenticate
from producers.request.batch import BOM, is_array, split_array
from producers.request.body import MAX_BODY_BYTES, is_gzip, read_body
from producers.request.problems import Problem
from schemas.codec import MAX_EVENT_BYTES
from schemas.rejected import Reason


def add_events(app: FastAPI) -> None:
    """Adds the address to the application."""

    @app.post("/v1/events", summary="Send events", tags=["events"], openapi_extra=operation())
    async def receive(request: Request) -> Response:
        collector: Collector = app.state.collector
        return await collector.receive(request, _take)


async def _take(collector: Collector, request: Request) -> Response:
    source = authenticate(request.headers.get("authorization"), collector.keys)
    request.state.source = source.name
    collector.rates.check(source)
    gzipped, seconds = _encoding(request), collector.settings.body_seconds
    with collector.memory.lease(source.name) as lease:
        most = source.most_bytes(MAX_BODY_BYTES)
        body = await read_body(request.stream(), gzipped=gzipped, lease=lease, seconds=seconds, limit=most)
        admission = await collector.work(len(body), lambda: admitted(body, source, uuid4().hex), source.name)
        spooled = await collector.send(source, admission, len(body))
    return _answer(admission, spooled)


def _encoding(request: Request) -> bool:
    """Whether the body is gzip. Raises Problem 415 for anything that is not an event in JSON, plain or gzip."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Problem(415, "unsupported_media_type", f"send Content-Type: {', '.join(MEDIA_TYPES)}")
    return is_gzip(request.headers.get("content-encoding", "identity"))


def admitted(body: bytes, source: Source, request_id: str) -> Admission:
    """What becomes of the events of a body. Raises Problem 400 when it is not JSON as a whole, 413 when it holds too much."""
    if not body.removeprefix(BOM).strip():
        raise Problem(400, Reason.EMPTY, "there is nothing in the body")
    array = is_array(body)
    if array:
        events = split_array(body, MAX_BATCH_EVENTS)
        if events is None:
            raise Problem(400, Reason.NOT_JSON, "the body is not a JSON array")
        if len(events) > MAX_BATCH_EVENTS:
            raise Problem(413, "too_many", f"a batch has at most {MAX_BATCH_EVENTS} events")
    else:
        if len(body) > MAX_EVENT_BYTES:
            raise Problem(413, "too_large", f"an event has at most {MAX_EVENT_BYTES} bytes")
        events = [body]
    admission = admit(events, may_send=source.may_send, request=request_id, now_ms=time.time_ns() // 1_000_000)
    if not array and admission.refusals:
        rejected = admission.refusals[0].rejected
        if rejected.reason in (Reason.NOT_JSON, Reason.NOT_UTF8) and rejected.event_id is None:
            raise Problem(400, rejected.reason, rejected.message)
    return admission


def _answer(admission: Admission, spooled: bool) -> Response:
    answer: dict[str, Any] = {"accepted": len(admission.records), "rejected": told(admission.refusals)}
    answer |= {"spooled": True} if spooled else {}
    return Response(msgspec.json.encode(answer), media_type="application/json")
