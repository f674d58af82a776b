"""Connections to Kafka by kafka-python: opened to be ready for use, and ended so that nothing is left behind."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.partitioner.default import DefaultPartitioner, murmur2

from schemas.topics import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)


def open_producer(bootstrap: Sequence[str], topics: Sequence[str], *, timeout: float, linger_ms: int) -> KafkaProducer:
    """An idempotent producer (acks=all, lz4) that gives a record up after `timeout` seconds.

    The partitions of `topics` are known when it returns, so that `send` does not block. Raises KafkaError or OSError
    when Kafka does not answer within two seconds or a topic is not there.
    """
    knock(bootstrap)
    delivery_ms = int(timeout * 1000)
    client = ClosableClient()
    try:
        producer = KafkaProducer(
            kafka_client=client.make,
            bootstrap_servers=list(bootstrap),
            client_id="portrait",
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            linger_ms=linger_ms,
            batch_size=256 * 1024,
            max_block_ms=1000,
            bootstrap_timeout_ms=2000,
            delivery_timeout_ms=delivery_ms,
            request_timeout_ms=delivery_ms - linger_ms - 50,
            reconnect_backoff_max_ms=500,
            max_request_size=MAX_MESSAGE_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
            partitioner=_CachedPartitioner(),
        )
    except BaseException:
        client.close()
        raise
    _outlive_refusals(producer)
    topic = ""
    try:
        for topic in topics:
            producer.partitions_for(topic)
    except KafkaTimeoutError:
        discard(producer)
        raise KafkaTimeoutError(f"topic {topic!r} is not there; `python -m ops.topics` makes it") from None
    except BaseException:
        discard(producer)
        raise
    return producer


def _outlive_refusals(producer: KafkaProducer) -> None:
    """An idempotent producer of kafka-python 3.0 fails for ever, and all that is sent after, with the first record that a
    broker refuses. As other clients do, it begins a new epoch instead: its sequence has no hole then.
    """
    transactions = producer._transaction_manager
    classify = transactions.classify_batch_error

    def judged(error: Exception, batch: Any, log_start_offset: int = -1) -> str:
        kind: str = classify(error, batch, log_start_offset=log_start_offset)
        fatal = kind == transactions.ERROR_CLASS_FATAL and type(error) not in transactions._FATAL_ERRORS
        if fatal and transactions._supports_epoch_bump():
            return str(transactions.ERROR_CLASS_NEEDS_EPOCH_BUMP)
        return kind

    transactions.classify_batch_error = judged


def is_usable(producer: KafkaProducer) -> bool:
    """False when it fails whatever it is given."""
    return not producer._transaction_manager.has_fatal_error()


def discard(producer: KafkaProducer, seconds: float = 1.0) -> None:
    """End a producer and its thread, within about `seconds`; what it has not delivered fails.

    Its own `close` raises, and leaves the thread running, while something is unacknowledged.
    """
    try:
        producer._sender.force_close()
        producer._sender.join(seconds)
        producer.close(timeout=0)
    except KafkaError as error:
        log.warning("a Kafka producer did not close: %s", error)


def ask(bootstrap: Sequence[str], topics: Sequence[str], timeout: float) -> str | None:
    """Ask Kafka, over a new connection, whether every topic has a leader. Returns what is wrong, or None."""
    client, admin = ClosableClient(), None
    try:
        knock(bootstrap)
        admin = KafkaAdminClient(
            kafka_client=client.make,
            bootstrap_servers=list(bootstrap),
            client_id="portrait-ping",
            bootstrap_timeout_ms=int(timeout * 1000),
            request_timeout_ms=int(timeout * 1000),
        )
        for topic in admin.describe_topics(list(topics)):
            if topic["error_code"] or any(partition["leader_id"] < 0 for partition in topic["partitions"]):
                return f"topic {topic['name']} is not there or has no leader"
    except (KafkaError, OSError) as error:
        return f"Kafka at {','.join(bootstrap)} does not answer: {error}"
    finally:
        if admin is not None:
            admin.close()
        else:
            client.close()
    return None


def knock(bootstrap: Sequence[str]) -> None:
    """Raises OSError when nobody listens: kafka-python would try for seconds, and leave a socket open at each try."""
    for number, address in enumerate(bootstrap, start=1):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
        except OSError:
            if number == len(bootstrap):
                raise
        else:
            return


class ClosableClient:
    """Holds on to the network client: a constructor of kafka-python that fails leaves it, and its thread, behind."""

    def __init__(self) -> None:
        self._made: list[KafkaNetClient] = []

    def make(self, **settings: Any) -> KafkaNetClient:
        self._made.append(KafkaNetClient(**settings))
        return self._made[-1]

    def close(self) -> None:
        for client in self._made:
            client.close()


class _CachedPartitioner(DefaultPartitioner):  # type: ignore[misc]
    """Kafka's own choice of partition, murmur2 of the key, remembered: in Python a look-up costs less than the hash."""

    def partition(
        self, topic: str, key: Any, serialized_key: bytes | None, value: Any, serialized_value: Any, cluster: Any
    ) -> int:
        if serialized_key is None:
            return int(super().partition(topic, key, serialized_key, value, serialized_value, cluster))
        return _hash(serialized_key) % len(cluster.partitions_for_topic(topic))


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
