"""How far Kafka has been read: ends of the logs, committed offsets, and the time of the oldest unread record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, KafkaError, NotCoordinatorError

from ops.local.home import KAFKA, LocalStackError
from producers.broker.connection import ClosableClient, knock

Place = tuple[str, int]
"""A topic and the number of one of its partitions."""

_COORDINATOR_SECONDS = 15.0


class Log(NamedTuple):
    """The offsets of one partition: of the first record that is kept, and after the last one."""

    first: int
    end: int


@contextmanager
def kafka_errors(bootstrap: str) -> Iterator[None]:
    """Turns what kafka-python raises into a LocalStackError that says what to do."""
    try:
        yield
    except (KafkaError, OSError) as error:
        said = str(error) or type(error).__name__
        raise LocalStackError(
            f"Kafka at {bootstrap} does not answer ({said}); see `portrait status`, or set {KAFKA}"
        ) from error


class Reader:
    """Asks one Kafka about offsets. Leave its `with` block to close the connection. All methods raise KafkaError."""

    def __init__(self, bootstrap: str, timeout: float = 3.0) -> None:
        """Raises KafkaError or OSError when Kafka does not answer, and leaves nothing behind then."""
        self._bootstrap = bootstrap.split(",")
        self._milliseconds = int(timeout * 1000)
        knock(self._bootstrap)
        client = ClosableClient()
        try:
            self._admin = KafkaAdminClient(
                kafka_client=client.make,
                bootstrap_servers=self._bootstrap,
                client_id="portrait-status",
                bootstrap_timeout_ms=self._milliseconds,
                request_timeout_ms=self._milliseconds,
            )
        except BaseException:
            client.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()

    def partitions(self, topics: Iterable[str]) -> list[Place]:
        """Every partition of those `topics` that exist, in order."""
        wanted = set(topics)
        described = self._admin.describe_topics(sorted(wanted & set(self._admin.list_topics())))
        return sorted((topic["name"], part["partition_index"]) for topic in described for part in topic["partitions"])

    def committed(self, group: str) -> dict[Place, int]:
        """The offsets that a consumer group has committed. A broker that has just started takes some seconds to know them."""
        until = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                found = self._admin.list_group_offsets({group: None})[group]
                return {(at.topic, at.partition): told.offset for at, told in found.items() if told.offset >= 0}
            except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def logs(self, places: Iterable[Place]) -> dict[Place, Log]:
        """The first and the end offset of each partition, as of now."""
        at = [TopicPartition(*place) for place in places]
        firsts = self._admin.list_partition_offsets(dict.fromkeys(at, OffsetSpec.EARLIEST))
        ends = self._admin.list_partition_offsets(dict.fromkeys(at, OffsetSpec.LATEST))
        return {(tp.topic, tp.partition): Log(firsts[tp].offset, ends[tp].offset) for tp in at}

    def times(self, positions: Mapping[Place, int]) -> dict[Place, int]:
        """The timestamp (Unix ms) of the first record at or after each position; those that come in time."""
        if not positions:
            return {}
        consumer = KafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="portrait-status",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=16 * 1024,
            bootstrap_timeout_ms=self._milliseconds,
            request_timeout_ms=self._milliseconds,
        )
        try:
            consumer.assign([TopicPartition(*place) for place in positions])
            for place, offset in positions.items():
                consumer.seek(TopicPartition(*place), offset)
            found: dict[Place, int] = {}
            deadline = time.monotonic() + self._milliseconds / 1000
            while len(found) < len(positions) and time.monotonic() < deadline:
                for tp, records in consumer.poll(timeout_ms=200).items():
                    found.setdefault((tp.topic, tp.partition), records[0].timestamp)
                    consumer.pause(tp)
            return found
        finally:
            consumer.close()
