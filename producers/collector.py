"""The collector: events come in over HTTP, and are answered when Kafka has them, or the local disk while Kafka is away.

    body ── split ── admit ─┬─ publish ── wait for every acknowledgement ─┬─ 200
                            └─ spool ── wait for the disk ────────────────┘
                                 └── drain ──▶ Kafka, when it is back

Run it with `python -m producers.collector`; the settings are in `producers.intake.settings`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from producers.doors.beacon import add_beacon
from producers.doors.events import add_events
from producers.doors.forms import add_forms
from producers.doors.route import straight
from producers.doors.rudder import add_rudder_api
from producers.doors.segment import add_segment_api, for_browsers
from producers.doors.spool import add_spool_search
from producers.doors.webhooks import add_webhooks
from producers.intake import garbage
from producers.intake.collector import Collector
from producers.intake.settings import CollectorSettings, SettingsError
from producers.keys import KeyFile, KeysError
from producers.openapi.document import documented
from producers.openapi.events import ABOUT, problem_response
from producers.request.problems import Problem, unavailable
from producers.spool.files import SpoolUnusable
from producers.spool.keep import Spool

log = logging.getLogger(__name__)


def create_app(settings: CollectorSettings, spool: Spool | None) -> ASGIApp:
    """The ASGI application. Connects to Kafka when it starts, and serves whether or not Kafka is there."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        app.state.collector = collector = Collector(settings, spool)
        garbage.seldom()
        try:
            yield
        finally:
            await collector.close()

    app = FastAPIOffline(title="Portrait collector", version="1", description=ABOUT, lifespan=running)

    add_events(app)
    add_segment_api(app)
    add_rudder_api(app)
    add_beacon(app)
    add_webhooks(app)
    add_forms(app)
    add_spool_search(app)

    @app.get("/health", summary="Does the process live?", tags=["operation"])
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get(
        "/ready", summary="Would it take an event now?", tags=["operation"], responses={503: problem_response(503)}
    )
    async def ready() -> Response:
        takes, wrong = await app.state.collector.readiness()
        if not takes:
            return unavailable(wrong).response()
        told = {"status": "spooling", "message": wrong} if wrong else {"status": "ready"}
        return Response(msgspec.json.encode(told), media_type="application/json")

    @app.get("/metrics", summary="Counters, for Prometheus", tags=["operation"], include_in_schema=False)
    async def metrics() -> Response:
        collector: Collector = app.state.collector
        spool = await asyncio.to_thread(collector.spool.state) if collector.spool else None
        text = collector.metrics.exposition(collector.publisher.connected, spool)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.exception_handler(HTTPException)
    async def no_such_thing(_: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return for_browsers(Problem(error.status_code, code, str(error.detail), error.headers).response())

    @app.exception_handler(Exception)
    async def went_wrong(_: Request, __: Exception) -> Response:
        return for_browsers(Problem(500, "internal_error", "something is wrong here; send it again").response())

    app.openapi = documented(app.openapi)  # type: ignore[method-assign]
    return straight(app, went_wrong)


def main() -> int:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first. 78 when a setting is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Ten lines a second while Kafka is away; what matters of it, the publisher says once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        settings = CollectorSettings.from_environment(os.environ)
        KeyFile(settings.keys)
        spool = Spool(settings.spool, settings.spool_bytes) if settings.spool else None
    except (SettingsError, KeysError, SpoolUnusable) as error:
        log.error("%s", error)
        return os.EX_CONFIG
    # uvicorn, when it has finished, raises the signal that ended it once more: to be told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        create_app(settings, spool),
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=10,
        log_config=None,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
