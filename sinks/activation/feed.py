"""The topic `segment-changes`, read from positions that the caller keeps.

The only place of activation that knows kafka-python. There is no consumer group: positions are in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError
from kafka.net.compat import KafkaNetClient

from schemas.topics import MAX_MESSAGE_BYTES, SEGMENT_CHANGES
from sinks.activation.message import Record

_AT_ONCE = 500
_WAIT = 0.5  # seconds for a record to come
_PATIENCE_MS = 5_000


class Unavailable(Exception):
    """Kafka did not answer."""


class Lost(Exception):
    """Records after the position are not in the topic any more; or the topic was made anew, and ends before it."""


class Feed:
    """The records of the topic, in the order of each partition. For one thread. Every method raises Unavailable."""

    def __init__(self, bootstrap: str) -> None:
        made: list[KafkaNetClient] = []

        def client(**settings: Any) -> KafkaNetClient:
            made.append(KafkaNetClient(**settings))
            return made[-1]

        try:
            with _errors():
                self._consumer = KafkaConsumer(
                    kafka_client=client,
                    bootstrap_servers=[part.strip() for part in bootstrap.split(",")],
                    client_id="portrait-activation",
                    enable_auto_commit=False,
                    auto_offset_reset="none",
                    allow_auto_create_topics=False,
                    bootstrap_timeout_ms=_PATIENCE_MS,
                    max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
                    metadata_max_age_ms=60_000,  # after which a partition that was added is seen
                    metrics_enabled=False,
                )
        except Unavailable:
            for each in made:  # a constructor that fails leaves its network client, and the thread of that, behind
                each.close()
            raise

    def ends(self) -> dict[int, tuple[int, int]]:
        """Partition → the offset of its first record, and that after its last one."""
        with _errors():
            parts = [TopicPartition(SEGMENT_CHANGES, number) for number in self._partitions()]
            firsts = self._consumer.beginning_offsets(parts, timeout_ms=_PATIENCE_MS)
            ends = self._consumer.end_offsets(parts, timeout_ms=_PATIENCE_MS)
            return {part.partition: (firsts[part], ends[part]) for part in parts}

    def seek(self, positions: Mapping[int, int]) -> None:
        """Read on from `positions`; a partition that has none is new, and is read from its beginning. Raises Lost."""
        ends = self.ends()
        lost = [
            f"{SEGMENT_CHANGES}/{number}: it was told up to {positions[number]}, and there are {first} to {end}"
            for number, (first, end) in ends.items()
            if number in positions and not first <= positions[number] <= end
        ]
        if lost:
            raise Lost("; ".join(lost))
        with _errors():
            self._consumer.assign([TopicPartition(SEGMENT_CHANGES, number) for number in ends])
            for number, (first, _) in ends.items():
                self._consumer.seek(TopicPartition(SEGMENT_CHANGES, number), positions.get(number, first))

    def read(self) -> list[Record]:
        """The next records, none when none come within a moment. Raises Lost."""
        with _errors():
            try:
                found = self._consumer.poll(timeout_ms=int(_WAIT * 1000), max_records=_AT_ONCE)
            except OffsetOutOfRangeError as error:
                raise Lost(f"{SEGMENT_CHANGES}: {error}") from error
        return [
            Record(part.partition, each.offset, each.key, each.value) for part, batch in found.items() for each in batch
        ]

    def is_whole(self) -> bool:
        """Whether every partition of the topic is read: one may have been added."""
        with _errors():
            return {part.partition for part in self._consumer.assignment()} == self._partitions()

    def close(self) -> None:
        """End the connection."""
        with suppress(KafkaError, OSError):
            self._consumer.close(timeout_ms=1_000)

    def _partitions(self) -> set[int]:
        found = self._consumer.partitions_for_topic(SEGMENT_CHANGES)
        if not found:
            raise Unavailable(f"there is no topic {SEGMENT_CHANGES}; make it with `portrait topics --create`")
        return set(found)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise Unavailable(str(error) or type(error).__name__) from error
