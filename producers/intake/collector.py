"""One collector that runs: what every door hands a request to, and what it shares with the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from producers.admit import Admission
from producers.broker.publisher import Publisher, Unavailable
from producers.forms.address import AddressRates
from producers.forms.mapping_files import MappingFiles
from producers.intake.delivery import PATIENT, Delivery, Patience
from producers.intake.metrics import UNKNOWN_SOURCE, CollectorMetrics
from producers.intake.offload import Offload
from producers.intake.punctuality import Punctuality, admitted, punctuality
from producers.intake.settings import CollectorSettings
from producers.intake.turns import Turns
from producers.keys import KeyFile, Source
from producers.request.body import Memory
from producers.request.problems import Problem
from producers.request.rate import Rates
from producers.spool.drain import DEADLINE_SECONDS, Drain
from producers.spool.keep import Spool
from producers.webhooks.secret import SecretFiles

Result = TypeVar("Result")

AT_ONCE_BYTES = 8 * 1024
"""A body this small is read and judged on the event loop, in well under a millisecond; larger ones in the second process."""

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
        self._offload = Offload(self._turns)
        if settings.processes > 1:
            self._offload.start()
        self.spool = spool
        self._delivery = Delivery(self.publisher, spool, self._turns)
        # A publisher of its own: what of the spool Kafka does not take must not disturb those who wait for an answer.
        self._draining = Publisher(settings.kafka, timeout=DEADLINE_SECONDS) if spool else None
        self._drain = Drain(spool, self._draining, self.metrics.drained) if spool and self._draining else None
        self._patient_until = time.monotonic() + _CONNECT_SECONDS
        self._pinged: tuple[float, asyncio.Task[str | None]] | None = None

    async def close(self) -> None:
        """Waits for what Kafka has not yet acknowledged. What is in the spool stays there for the next start."""
        await self._offload.close()
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

    async def admit(self, source: Source, size: int, admit: Callable[[], Admission]) -> tuple[Admission, Punctuality]:
        """What `admit` makes of `size` bytes, and how punctual it is: at once when these are few, else in the second process,
        when it is the turn of `source`. `admit` is a `partial` of a module's function, that can be pickled. Raises Problem."""
        judge = partial(admitted, admit, time.time())
        return judge() if size <= AT_ONCE_BYTES else await self._offload.run(source.name, judge)

    async def send(
        self,
        source: Source,
        admission: Admission,
        size: int,
        patience: Patience = PATIENT,
        clocks: Punctuality | None = None,
    ) -> bool:
        """Returns when all of `admission`, made of `size` bytes, is safe: False when Kafka has it, True when the spool has.
        Raises Problem 503 when neither does. `clocks` is how punctual it is, where that is known.
        """
        if clocks is None:
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
