"""Records into Kafka from inside Faust, every one acknowledged before the next fetch is read.

Faust's own `Producer.flush` gives up after 0.1 s, and its failed sends are only logged; so the sends are awaited here. Whole
batches are handed to aiokafka, made here: a future, a lock and a hash for every record cost more than making the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from aiokafka.partitioner import murmur2


async def publish(faust_producer: Any, records: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Send (topic, key, value) records, in order for each partition, and wait until all in-sync replicas have them.

    The partition is the one that every Kafka client chooses for the key. Raises aiokafka's KafkaError.
    """
    producer = faust_producer._producer
    batches: dict[tuple[str, int], Any] = {}
    sent: list[asyncio.Future[Any]] = []
    partitions: dict[str, int] = {}
    for topic, key, value in records:
        count = partitions.get(topic)
        if count is None:
            count = partitions[topic] = len(await producer.partitions_for(topic))
        place = (topic, _hashed(key) % count)
        batch = batches.get(place)
        if batch is None:
            batch = batches[place] = producer.create_batch()
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=place[1]))
            batch = batches[place] = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    for (topic, partition), batch in batches.items():
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


@lru_cache(maxsize=65_536)
def _hashed(key: bytes) -> int:
    hashed: int = murmur2(key) & 0x7FFFFFFF
    return hashed
