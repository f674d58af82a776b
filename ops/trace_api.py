"""Where an event is, over HTTP: `GET /v1/events/{id}`. `ops.trace_service` runs it: the collector has no database by design."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from ops.local.home import DATABASE_URL, FINDER_URL, TRACE_KEY, WORKER_URL, Home
from ops.source_metrics import NotKnown, SourceMetrics
from ops.trace import trace
from producers.keys import KeyFile
from producers.request.access import recognise_tracer
from producers.request.problems import Problem, unauthorized, unavailable

_AT_ONCE = 4
"""Each question takes a connection to each server for a second or two: more of them wait for their turn."""
_PATIENCE_SECONDS = 5.0
_LONGEST_ID = 1024

ABOUT = "Where is my event? For portals and support: the answers of `portrait trace`."


def create_app(settings: Mapping[str, str], home: Home, keys: KeyFile) -> FastAPI:
    """The ASGI application. `settings` as for `portrait trace`; of the database logins, that of the fewest rights is taken.
    `keys` are those of the collector: one that traces may ask. The collector is asked with the same key, if they have no other.
    """
    app = FastAPIOffline(title="Portrait trace", version="1", description=ABOUT)
    url = next((settings[name] for name in (FINDER_URL, WORKER_URL, DATABASE_URL) if settings.get(name)), "")
    turns = threading.BoundedSemaphore(_AT_ONCE)

    # `def`: FastAPI runs it in a thread.
    @app.get("/v1/events/{event_id:path}", summary="Where is this event?", tags=["events"])
    def find(event_id: str, request: Request, source: str | None = None) -> Response:
        """Answers 200 whatever was found: `found` says whether it was, `unasked` what could not be asked."""
        try:
            known = recognise_tracer(request.headers.get("authorization"), keys)
            if known is None:
                raise unauthorized("send an access key that traces: Authorization: Bearer KEY")
            if not 0 < len(event_id) <= _LONGEST_ID:
                raise Problem(400, "missing_id", f"name the event: an id has 1 to {_LONGEST_ID} characters")
            if not turns.acquire(timeout=_PATIENCE_SECONDS):
                raise unavailable("too many ask at the same time; ask again in a moment")
            try:
                asked = {**settings, DATABASE_URL: url, TRACE_KEY: settings.get(TRACE_KEY) or known[1]}
                told = trace(asked, home, event_id, source, addresses=False)
            finally:
                turns.release()
        except Problem as problem:
            return problem.response()
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(msgspec.json.encode(told.as_json()), headers=headers, media_type="application/json")

    counts = SourceMetrics(url)

    @app.get("/metrics", summary="Counters, for Prometheus", tags=["operation"], include_in_schema=False)
    def metrics() -> Response:
        try:
            return Response(counts.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
        except NotKnown:
            return unavailable("the store does not answer").response()

    @app.get("/health", summary="Does the process live?", tags=["operation"])
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.exception_handler(HTTPException)
    async def no_such_thing(_: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return Problem(error.status_code, code, str(error.detail), error.headers).response()

    return app
