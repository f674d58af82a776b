"""What the transport relies on inside Faust, held on a real Kafka: where reading starts, and what is committed.

Each test states one of the facts that `processors/transport.py` lists, or what follows from them.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

from processors import transport  # first: it says how Faust is to be imported

import faust.streams  # isort: skip
from faust.assignor.partition_assignor import PartitionAssignor  # isort: skip
from faust.transport import consumer as stock  # isort: skip
from faust.transport.drivers import aiokafka as driver  # isort: skip
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from mode import Service

from ops.topics import create_topics
from processors.publish import publish
from schemas.topics import BY_NAME, RAW_NAMES, REJECTED, VALID
from tests.crash.faults import nobody_saves, prepared
from tests.crash.load import deliveries, send
from tests.crash.oracle import check
from tests.crash.stream import Post, Servers, Stream, asking, offsets, stream

pytestmark = pytest.mark.integration

LOG = deliveries(400, seed=9)


def test_this_is_the_faust_that_the_transport_was_written_for() -> None:
    assert version("faust-streaming") == "0.15.3"


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (driver.Consumer, "_getmany", ["self", "active_partitions", "timeout"]),
        (driver.Consumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
        (driver.Consumer, "_new_offset", ["self", "tp"]),
        (driver.Consumer, "on_partitions_assigned", ["self", "assigned", "generation_id"]),
        (driver.Consumer, "_filter_tps_with_pending_acks", ["self", "topics"]),
        (driver.Consumer, "ack", ["self", "message"]),
        (driver.Consumer, "seek_to_committed", ["self"]),
        (driver.Consumer, "seek_wait", ["self", "partitions"]),
        (driver.Consumer, "_new_consumer_thread", ["self"]),
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
        (PartitionAssignor, "_get_copartitioned_groups", ["topics", "cluster", "subscriptions"]),
        (faust.App, "_new_transport", ["self"]),
        (faust.Topic, "decode", ["self", "message", "propagate"]),
    ],
)
def test_what_is_overridden_is_there_and_takes_what_it_took(owner: Any, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize(
    ("asking_", "asked"),
    [
        (stock.Consumer.force_commit, ("_filter_tps_with_pending_acks", "_commit_tps")),
        (stock.Consumer._commit_tps, ("_filter_committable_offsets",)),
        (stock.Consumer._filter_committable_offsets, ("_new_offset", "_should_commit")),
        (stock.Consumer.perform_seek, ("seek_to_committed",)),
        (stock.Consumer._wait_next_records, ("_getmany", "_get_active_partitions")),
        (stock.Consumer.on_buffer_full, ("_buffered_partitions", "_get_active_partitions")),
        (stock.Consumer._drain_messages, ("_add_gap",)),
        (PartitionAssignor._perform_assignment, ("_get_copartitioned_groups",)),
    ],
)
def test_what_is_overridden_is_what_faust_asks(asking_: Any, asked: tuple[str, ...]) -> None:
    names: set[str] = set()
    waiting = [inspect.unwrap(asking_).__code__]
    while waiting:
        code = waiting.pop()
        names.update(code.co_names)
        waiting.extend(each for each in code.co_consts if inspect.iscode(each))
    assert names >= set(asked)


def test_the_stream_iterator_is_the_one_in_python_whoever_imports_first() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import processors.transport, faust.streams as s; print(s._CStreamIterator)"],
        env={name: value for name, value in os.environ.items() if name != "NO_CYTHON"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "None"


class SlowProducer:
    """Faust's producer, as far as `publish` knows it; what is sent is acknowledged when the test says so."""

    def __init__(self) -> None:
        self._producer = self
        self.acknowledged: list[asyncio.Future[None]] = []

    async def partitions_for(self, topic: str) -> set[int]:
        return {0}

    def create_batch(self) -> SlowProducer:
        return self

    def append(self, **record: Any) -> object:
        return record

    async def send_batch(self, batch: Any, topic: str, partition: int) -> asyncio.Future[None]:
        self.acknowledged.append(asyncio.get_running_loop().create_future())
        return self.acknowledged[-1]


async def sent_without_waiting(producer: Any, records: list[tuple[str, bytes, bytes]]) -> None:
    """`publish` as Faust's own `send` does it: handed over is good enough."""
    for topic, _, _ in records:
        await producer.send_batch(None, topic, 0)


@pytest.mark.parametrize(("send_", "waits"), [(publish, True), (sent_without_waiting, False)])
def test_a_fetch_is_done_when_kafka_has_acknowledged_all_of_it(send_: Any, waits: bool) -> None:
    async def run() -> None:
        producer = SlowProducer()
        sending = asyncio.ensure_future(send_(producer, [(VALID, b"k", b"v"), (REJECTED, b"k", b"v")]))
        await asyncio.wait([sending], timeout=0.2)
        assert len(producer.acknowledged) == 2
        assert sending.done() is not waits
        producer.acknowledged[0].set_result(None)
        await asyncio.wait([sending], timeout=0.1)
        assert sending.done() is not waits
        producer.acknowledged[1].set_exception(ConnectionError("no leader"))
        if waits:
            with pytest.raises(ConnectionError):
                await sending
        else:
            await sending
            producer.acknowledged[1].exception()

    asyncio.run(run())


def test_nothing_is_committed_of_an_assignment_before_until_reading_has_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = transport.TP("events.web", 0)
    monkeypatch.setattr(transport.FetchConsumer, "_new_consumer_thread", lambda _: Service())

    async def assign() -> list[list[transport.TP]]:
        app = transport.App("committing", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)

        async def nothing(*_: Any) -> dict[transport.TP, int]:
            return {}

        consumer = transport.FetchConsumer(app.transport, nothing, nothing, nothing)
        monkeypatch.setattr(consumer, "assignment", lambda: {place})
        monkeypatch.setattr(driver.Consumer, "seek_to_committed", nothing)
        monkeypatch.setattr(driver.Consumer, "seek_wait", nothing)
        monkeypatch.setattr(app, "on_rebalance_return", lambda: None)
        committed = []
        for _ in range(2):
            await consumer.on_partitions_assigned({place})
            committed.append(list(consumer._filter_tps_with_pending_acks()))
            await consumer.seek_to_committed()
            committed.append(list(consumer._filter_tps_with_pending_acks()))
        consumer._committed_offset[place] = 7
        committed.append([place] if consumer._should_commit(place, 7) else [])
        consumer.commit_again()
        committed.append([place] if consumer._should_commit(place, 7) else [])
        return committed

    assert asyncio.run(assign()) == [[], [place], [], [place], [], [place]]


def test_kafkas_offsets_of_the_clean_log_do_not_count_whether_ahead_or_behind(servers: Servers) -> None:
    with stream(servers, partitions=2) as running, asking(running.kafka) as admin:
        worker = running.worker()
        send(running.kafka, LOG[:200])
        running.drain()
        for where in (OffsetSpec.LATEST, OffsetSpec.EARLIEST):
            with nobody_saves(running) as halted:
                send(running.kafka, LOG[200:300] if where is OffsetSpec.LATEST else LOG[300:])
                running.until(lambda: halted() and prepared(running, admin), 30, what="a transaction that halts")
                worker.kill()
                running.expel_the_dead()
            running.commit(admin, offsets(admin, (VALID, REJECTED), where))
            worker = running.worker()
            running.drain()
        check(running, LOG)


def test_what_is_committed_to_kafka_is_what_was_stored(servers: Servers) -> None:
    with stream(servers, partitions=2) as running, asking(running.kafka) as admin:
        with nobody_saves(running) as halted:
            running.worker()
            send(running.kafka, LOG)
            running.until(lambda: halted() and prepared(running, admin), 30, what="a transaction that halts")
            running.tend(1.0)  # five intervals of committing
            committed = running.committed(admin)
            assert {place: at for place, at in committed.items() if place[0] == VALID and at > 0} == {}
        running.drain()
        ends = offsets(admin, (*RAW_NAMES, VALID, REJECTED), OffsetSpec.LATEST)

        def all_committed() -> bool:
            told = running.committed(admin)
            return all(told.get(place, 0) == end for place, end in ends.items())

        running.until(all_committed, 10)


def ended(running: Stream, worker: Post, code: str) -> str:
    """Wait until `worker` has ended in this way; what it said."""
    running.until(lambda: worker.codes or not worker.child.alive(), 30, what="a worker that ends")
    worker.supervised = False
    assert [*worker.codes, worker.child.ending()][0] == code, worker.log
    return worker.log


@pytest.mark.parametrize("topic", [VALID, "events.loyalty"])
def test_a_gap_in_the_log_ends_the_worker_and_it_says_so(servers: Servers, topic: str) -> None:
    with stream(servers, partitions=1) as running, asking(running.kafka) as admin:
        worker = running.worker()
        send(running.kafka, LOG[:200])
        running.drain()
        worker.end()
        send(running.kafka, LOG[200:])
        before = contents_of(running)
        stood, end = offsets(admin, (topic,), OffsetSpec.LATEST)[topic, 0], None
        if (
            topic == VALID
        ):  # what is to be deleted there must first be written: by a worker that is not let near the store
            with nobody_saves(running) as halted:
                preparing = running.worker()
                running.until(lambda: halted() and prepared(running, admin), 30)
                preparing.kill()
                running.expel_the_dead()
        else:
            stood = running.committed(admin)[topic, 0]
        end = offsets(admin, (topic,), OffsetSpec.LATEST)[topic, 0]
        assert end > stood + 2
        admin.delete_records({TopicPartition(topic, 0): stood + 2})
        said = ended(running, running.worker(), "exit 71")
        assert f"{topic}/0: reading stood at offset {stood}, the log has {stood + 2} to {end}" in said
        assert "a gap in the log" in said
        assert contents_of(running) == before


def contents_of(running: Stream) -> list[tuple[Any, ...]]:
    return running.rows("select count(*), max(time) from portrait.events")


def test_a_topic_that_was_made_anew_ends_the_worker_and_it_says_so(servers: Servers) -> None:
    with stream(servers, partitions=1) as running, asking(running.kafka) as admin:
        worker = running.worker()
        send(running.kafka, LOG)
        running.drain()
        worker.end()
        stood = running.positions()[VALID, 0]
        admin.delete_topics([VALID])
        running.until(lambda: VALID not in admin.list_topics(), 20)
        create_topics(running.kafka, 1)
        said = ended(running, running.worker(), "exit 71")
        assert f"{VALID}/0: reading stood at offset {stood}, the log has 0 to 0" in said


def test_a_missing_topic_ends_the_worker_and_it_says_which(servers: Servers) -> None:
    with stream(servers, partitions=1) as running, asking(running.kafka) as admin:
        admin.delete_topics([REJECTED, RAW_NAMES[0]])
        running.until(lambda: not {REJECTED, RAW_NAMES[0]} & set(admin.list_topics()), 20)
        said = ended(running, running.worker(), "exit 70")
        assert f"Kafka knows no partitions of {REJECTED}, {RAW_NAMES[0]}" in said
        assert set(admin.list_topics()) & set(BY_NAME) == set(BY_NAME) - {REJECTED, RAW_NAMES[0]}


@pytest.mark.parametrize(("buffered", "patience"), [({("events.web", 0)}, 0.02), (set(), 1.0)])
def test_idle_partitions_are_not_waited_for_while_another_one_is_left_out(
    buffered: set[Any], patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    async def getmany(_: Any, active_partitions: Any, timeout: float) -> dict[Any, Any]:  # noqa: ASYNC109
        asked.append(timeout)
        return {}

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    consumer = object.__new__(transport.FetchConsumer)
    consumer._buffered_partitions = buffered
    assert asyncio.run(consumer._getmany(None, 1.0)) == {}
    assert asked == [patience]
