"""Batches of clean events into the store, one after the other, in a thread of their own.

While the database works on one batch the event loop fetches and decodes the next: the more there is to do, the larger the
batches grow, up to a bound.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from processors import counters
from processors.apply import Applied, Judgement, Slice, apply, refresh
from processors.guard import EXIT_GAP, fail_stop
from processors.succession import Succession
from schemas import clean
from schemas.rejected import Reason, Rejected, dead_letter
from sinks.store import Fatal, Gap, Partition, Refused, Retryable, Span, Store

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

_LONGEST_PAUSE = 5.0
_REFRESH_SECONDS = 5.0


class Writer:
    """Takes slices in, applies them in order. All methods belong to one event loop; the store to one thread."""

    def __init__(self, store: Store, judgement: Judgement, *, batch_events: int, clock: Callable[[], int]) -> None:
        self._store = store
        self._judgement = judgement
        self._batch_events = batch_events
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[Slice] = []
        self._waiting_events = 0
        self._changed = asyncio.Condition()
        self._succession = Succession()
        self.applied: dict[Partition, int] = {}

    async def in_thread(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run `call` in the store's thread, again after Retryable; a Fatal or unknown error ends the process."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._insist, call, *arguments)

    def begin(self, positions: Mapping[Partition, int]) -> None:
        """Reading starts, or starts anew, at `positions`; what waits of other runs is forgotten."""
        self._succession.begin(positions)
        self.applied.update(positions)
        self._waiting = [part for part in self._waiting if part.partition not in positions]
        self._waiting_events = sum(len(part.events) + len(part.letters) for part in self._waiting)

    async def add(self, part: Slice) -> None:
        """Take a slice in, if it follows on the one before; waits while a full batch is waiting already."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting_events < self._batch_events)
            if not self._succession.follows(part.partition, part.span):
                return
            self._waiting.append(part)
            self._waiting_events += len(part.events) + len(part.letters)
            self._changed.notify_all()

    async def run(self) -> None:
        """Apply what was taken in, for ever; and, every few seconds, look at customers whose time has come."""
        refreshed = time.monotonic()
        while True:
            batch = await self._take(_REFRESH_SECONDS)
            if batch:
                applied = await self.in_thread(self._apply, batch)
                counters.BATCH.observe(applied.stored + applied.duplicates)
                counters.STORED.inc(applied.stored)
                counters.DUPLICATES.inc(applied.duplicates)
                for part in batch:
                    self.applied[part.partition] = max(part.span.end, self.applied.get(part.partition, 0))
            if time.monotonic() - refreshed >= _REFRESH_SECONDS:
                while await self.in_thread(refresh, self._store, self._judgement, self._clock()):
                    if self._waiting:
                        break
                refreshed = time.monotonic()
                gc.collect(1)

    async def _take(self, seconds: float) -> list[Slice]:
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._waiting), seconds)
            except TimeoutError:
                return []
            batch, self._waiting, self._waiting_events = self._waiting, [], 0
            self._changed.notify_all()
        return batch

    def _insist(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        pause = 0.05
        while True:
            try:
                return call(*arguments)
            except Retryable as error:
                logger.warning("the store could not do it now, trying again in %.1f s: %s", pause, error)
                counters.RETRIES.inc()
            except Gap as error:
                fail_stop(str(error), EXIT_GAP)
            except Fatal as error:
                fail_stop(f"the store refuses: {error}")
            except Exception:
                fail_stop("unknown error")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _apply(self, batch: Sequence[Slice]) -> Applied:
        """Apply a batch; when the database refuses some value in it, find the event and make it a dead letter."""
        try:
            return apply(self._store, batch, self._judgement, self._clock())
        except Refused as error:
            halves = _halves(batch)
            if halves is None:
                try:
                    return apply(self._store, [_as_letter(batch[0], error)], self._judgement, self._clock())
                except Refused as again:
                    raise Fatal(f"{batch[0].partition}: a dead letter cannot be stored: {again}") from again
            done = [self._insist(self._apply, half) for half in halves]
            return Applied(*(sum(counts) for counts in zip(*done, strict=True)))

    def close(self) -> None:
        """Wait for the batch in work, then give back the connection."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._store.close()


def _halves(batch: Sequence[Slice]) -> tuple[list[Slice], list[Slice]] | None:
    """Two batches that together are `batch`, None when it holds one event only."""
    if len(batch) > 1:
        middle = len(batch) // 2
        return list(batch[:middle]), list(batch[middle:])
    part = batch[0]
    if len(part.events) + len(part.letters) <= 1:
        return None
    offsets = sorted([offset for offset, _ in part.events] + [offset for offset, _ in part.letters])
    cut = offsets[len(offsets) // 2]
    return (
        [
            Slice(
                part.partition,
                Span(part.span.first, cut),
                [pair for pair in part.events if pair[0] < cut],
                [pair for pair in part.letters if pair[0] < cut],
            )
        ],
        [
            Slice(
                part.partition,
                Span(cut, part.span.end),
                [pair for pair in part.events if pair[0] >= cut],
                [pair for pair in part.letters if pair[0] >= cut],
            )
        ],
    )


def _as_letter(part: Slice, error: Refused) -> Slice:
    """The one event or letter of `part`, which the database refused, as a dead letter about its record."""
    if part.events:
        offset, event = part.events[0]
        payload, topic, received, origin = clean.encode(event), part.partition.topic, event.received, event.origin
        names = [name.replace("\0", "\ufffd") for name in (event.id, event.source)]
    else:
        offset, kept = part.letters[0]
        payload, topic, received, origin, names = msgspec.json.encode(kept), None, 0, "", []
    letter = dead_letter(
        Rejected(Reason.INVALID_VALUE, "$", f"the database refuses it: {error}", *names),
        origin=origin or f"{part.partition.topic}/{part.partition.number}/{offset}",
        payload=payload,
        key=None,
        topic=topic,
        now_ms=received,
    )
    logger.error("%s: %s", letter.origin, error)
    return Slice(part.partition, part.span, (), [(offset, letter)])
