"""Records into Kafka for the relay: every one acknowledged or refused, or an error within a deadline.

The only place in `sinks` that knows kafka-python. A broker that freezes can leave an idempotent producer of
kafka-python 3.0 mute for ever; so a producer that missed the deadline is never used again: the next publish opens one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from kafka import KafkaProducer
from kafka.errors import InvalidRecordError, KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from kafka.net.compat import KafkaNetClient
from kafka.partitioner.default import murmur2

from schemas.topics import IDENTITY_CHANGES, MAX_MESSAGE_BYTES, PROFILES, SEGMENT_CHANGES
from sinks.relay_messages import Message

log = logging.getLogger(__name__)

_TOPICS = (IDENTITY_CHANGES, PROFILES, SEGMENT_CHANGES)
_ABOUT_THE_RECORD = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError)


class Unavailable(Exception):
    """Kafka did not acknowledge everything in time. Some of it may have arrived, or may arrive yet."""


class RelayProducer:
    """A connection to Kafka, opened when first used and again after it failed. For one thread.

    `bootstrap` is `HOST:PORT[,HOST:PORT…]`; `timeout` is how many seconds one publish may take.
    """

    def __init__(self, bootstrap: str, *, timeout: float = 30.0) -> None:
        self._bootstrap = [part.strip() for part in bootstrap.split(",")]
        self._timeout = timeout
        self._producer: KafkaProducer | None = None

    def publish(self, messages: Sequence[Message]) -> dict[int, str]:
        """Publish `messages`, in order for each key, and return once Kafka has acknowledged them.

        Those that Kafka refuses to take, however often they are sent, come back as their index → the name of the error.
        Raises Unavailable.
        """
        deadline = time.monotonic() + self._timeout
        refused: dict[int, str] = {}
        try:
            producer = self._producer = self._producer or self._open()
            partitions = {topic: len(producer.partitions_for(topic)) for topic in _TOPICS}
            sent = []
            for index, (topic, key, value, _) in enumerate(messages):
                to = _hash(key) % partitions[topic]
                try:
                    sent.append((index, producer.send(topic, value=value, key=key, partition=to)))
                except _ABOUT_THE_RECORD as error:
                    refused[index] = type(error).__name__
            producer.flush(max(0.1, deadline - time.monotonic()))
            for index, future in sent:
                if future.succeeded():
                    continue
                failure = future.exception
                if not isinstance(failure, _ABOUT_THE_RECORD):
                    raise failure or KafkaError("neither acknowledged nor refused")
                refused[index] = type(failure).__name__
        except (KafkaError, OSError) as error:
            self.close()
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        return refused

    def close(self) -> None:
        """End the connection, within about a second; what is not delivered by then is given up."""
        producer, self._producer = self._producer, None
        if producer is not None:
            _discard(producer)

    def _open(self) -> KafkaProducer:
        made: list[KafkaNetClient] = []

        def client(**settings: Any) -> KafkaNetClient:
            made.append(KafkaNetClient(**settings))
            return made[-1]

        producer = None
        try:
            producer = KafkaProducer(
                kafka_client=client,
                bootstrap_servers=self._bootstrap,
                client_id="portrait-relay",
                enable_idempotence=True,
                acks="all",
                compression_type="lz4",
                linger_ms=5,
                batch_size=256 * 1024,
                max_request_size=MAX_MESSAGE_BYTES,
                max_block_ms=5_000,
                bootstrap_timeout_ms=5_000,
                delivery_timeout_ms=int(self._timeout * 1000),
                request_timeout_ms=int(self._timeout * 1000) - 100,
                reconnect_backoff_max_ms=1_000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            for topic in _TOPICS:
                producer.partitions_for(topic)  # known from now on, so that `send` does not block
        except BaseException:
            # A constructor that fails leaves its network client, and the thread of that, behind.
            if producer is not None:
                _discard(producer)
            for each in made:
                each.close()
            raise
        log.info("connected to Kafka at %s", ",".join(self._bootstrap))
        return producer


def _discard(producer: KafkaProducer) -> None:
    """End a producer and its thread. Its own `close` raises and leaves the thread while a record is unacknowledged."""
    try:
        producer._sender.force_close()
        producer._sender.join(1.0)
        producer.close(timeout=0)
    except KafkaError as error:
        log.warning("a Kafka producer did not close: %s", error)


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    """What Kafka's own clients take modulo the number of partitions, remembered: in Python the hash takes its time."""
    return int(murmur2(key)) & 0x7FFFFFFF
