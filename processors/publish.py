"""Records into Kafka from inside Faust, every one acknowledged before the next fetch is read.

Faust's own `Producer.flush` gives up after 0.1 s, and its failed sends are only logged; so the sends are awaited here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def publish(faust_producer: Any, records: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Send (topic, key, value) records and wait until all in-sync replicas have them. Raises aiokafka's KafkaError."""
    producer = faust_producer._producer
    sent = [await producer.send(topic, value, key=key) for topic, key, value in records]
    await asyncio.gather(*sent)
