"""What the collector tells of its spool over HTTP: whether an event is in it. For keys that trace; the metrics tell the rest."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import FastAPI, Request, Response

from producers.intake.collector import Collector
from producers.request.access import recognise_tracer
from producers.request.problems import Problem, unauthorized, unavailable
from producers.spool.search import Searched, search

_MOST_SECONDS = 1.5
_PATIENCE_SECONDS = 1.0
_LONGEST_ID = 1024


def add_spool_search(app: FastAPI) -> None:
    """Adds the address to the application."""
    turn = asyncio.Lock()

    @app.get("/v1/spool", summary="Is an event in the spool?", tags=["operation"], include_in_schema=False)
    async def find(request: Request) -> Response:
        collector: Collector = app.state.collector
        try:
            found = await _search(collector, request, turn)
            return Response(msgspec.json.encode(found), media_type="application/json")
        except Problem as problem:
            return problem.response()


async def _search(collector: Collector, request: Request, turn: asyncio.Lock) -> Searched:
    """One search at a time: each reads whole segments, and takes a thread and the interpreter from those who send."""
    if recognise_tracer(request.headers.get("authorization"), collector.keys) is None:
        raise unauthorized("send an access key that traces: Authorization: Bearer KEY")
    event_id, source = request.query_params.get("id", ""), request.query_params.get("source")
    if not 0 < len(event_id) <= _LONGEST_ID:
        raise Problem(400, "missing_id", "name the event: ?id=ID, and &source=SOURCE if you know it")
    if collector.spool is None:
        return Searched((), 0, 0)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await turn.acquire()
    except TimeoutError:
        raise unavailable("somebody else is looking; ask again in a moment") from None
    try:
        seconds = _seconds(request.query_params.get("seconds"))
        return await asyncio.to_thread(search, collector.spool.path, event_id, source, seconds)
    except OSError as error:
        raise unavailable(f"the spool cannot be read: {error.strerror}") from None
    finally:
        turn.release()


def _seconds(given: str | None) -> float:
    try:
        return max(0.0, min(_MOST_SECONDS, float(given or _MOST_SECONDS)))  # in this order also for NaN
    except ValueError:
        raise Problem(400, "invalid_seconds", "seconds: how long to look, such as 0.5") from None
