"""The collector: events come in over HTTP, and are answered when Kafka has them, or the local disk while Kafka is away.

    body ── split ── admit ─┬─ publish ── wait for every acknowledgement ─┬─ 200
                            └─ spool ── wait for the disk ────────────────┘
                                 └── drain ──▶ Kafka, when it is back

Run it with `python -m producers.collector`; the settings are in `producers.settings`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from producers.admit import Admission
from producers.broker.publisher import Publisher, Unavailable
from producers.collector_beacon import add_beacon
from producers.collector_events import add_events
from producers.collector_forms import add_forms
from producers.collector_rudder import add_rudder_api
from producers.collector_segment import add_segment_api, for_browsers
from producers.collector_spool import add_spool_search
from producers.collector_webhooks import add_webhooks
from producers.delivery import PATIENT, Delivery, Patience
from producers.forms.address import AddressRates
from producers.forms.mapping_files import MappingFiles
from producers.keys import KeyFile, KeysError, Source
from producers.metrics import UNKNOWN_SOURCE, CollectorMetrics
from producers.openapi import ABOUT, problem_response
from producers.openapi_document import documented
from producers.punctuality import punctuality
from producers.request.body import Memory
from producers.request.problems import Problem, unavailable
from producers.request.rate import Rates
from producers.settings import CollectorSettings, SettingsError
from producers.spool.drain import DEADLINE_SECONDS, Drain
from producers.spool.files import SpoolUnusable
from producers.spool.keep import Spool
from producers.turns import Turns
from producers.webhooks.secret import SecretFiles

log = logging.getLogger(__name__)

Result = TypeVar("Result")

AT_ONCE_BYTES = 8 * 1024
"""A body this small is read and validated on the event loop, in well under a millisecond; larger ones in a thread."""

_CONNECT_SECONDS = 3.0
"""So long after its start it is not ready without Kafka, even with a spool: most likely it is about to be connected."""


Take = Callable[["Collector", Request], Awaitable[Response]]
"""Takes one request: its response. Raises Problem."""


class Collector:
    """One collector: its connection to Kafka, its keys, its counters, its spool. Made when it starts to serve."""

    def __init__(self, settings: CollectorSettings, spool: Spool | None) -> None:
        """Raises KeysError when the keys cannot be read."""
        self.settings = settings
        self.keys = KeyFile(settings.keys)
        self.secrets = SecretFiles(settings.keys.parent)
        self.mappings = MappingFiles(settings.keys.parent)
        self.metrics = CollectorMetrics()
        self.publisher = Publisher(settings.kafka, timeout=settings.publish_seconds)
        self.memory = Memory(settings.in_flight_bytes)
        self.rates = Rates()
        self.addresses = AddressRates()
        self._turns = Turns()
        self.spool = spool
        self._delivery = Delivery(self.publisher, spool, self._turns)
        # A publisher of its own: what of the spool Kafka does not take must not disturb those who wait for an answer.
        self._draining = Publisher(settings.kafka, timeout=DEADLINE_SECONDS) if spool else None
        self._drain = Drain(spool, self._draining, self.metrics.drained) if spool and self._draining else None
        self._patient_until = time.monotonic() + _CONNECT_SECONDS
        self._pinged: tuple[float, asyncio.Task[str | None]] | None = None

    async def close(self) -> None:
        """Waits for what Kafka has not yet acknowledged. What is in the spool stays there for the next start."""
        self._turns.close()
        if self._drain is not None and self._draining is not None:
            await asyncio.to_thread(self._drain.close)
            await asyncio.to_thread(self._draining.close, 1.0)
        await asyncio.to_thread(self.publisher.close)
        if self.spool is not None:
            await asyncio.to_thread(self.spool.close)

    async def receive(self, request: Request, take: Take) -> Response:
        """Take one request to its end, whatever that is. `take` notes the source in `request.state` once it knows it."""
        begun = time.perf_counter()
        request.state.source = UNKNOWN_SOURCE
        try:
            response = await take(self, request)
        except Problem as problem:
            response = problem.response()
        except ClientDisconnect:
            response = Problem(400, "disconnected", "the connection ended before the body").response()
        self.metrics.answered(request.state.source, response.status_code, time.perf_counter() - begun)
        return response

    async def work(self, size: int, do: Callable[[], Result], source: str = UNKNOWN_SOURCE) -> Result:
        """`do`, which looks at `size` bytes: at once when these are few, else in a thread, when it is the turn of `source`."""
        return do() if size <= AT_ONCE_BYTES else await self._turns.run(source, do)

    async def send(self, source: Source, admission: Admission, size: int, patience: Patience = PATIENT) -> bool:
        """Returns when all of `admission`, made of `size` bytes, is safe: False when Kafka has it, True when the spool has.
        Raises Problem 503 when neither does.
        """
        clocks = await self.work(size, lambda: punctuality(admission.records, time.time()), source.name)
        self.metrics.received(source.name, admission, size, clocks)
        self.rates.spend(source, len(admission.records) + len(admission.refusals))
        records = (*admission.records, *(refusal.letter for refusal in admission.refusals))
        spooled = await self._delivery.deliver(source.name, records, patience)
        self.metrics.acknowledged(source.name, admission)
        if spooled:
            self.metrics.spooled(source.name, len(records))
        return spooled

    async def readiness(self) -> tuple[bool, str | None]:
        """Whether it would accept events now, and what is wrong with Kafka, if anything. Asks Kafka at most once a second."""
        if self._pinged is None or time.monotonic() - self._pinged[0] > 1:
            self._pinged = time.monotonic(), asyncio.create_task(self._ping())
        wrong = await asyncio.shield(self._pinged[1])
        if wrong is None:
            self._patient_until = 0.0
        spools = self.spool is not None and not self.spool.doubtful and time.monotonic() > self._patient_until
        return wrong is None or spools, wrong

    async def _ping(self) -> str | None:
        try:
            await asyncio.to_thread(self.publisher.ping)
        except Unavailable as error:
            return str(error)
        return None if self.publisher.connected else "not connected to Kafka yet"


def create_app(settings: CollectorSettings, spool: Spool | None) -> FastAPI:
    """The ASGI application. Connects to Kafka when it starts, and serves whether or not Kafka is there."""

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        app.state.collector = collector = Collector(settings, spool)
        # What is loaded by now stays: the collector of garbage need not look at it again, and less often at the rest.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
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
    return app


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
