"""What is in a topic, for assertions: everything that was there when asked."""

import gc
import json
import warnings
from typing import Any

from kafka import KafkaConsumer, TopicPartition


def records(kafka: str, *topics: str) -> list[Any]:
    """Every record of `topics`, as kafka-python has them, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka,
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
        found: list[Any] = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, batch in consumer.poll(timeout_ms=500).items():
                found += [record for record in batch if record.offset < ends[part]]
        return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))
    finally:
        consumer.close()
        del consumer
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a connection that was being made may be left open
            gc.collect()


def cloud_events(kafka: str, *topics: str) -> list[dict[str, Any]]:
    """Every CloudEvent in `topics`: a Kafka is shared, and some tests send what is none."""
    found = []
    for record in records(kafka, *topics):
        try:
            document = json.loads(record.value)
        except ValueError:
            continue
        if isinstance(document, dict) and "specversion" in document:
            found.append(document)
    return found
