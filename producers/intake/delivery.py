"""Where the records of a request go: to Kafka; and while Kafka does not take them, to the spool. Either way they are safe."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from producers.broker.publisher import Publisher, Refused, Unavailable
from producers.intake.turns import Turns
from producers.record import Record
from producers.request.problems import Problem, unavailable
from producers.spool.files import SpoolFailed
from producers.spool.keep import Spool

log = logging.getLogger(__name__)

_AT_ONCE_RECORDS = 20
"""So few records are handed over on the event loop; more of them in a thread."""
_DISK_SECONDS = 5.0


class Patience(NamedTuple):
    """How many seconds Kafka is waited for, and then the disk: until `altogether` seconds are over. None: for as long as a
    publish may take, and then `_DISK_SECONDS`."""

    kafka: float | None = None
    altogether: float | None = None

    def for_disk(self, spent: float) -> float:
        """What is left for the disk when so many seconds are spent."""
        return _DISK_SECONDS if self.altogether is None else max(self.altogether - spent, 0.0)


PATIENT = Patience()


class Delivery:
    """`spool` is None when there is none: then what Kafka does not take is not taken. `turns` for large requests."""

    def __init__(self, publisher: Publisher, spool: Spool | None, turns: Turns) -> None:
        self._publisher = publisher
        self._spool = spool
        self._turns = turns

    async def deliver(self, source: str, records: Sequence[Record], patience: Patience = PATIENT) -> bool:
        """Returns when all of `records` are safe: False in Kafka, True in the spool. Raises Problem 503 when that is not
        certain: some of it may have arrived, or be written yet, and counts once when it is sent again with the same ids.

        `source` is whoever sends. What a source sends after something of it went to the spool waits there behind it, so
        that Kafka has both in the order in which they were answered.
        """
        ms, begun = time.time_ns() // 1_000_000, time.monotonic()
        if self._spool is None or not self._spool.holds(source):
            try:
                async with asyncio.timeout(patience.kafka):
                    await self._handed_over(source, len(records), lambda: self._publisher.publish(records))
                return False
            except (Unavailable, TimeoutError):
                if self._spool is None:
                    raise unavailable("Kafka does not answer; send it again, with the same ids") from None
            except Refused as error:
                # Also what Kafka will never take: the drain sends the rest of the request, and sets that aside for a person.
                log.error("Kafka refuses events of %s: %s", source, error)
                if self._spool is None:
                    raise unavailable("Kafka refuses this for now; send it again, with the same ids") from None
        await self._spooled(self._spool, source, records, ms, patience.for_disk(time.monotonic() - begun))
        return True

    async def _spooled(self, spool: Spool, source: str, records: Sequence[Record], ms: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._handed_over(source, len(records), lambda: spool.append(source, records, ms))
        except SpoolFailed as error:
            raise self._not_kept(error.code, str(error)) from None
        except TimeoutError:
            raise self._not_kept("spool_failed", f"the spool was not written within {seconds:.2g} s") from None

    def _not_kept(self, code: str, why: str) -> Problem:
        refused = unavailable(f"Kafka does not answer, and {why}; send it again, with the same ids")
        return Problem(refused.status, code, refused.message, refused.headers)

    async def _handed_over(self, source: str, size: int, hand_over: Callable[[], Future[None]]) -> None:
        if size <= _AT_ONCE_RECORDS:
            result = hand_over()
        else:
            result = await self._turns.run(source, hand_over)
        await asyncio.wrap_future(result)
