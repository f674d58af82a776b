"""Faust's transport, reading whole fetches, beginning where the store says, and committing what is really done.

Stock Faust hands over one message at a time, at some 70 µs each, whatever the agent does. Here the records of one fetch from
one partition travel as one message, and an agent iterates over lists of raw records.

Faust acknowledges a message when its agent asks for the next one, but also when the agent is cancelled in the middle of it, and
when the message is passed over because partitions were assigned anew. So acknowledgements count for nothing here: what is
committed to Kafka is what `App.done` says.

What this relies on inside faust-streaming 0.15.3, and `tests/integration/test_transport.py` holds on to:

- `Consumer._getmany` returns the records of one fetch by partition: each list becomes one message, at its last offset.
- `Consumer._buffered_partitions` are those that `_getmany` is not asked for, because the agent's buffer is full.
- `AIOKafkaConsumerThread._create_worker_consumer` makes aiokafka's consumer, which starts with its `_fetch_max_wait_ms`.
- `Consumer.force_commit` asks `_filter_tps_with_pending_acks` for partitions and `_new_offset` for the offset of each.
- `Consumer.on_partitions_assigned` comes before anything is committed of the new assignment.
- `Consumer._committed_offset` is what Faust thinks is committed; None is nothing.
- `Consumer._add_gap` is called for the offsets inside a message, and has nothing to do.
- `Consumer.seek_to_committed` is called after every assignment, and its answer is where reading starts.
- `PartitionAssignor._get_copartitioned_groups` is asked whenever the group's leader assigns.
- `stream_buffer_maxsize` counts fetches here: small, or a worker reads whole partitions into memory.
- The Cython stream iterator goes around `Consumer.ack`: NO_CYTHON=1 must be set before Faust is imported.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

os.environ["NO_CYTHON"] = "1"

import faust
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP as TP

from processors.guard import fail_stop

_PATIENCE = 0.02
_FETCH_WAIT_MS = 50
"""How long a fetch may wait at the broker for something to come. One is under way at a time, for the partitions that were empty
when it began: what comes into any other one waits as long. Faust has 1,500 ms here, and no setting for it."""


class Fetch:
    """The records of one fetch from one partition, dressed as a single Kafka record at the last offset."""

    __slots__ = (
        "checksum",
        "headers",
        "key",
        "offset",
        "partition",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
    )

    def __init__(self, tp: TP, records: list[Any]) -> None:
        last = records[-1]
        self.topic, self.partition, self.offset = tp.topic, tp.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, last.timestamp_type
        self.headers, self.key, self.value, self.checksum = (), None, records, None
        self.serialized_key_size = self.serialized_value_size = 0


class _FetchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    def _create_worker_consumer(self, transport: Any) -> Any:
        made = super()._create_worker_consumer(transport)
        assert hasattr(made, "_fetch_max_wait_ms")
        made._fetch_max_wait_ms = _FETCH_WAIT_MS
        return made


class FetchConsumer(driver.Consumer):  # type: ignore[misc]
    """A Faust consumer of whole fetches."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._begun: set[TP] = set()
        self._assignments = 0

    def _new_consumer_thread(self) -> _FetchThread:
        return _FetchThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109
        # A partition with a full buffer is not asked for. Asking the others must not outlast that by much: they may be idle.
        patience = _PATIENCE if self._buffered_partitions else timeout
        fetched = await super()._getmany(active_partitions, patience)
        return {tp: [Fetch(tp, records)] for tp, records in fetched.items() if records}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A message stands for all offsets since the one before: there are no gaps."""

    def ack(self, message: Any) -> bool:
        """Forget the message; see `_new_offset` for what is committed."""
        first = not message.acked
        message.acked = True
        self._unacked_messages.discard(message)
        return first

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """What this process knows of a partition is of an assignment before, until reading has begun: others may have gone on."""
        self._begun.clear()
        self._assignments += 1
        await super().on_partitions_assigned(assigned, generation_id)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        assigned = self._begun.intersection(self.assignment())
        return (tp for tp in assigned if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        done: int | None = self.app.done(tp)
        return done

    def commit_again(self) -> None:
        """Let the next commit be of every partition, whether there is news or not: aiokafka repeats a commit that a process made
        before it froze, when it is back in the group, and takes Kafka's offset back behind what others committed meanwhile."""
        for tp in self._begun:
            self._committed_offset[tp] = None

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """After an assignment: begin where `App.begin` says."""
        number = self._assignments
        committed = await super().seek_to_committed()
        assigned = set(self.assignment())
        begin = self.app.begin
        stored: dict[TP, int] = {}
        if begin is not None and assigned:
            stored = await begin(self, assigned, committed)
            await self.seek_wait(stored)
        if number == self._assignments and assigned == set(self.assignment()):
            self._begun.update(assigned)
        return {**committed, **stored}


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with the consumer above."""

    Consumer = FetchConsumer


class Assignor(PartitionAssignor):  # type: ignore[misc]
    """Faust's assignor, which must not pass over topics that Kafka does not (yet) tell of: nobody would ever read them."""

    @classmethod
    def _get_copartitioned_groups(cls, topics: set[str], cluster: Any, subscriptions: Any) -> Any:
        missing = sorted(topic for topic in topics if not cluster.partitions_for_topic(topic))
        if missing:
            fail_stop(
                f"Kafka knows no partitions of {', '.join(missing)}; `portrait topics --create` makes what is missing"
            )
        return super()._get_copartitioned_groups(topics, cluster, subscriptions)


Begin = Callable[[Any, set[TP], Mapping[TP, int]], Awaitable[dict[TP, int]]]
"""Given the consumer, what was assigned and where Kafka's committed offsets are, the offsets to begin at instead."""


Done = Callable[[TP], "int | None"]


class App(faust.App):  # type: ignore[misc]
    """A Faust app on the transport above.

    `begin` is asked where to read from after every assignment, `done` up to which offset a partition is done (None: no news).
    """

    begin: Begin | None = None
    done: Done = staticmethod(lambda _: None)

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


def fetches(app: App, *topics: str) -> Any:
    """A channel of `topics` whose agent iterates over lists of raw records."""
    topic = app.topic(*topics, key_serializer="raw", value_serializer="raw")

    class FetchTopic(type(topic)):  # type: ignore[misc]
        async def decode(self, message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG002
            return self._create_event(message.key, message.value, message.headers, message=message)

    topic.__class__ = FetchTopic
    return topic
