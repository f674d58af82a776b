"""What is in a topic, for assertions: everything that was there when asked."""

import gc
import warnings
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition


@dataclass(frozen=True)
class Stored:
    """One record as Kafka has it."""

    topic: str
    key: bytes | None
    value: bytes


def stored(bootstrap: str, *topics: str) -> list[Stored]:
    """Every record of `topics`, in the order of each partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        metrics_enabled=False,
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    try:
        parts = [TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        found: list[Stored] = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, records in consumer.poll(timeout_ms=500).items():
                found += [
                    Stored(part.topic, record.key, record.value) for record in records if record.offset < ends[part]
                ]
        return found
    finally:
        consumer.close()
        del consumer
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a connection that was being made may be left open
            gc.collect()
