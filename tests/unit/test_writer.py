"""The writer over the store in memory: when it decides ahead, when it does not, and what wakes whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from ops.verify import verify
from processors import writer as module
from processors.apply import Slice, Stale, changes_of
from processors.segments.catalogue import Catalogue
from processors.segments.rules import read_family
from processors.succession import Fetched
from processors.writer import Writer
from schemas.identity import Mark
from sinks.memory import MemoryStore, MemoryTransaction
from sinks.store import Base, Retryable, Span
from tests.stories import LOG, NOW, RULES, interaction


class Unlucky(MemoryStore):
    """A store in which, by the number of the try, confirming fails (`stale`) or the transaction does (`broken`)."""

    def __init__(self, stale: Sequence[int] = (), broken: Sequence[int] = ()) -> None:
        super().__init__()
        self.stale, self.broken = stale, broken
        self.tries = 0
        self.ways: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        with super().transaction() as tx:
            confirm = tx.confirm
            self.ways.append("plain")

            def unlucky(base: Base) -> Mapping[str, tuple[str, ...]] | None:
                self.tries += 1
                self.ways[-1] = "ahead"
                if self.tries in self.broken:
                    raise Retryable("the connection is gone")
                return None if self.tries in self.stale else confirm(base)

            def settling(limit: int, *, large: bool = False) -> list[Mark]:
                self.ways[-1] = "settling"
                return MemoryTransaction.unsettled(tx, limit, large=large)

            tx.confirm = unlucky  # type: ignore[method-assign]
            tx.unsettled = settling  # type: ignore[method-assign]
            yield tx

    @property
    def applied(self) -> list[str]:
        """How batches were applied: ahead, or plain."""
        return [way for way in self.ways if way != "settling"]


def fetched(number: int) -> Fetched:
    """The fetch of one event."""

    def read(records: Sequence[Any]) -> Slice:
        return Slice(LOG, Span(number, number + 1), [(number, record) for record in records])

    return Fetched(LOG, Span(number, number + 1), [interaction(number, f"C{number % 3}")], read)


def run(store: MemoryStore, work: Callable[[Writer], Awaitable[None]], batch_events: int = 1) -> None:
    """Runs a writer for as long as `work` takes."""

    async def both() -> None:
        writer = Writer(store, RULES, batch_events=batch_events, clock=lambda: NOW)
        await writer.begin({LOG: 0})
        running = asyncio.ensure_future(writer.run())
        try:
            await asyncio.wait_for(work(writer), 20)
        finally:
            running.cancel()

    asyncio.run(both())


def feed(store: MemoryStore, events: int) -> None:
    """Lets a writer apply so many events, each a batch of its own, and waits until they are applied."""

    async def work(writer: Writer) -> None:
        for number in range(events):
            await writer.add(fetched(number))
        while writer.applied[LOG] < events:  # noqa: ASYNC110 - nobody else needs to be told
            await asyncio.sleep(0)

    run(store, work)


@pytest.mark.parametrize("luck", [{"stale": [4]}, {"broken": [4]}])
def test_after_bad_luck_it_decides_ahead_again(luck: dict[str, list[int]]) -> None:
    store = Unlucky(**luck)
    feed(store, 30)
    assert verify(store).equal
    assert len(store.tables.events) == 30
    assert store.applied[:3] == ["ahead"] * 3
    assert store.applied[-10:] == ["ahead"] * 10


def test_while_others_are_at_the_same_customers_it_tries_ever_more_seldom() -> None:
    store = Unlucky(stale=range(1, 1000))
    feed(store, 120)
    assert verify(store).equal
    assert store.applied.count("ahead") <= 8


class Evaluated(MemoryStore):
    """A store in which everybody is evaluated just before what was decided ahead is written."""

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        with super().transaction() as tx:
            confirm = tx.confirm

            def later(base: Base) -> Mapping[str, tuple[str, ...]] | None:
                portraits = tx.portraits(list(base.stamps))
                if portraits:
                    tx.save(self.pack(changes_of(tx, portraits, RULES, NOW, evaluation=True)))
                return confirm(base)

            tx.confirm = later  # type: ignore[method-assign]
            yield tx


def test_what_was_decided_ahead_of_an_evaluation_is_written() -> None:
    store = Evaluated()
    feed(store, 30)
    assert verify(store, segments=RULES.segments, now=NOW).equal
    assert len(store.tables.events) == 30
    assert max(stamp.evaluations for stamp in store.tables.stamps.values()) > 10


def test_a_new_beginning_makes_room_for_who_waits_to_hand_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(writer: Writer) -> None:
        await writer.add(fetched(0))
        blocked = asyncio.ensure_future(writer.add(fetched(1)))
        await asyncio.sleep(0.01)
        assert not blocked.done()
        await writer.begin({LOG: 0})
        await blocked

    async def idle(_: Writer) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(module.Writer, "run", idle)
    run(MemoryStore(), work)


def test_what_a_batch_leaves_unsettled_while_others_are_settled_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work(writer: Writer) -> None:
        writer._is_unsettled = True
        settling = asyncio.ensure_future(writer._settle_now())
        while writer._settling_now is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)  # it is in its thread
        writer._is_unsettled = True  # as a batch does that was written meanwhile
        going_on.set()
        await settling
        assert writer._is_unsettled

    going_on = threading.Event()
    monkeypatch.setattr(module.Writer, "_settle", lambda _: going_on.wait(10))
    run(MemoryStore(), work)


def test_new_segments_reach_everybody_while_batches_come_in() -> None:
    everybody = read_family(
        "family: everybody\nabout: x\nversion: 1\nsegments:\n  - {segment: here, about: x, when: 'true'}\n", "x.yaml"
    )
    other = Catalogue([*RULES.segments.families, everybody], RULES.segments.zone)
    store, sent = MemoryStore(), 0

    def fresh(used: Catalogue) -> Catalogue | None:
        return other if sent > 20 and used is not other else None

    async def both() -> None:
        nonlocal sent
        writer = Writer(store, RULES, batch_events=1, clock=lambda: NOW, fresh=fresh)
        await writer.begin({LOG: 0})
        running = [asyncio.ensure_future(each) for each in (writer.run(), writer.keep_settled())]
        try:
            while store.tables.sweeps.get(other.digest, "") is not None:  # all the time
                await writer.add(fetched(sent))
                sent += 1
            while writer.applied[LOG] < sent:  # noqa: ASYNC110 - nobody else needs to be told
                await asyncio.sleep(0)
        finally:
            for each in running:
                each.cancel()

    asyncio.run(asyncio.wait_for(both(), 30))
    assert verify(store).equal
    assert {each.names for each in store.tables.segments.values()} == {("potential", "here")}
    assert [move.segment for move in store.tables.moves].count("here") == 3, "once each"


def test_a_batch_that_was_decided_by_rules_of_before_is_decided_anew() -> None:
    store, other = MemoryStore(), Catalogue(RULES.segments.families, RULES.segments.zone)

    async def both() -> None:
        writer = Writer(store, RULES, batch_events=1, clock=lambda: NOW)
        made = writer._decide_ahead([fetched(0)], None)
        await writer._go_by(other)
        with pytest.raises(Stale):
            writer._write_ahead(made)
        assert store.tables.events == {}
        writer._write_ahead(writer._decide_ahead([fetched(0)], None))

    asyncio.run(both())
    assert len(store.tables.events) == 1


def test_a_worker_says_by_which_rules_it_goes_while_it_settles_beside_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    again, going_on = threading.Event(), threading.Event()

    def go_by(_: object, digest: str) -> None:
        said.append(digest)
        if len(said) == 3:
            again.set()

    async def work(writer: Writer) -> None:
        running = [asyncio.ensure_future(each) for each in (writer.keep_current(), writer.keep_settled())]
        try:
            assert await asyncio.to_thread(again.wait, 10)
        finally:
            going_on.set()
            for each in running:
                each.cancel()

    monkeypatch.setattr(MemoryTransaction, "go_by", go_by)
    monkeypatch.setattr(module.Writer, "_settle_large", lambda _: going_on.wait(30))
    monkeypatch.setattr(module, "_REFRESH_SECONDS", 0.01)
    run(MemoryStore(), work)
    assert {*said} == {RULES.segments.digest}
