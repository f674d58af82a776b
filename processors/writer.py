"""Batches of clean events into the store, one after the other.

While the database writes one batch, the next one is decided (`processors.ahead`), in a second thread, and the event loop
fetches the one after that: the more there is to do, the larger the batches grow, up to a bound. What was decided ahead and no
longer stands, or could not be written, is applied in the plain way: hold, decide, write (`processors.apply.apply`).
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from processors import counters
from processors.ahead import Ahead, MadeAhead, Overlay
from processors.apply import Applied, Rules, Slice, Stale, apply, decide, write
from processors.evaluate import refresh
from processors.halve import as_letter, halves
from processors.insist import Insistence, guarded
from processors.rank import Ranking
from processors.segments.catalogue import Catalogue
from processors.settle import MOST_EVENTS, settle, settle_large
from processors.succession import Fetched, Succession
from processors.sweep import go_by, sweep
from sinks.store import Fatal, Partition, Refused, Retryable, Store

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

_REFRESH_SECONDS = 2.0
_SETTLING_EVERY, _LONGEST_SETTLING = 3.0, 1.5
"""While batches wait, what they leave unsettled is settled every so many seconds, for so long at most. Settling changes customers
that the next batch is about, so that one is decided only then, and nothing is written meanwhile."""

_GARBAGE_TURNS = 30
_MOST_PLAIN = 64
"""Batches applied in the plain way, at the most, before one is decided ahead again."""


class Writer:
    """Takes fetches in, applies them in order. The coroutines belong to one event loop; two threads do the work. `fresh` is
    asked every few seconds whether there are other segments than those in use."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        *,
        batch_events: int,
        clock: Callable[[], int],
        fresh: Callable[[Catalogue], Catalogue | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._rules = rules
        self._batch_events = batch_events
        self._clock = clock
        self._fresh = fresh
        self._committed = store.committed()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._deciding = ThreadPoolExecutor(1, thread_name_prefix="decide")
        self._settling = ThreadPoolExecutor(1, thread_name_prefix="settle")
        self._beside = store.beside()
        self._waiting: list[Fetched] = []
        self._waiting_events = 0
        self._changed = asyncio.Condition()
        self._succession = Succession()
        self._plain = self._next_plain = 0
        self._is_unsettled = False
        self._settled_at = -math.inf
        self._in_hand = 0
        self._settling_now: asyncio.Future[None] | None = None
        self._insist = Insistence()
        self.applied: dict[Partition, int] = {}

    async def in_thread(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run `call` in the writing thread, again after Retryable; a Fatal or unknown error ends the process."""
        return await asyncio.get_running_loop().run_in_executor(self._writing, self._insist, call, *arguments)

    def stop(self) -> None:
        """From now on nothing is tried again: what cannot be written is not acknowledged, and comes again with the next start."""
        self._insist.stop()

    async def begin(self, positions: Mapping[Partition, int]) -> None:
        """Reading starts, or starts anew, at `positions`; what waits of other runs is forgotten."""
        async with self._changed:
            self._succession.begin(positions)
            self.applied.update(positions)
            self._waiting = [part for part in self._waiting if part.partition not in positions]
            self._waiting_events = sum(len(part.records) for part in self._waiting)
            self._changed.notify_all()

    async def add(self, fetched: Fetched) -> None:
        """Take in what of a fetch follows on the one before; waits while a full batch is waiting already."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting_events < self._batch_events)
            following = self._succession.take(fetched.partition, fetched.span)
            if following is not None:
                self._waiting.append(fetched.within(following))
                self._waiting_events += len(fetched.records)
                self._changed.notify_all()

    async def run(self) -> None:
        """Apply what was taken in, for ever: one batch is written while the next one is decided."""
        self._rules.segments.bounds = await self.in_thread(self._store.bounds)  # before anything is decided
        under_way: asyncio.Future[bool] | None = None
        before: Overlay | None = None
        while True:
            fetched = await self._take()
            self._in_hand += 1
            overdue, settling = self._overdue(), self._settling_now
            if under_way is not None and (before is None or under_way.done() or settling or overdue):
                await under_way
                under_way = before = None  # what is committed tells all
            if settling or overdue:
                await self._settle_now()
            made = None
            if self._plain:
                self._plain -= 1
            else:
                run = asyncio.get_running_loop().run_in_executor
                made = await run(self._deciding, self._decide, fetched, before)
            if under_way is not None and not await under_way:
                made = None  # it was decided over what was not written so
            before = None if made is None else made.overlay
            under_way = asyncio.ensure_future(self._write(fetched, made))
            del made  # a batch that is ready to be written: much memory

    async def keep_current(self) -> None:
        """Every few seconds, for ever, look at customers whose time has come: at some between two batches, at all when none
        waits. Seldom, look for garbage."""
        for turn in itertools.count(1):
            await asyncio.sleep(_REFRESH_SECONDS)
            self._is_unsettled = True  # others may have left something
            if not self._busy:
                await self._settle_now()
            while await self.in_thread(self._refresh):
                if self._waiting:
                    break
            if turn % _GARBAGE_TURNS == 0:
                gc.collect()

    async def keep_settled(self) -> None:
        """Every few seconds, for ever, settle beside the stream what was postponed, and rank and evaluate everybody."""
        run, ranking = asyncio.get_running_loop().run_in_executor, Ranking(self._beside, self._rules)
        while True:
            if segments := await run(self._settling, guarded, self._fresh, self._rules.segments):
                await self._go_by(segments)
                ranking = Ranking(self._beside, self._rules)
            await run(self._settling, self._insist, ranking.turn, self._clock())
            await run(self._settling, self._insist, self._settle_large)
            swept = await run(self._settling, self._insist, sweep, self._beside, self._rules, self._clock())
            counters.SWEPT.inc(swept)
            if not swept:
                await asyncio.sleep(_REFRESH_SECONDS)

    async def _go_by(self, segments: Catalogue) -> None:
        """Decide by these from now on. What was begun by those of before is written afterwards, and nothing more of it: so that
        everybody can be evaluated by these."""
        segments.bounds = self._rules.segments.bounds
        self._rules = self._rules._replace(segments=segments)
        await self.in_thread(int)

    async def _take(self) -> list[Fetched]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting)
            batch, self._waiting, self._waiting_events = self._waiting, [], 0
            self._changed.notify_all()
        return batch

    def _decide(self, fetched: Sequence[Fetched], before: Overlay | None) -> MadeAhead | None:
        """In the deciding thread: decide ahead, or (None) leave it to the plain way, which knows what to do about bad luck."""
        try:
            return guarded(self._decide_ahead, fetched, before)
        except (Retryable, Refused) as error:
            logger.info("a batch cannot be decided ahead: %s", error)
            return None

    def _decide_ahead(self, fetched: Sequence[Fetched], before: Overlay | None) -> MadeAhead:
        ahead, rules = Ahead(self._committed, before), self._rules
        decision = decide(ahead, _read(fetched), rules, self._clock())
        packed = None if decision.changes is None else self._store.pack(decision.changes)
        base = ahead.base
        unsettled = bool(decision.identity.unsettled)
        return MadeAhead(decision.without_changes(), packed, base, Overlay(decision, base), unsettled, rules)

    async def _write(self, fetched: Sequence[Fetched], made: MadeAhead | None) -> bool:
        """Write a batch; False when it was not written as it had been decided."""
        written = None if made is None else await self._write_made(made)
        as_decided = written is not None
        applied = await self.in_thread(self._read_and_apply, fetched) if written is None else written
        self._is_unsettled |= made is None or made.unsettled or not as_decided
        self._in_hand -= 1
        if not self._busy:
            await self._settle_now()
        counters.BATCH.observe(applied.stored + applied.duplicates)
        counters.STORED.inc(applied.stored)
        counters.DUPLICATES.inc(applied.duplicates)
        for part in fetched:
            self.applied[part.partition] = max(part.span.end, self.applied.get(part.partition, 0))
        return as_decided

    async def _write_made(self, made: MadeAhead) -> Applied | None:
        run = asyncio.get_running_loop().run_in_executor
        try:
            await run(self._writing, guarded, self._write_ahead, made)
        except Stale:
            # Mostly others are at the same customers. To decide ahead is in vain, the longer the more often that happens.
            self._plain = self._next_plain = min(2 * self._next_plain + 1, _MOST_PLAIN)
            counters.ANEW.labels("stale").inc()
            return None
        except (Retryable, Refused) as error:
            logger.warning("a batch could not be written as it was decided, and is decided anew: %s", error)
            counters.ANEW.labels("failed").inc()
            return None
        self._next_plain = max(self._next_plain - 1, 0)
        return made.decision.applied

    def _write_ahead(self, made: MadeAhead) -> None:
        if made.rules is not self._rules:
            raise Stale
        write(self._store, made.decision, made.packed, made.base, self._rules, self._clock())

    def _overdue(self) -> bool:
        return self._is_unsettled and time.monotonic() > self._settled_at + _SETTLING_EVERY

    @property
    def _busy(self) -> bool:
        """Whether a batch waits, or is in hand: decided, or about to be, and not written."""
        return bool(self._in_hand or self._waiting)

    async def _settle_now(self) -> None:
        """Settle what batches left unsettled, if they did; and wait for whoever is at it."""
        if self._settling_now is None and self._is_unsettled:
            self._settling_now = asyncio.ensure_future(self._settle_all())
        if self._settling_now is not None:
            await self._settling_now

    async def _settle_all(self) -> None:
        self._is_unsettled = False
        try:
            if not await self.in_thread(self._settle):
                self._is_unsettled = True
        finally:
            self._settled_at, self._settling_now = time.monotonic(), None

    def _settle(self) -> bool:
        """In the writing thread: decide from all facts what batches left unsettled; whether that is all of it."""
        until = time.monotonic() + _LONGEST_SETTLING
        while settled := settle(self._store, self._rules, self._clock(), most_events=MOST_EVENTS):
            counters.SETTLED.inc(settled)
            if self._busy and time.monotonic() > until:
                return False  # the rest a little later
        return True

    def _refresh(self) -> int:
        """In the writing thread: say by which rules it decides, and evaluate customers whose time has come; how many."""
        rules = self._rules
        go_by(self._store, rules.segments.digest)
        return refresh(self._store, rules, self._clock())

    def _settle_large(self) -> None:
        """In a thread of its own: what needs so many events that the stream is not to wait for it."""
        while settle_large(self._beside, self._rules, self._clock()):
            counters.SETTLED.inc()

    def _read_and_apply(self, fetched: Sequence[Fetched]) -> Applied:
        return self._apply(_read(fetched))

    def _apply(self, batch: Sequence[Slice]) -> Applied:
        """Apply a batch; when the database refuses some value in it, find the event and make it a dead letter."""
        try:
            return apply(self._store, batch, self._rules, self._clock())
        except Refused as error:
            parts = halves(batch)
            if parts is None:
                try:
                    return apply(self._store, [as_letter(batch[0], error)], self._rules, self._clock())
                except Refused as again:
                    raise Fatal(f"{batch[0].partition}: a dead letter cannot be stored: {again}") from again
            done = [self._insist(self._apply, half) for half in parts]
            return Applied(*(sum(counts) for counts in zip(*done, strict=True)))


def _read(fetched: Sequence[Fetched]) -> list[Slice]:
    return [each.read(each.records) for each in fetched]
