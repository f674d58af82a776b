"""What the collector tells of its spool over HTTP: whether an event is in it. For keys that trace; the metrics tell the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from fastapi import FastAPI, Request, Response

from producers.access import recognise_tracer
from producers.problems import Problem, unauthorized, unavailable
from producers.spool_search import Searched, search

if TYPE_CHECKING:
    from producers.collector import Collector

_SECONDS = 1.5
_LONGEST_ID = 1024


def add_spool_search(app: FastAPI) -> None:
    """Adds the address to the application."""

    @app.get("/v1/spool", summary="Is an event in the spool?", tags=["operation"], include_in_schema=False)
    async def find(request: Request) -> Response:
        collector: Collector = app.state.collector
        try:
            return Response(msgspec.json.encode(await _search(collector, request)), media_type="application/json")
        except Problem as problem:
            return problem.response()


async def _search(collector: Collector, request: Request) -> Searched:
    if recognise_tracer(request.headers.get("authorization"), collector.keys) is None:
        raise unauthorized("send an access key that traces: Authorization: Bearer KEY")
    event_id, source = request.query_params.get("id", ""), request.query_params.get("source")
    if not 0 < len(event_id) <= _LONGEST_ID:
        raise Problem(400, "missing_id", "name the event: ?id=ID, and &source=SOURCE if you know it")
    if collector.spool is None:
        return Searched((), 0, 0)
    try:
        return await asyncio.to_thread(search, collector.spool.path, event_id, source, _SECONDS)
    except OSError as error:
        raise unavailable(f"the spool cannot be read: {error.strerror}") from None
