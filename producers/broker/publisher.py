"""Records into Kafka: all of them acknowledged, or an error.

What kafka-python 3.0 does, tried against a real broker, and what follows from it:

- A broker that is frozen for longer than `request_timeout_ms` leaves the idempotent producer mute: later sends are
  neither delivered nor failed, not even when the broker is back or restarted. So every publish has a deadline of our
  own, and a producer that missed one is never used again: a new one takes its place as soon as Kafka answers.
- A record that missed its deadline may still arrive. The error is ambiguous: send the same event, same id, again.
- `send` blocks while the partitions of a topic are unknown. So they are fetched before a producer is put to use.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, wait
from typing import Any

from kafka import KafkaProducer
from kafka.errors import (
    AuthorizationError,
    InvalidRecordError,
    InvalidRequiredAcksError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaConfigurationError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    UnsupportedCompressionTypeError,
    UnsupportedForMessageFormatError,
    UnsupportedVersionError,
)

from producers.broker.connection import ask, discard, is_usable, open_producer
from producers.record import Record
from schemas.topics import RAW_NAMES, REJECTED

log = logging.getLogger(__name__)

_RECONNECT_SECONDS = 0.25
_TICK_SECONDS = 0.05


class Unavailable(Exception):
    """Kafka did not acknowledge everything in time. Retry with the same event ids: some of it may have arrived."""


class Refused(Exception):
    """Kafka will not take this however often it is sent: too large, not allowed, or the connection set up wrongly."""


class Unfit(Refused):
    """It is the record that Kafka will not take, and no person can change that without changing the topic: too large."""


class Publisher:
    """A connection to Kafka that mends itself. Safe to share between threads.

    `bootstrap` is `HOST:PORT[,HOST:PORT…]`; `timeout` is how many seconds one publish may take, at least 1. `topics`
    must exist before anything is published. Connects in the background: making one never blocks or fails.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        timeout: float = 2.5,
        topics: Iterable[str] = (*RAW_NAMES, REJECTED),
        linger_ms: int = 5,
    ) -> None:
        if timeout < 1:
            raise ValueError("a publish needs at least a second")
        self._bootstrap = [part.strip() for part in bootstrap.split(",")]
        self._timeout = timeout
        self._topics = tuple(topics)
        self._linger_ms = linger_ms
        self._lock = threading.Condition()
        self._producer: KafkaProducer | None = None
        self._retired: list[tuple[float, KafkaProducer]] = []
        self._waiting: list[tuple[float, int, _Pending]] = []
        self._numbers = itertools.count()
        self._closing = False
        self._problem = "not connected to Kafka yet"
        self._threads = [
            threading.Thread(target=self._connect, name="kafka-connect", daemon=True),
            threading.Thread(target=self._watch, name="kafka-deadlines", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def connected(self) -> bool:
        """Whether there is a producer that has not failed. Says nothing about Kafka now; `ping` does."""
        return self._producer is not None

    def wait_connected(self, seconds: float) -> None:
        """Return once connected. Raises Unavailable, with the last problem, when that takes longer than `seconds`."""
        with self._lock:
            if not self._lock.wait_for(lambda: self._producer is not None or self._closing, seconds):
                raise Unavailable(f"no connection to Kafka at {','.join(self._bootstrap)}: {self._problem}")

    def ping(self, timeout: float = 1.0) -> None:
        """Ask Kafka now whether every topic has a leader. Raises Unavailable, with what is wrong, when not."""
        wrong = ask(self._bootstrap, self._topics, timeout)
        if wrong:
            raise Unavailable(wrong)

    def publish(self, records: Sequence[Record]) -> Future[None]:
        """Hand `records` to the producer. The result comes when Kafka has acknowledged all of them, at the latest after
        `timeout` seconds; its exception is `Unavailable` or `Refused`. Raises neither: errors are always in the result.
        """
        pending = _Pending(len(records))
        if not records:
            pending.result.set_result(None)
            return pending.result
        producer = self._producer
        if producer is None:
            pending.fail(Unavailable(f"no connection to Kafka: {self._problem}"))
            return pending.result
        pending.producer = producer
        with self._lock:
            heapq.heappush(self._waiting, (time.monotonic() + self._timeout, next(self._numbers), pending))
        acked, failed = pending.acked, self._failure_of(pending)
        try:
            for topic, key, value in records:
                sent = producer.send(topic, value=value, key=key)
                sent.add_callback(acked)
                sent.add_errback(failed)
        except Exception as error:  # whatever it is: errors are in the result, and the producer is replaced
            failed(error)
        return pending.result

    def close(self, timeout: float = 5.0) -> None:
        """Wait, at most `timeout` seconds, for what is on its way; what is not acknowledged by then fails."""
        deadline = time.monotonic() + timeout
        with self._lock:
            on_their_way = [pending.result for *_, pending in self._waiting]
        wait(on_their_way, timeout)
        with self._lock:
            self._closing = True
            producer, self._producer = self._producer, None
            self._problem = "closed"
            producers = [old for _, old in self._retired] + ([producer] if producer else [])
            self._retired.clear()
            waiting, self._waiting = self._waiting, []
            self._lock.notify_all()
        for *_, pending in waiting:
            pending.fail(Unavailable("closed before Kafka acknowledged it"))
        for old in producers:
            discard(old, max(0.5, deadline - time.monotonic()))
        for thread in self._threads:
            thread.join(max(0.5, deadline - time.monotonic()))

    def _failure_of(self, pending: _Pending) -> Any:
        def failed(error: Exception) -> None:
            about_record = isinstance(error, _ABOUT_THE_RECORD)
            kind = Unfit if about_record else Refused if isinstance(error, _FOR_A_PERSON) else Unavailable
            ours = kind(str(error))
            # What Kafka refuses says nothing about the producer; everything else may have left a hole in its sequence.
            refused = kind is not Unavailable or type(error) is KafkaError  # bare: refused with a record beside it
            producer = pending.producer
            if pending.fail(ours) and not (refused and producer is not None and is_usable(producer)):
                self._retire(producer, ours)

        return failed

    def _retire(self, producer: KafkaProducer | None, why: Exception) -> None:
        """Use `producer` no longer for what is new. What it still has on its way keeps its own deadline."""
        with self._lock:
            if producer is None or producer is not self._producer:
                return
            log.warning("Kafka producer replaced: %s", why)
            self._producer = None
            self._problem = str(why)
            self._retired.append((time.monotonic() + self._timeout, producer))
            self._lock.notify_all()

    def _connect(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._closing or self._producer is None)
                if self._closing:
                    return
            try:
                producer = open_producer(
                    self._bootstrap, self._topics, timeout=self._timeout, linger_ms=self._linger_ms
                )
            except (KafkaError, OSError) as error:
                if str(error) != self._problem:
                    log.warning("no connection to Kafka at %s: %s", ",".join(self._bootstrap), error)
                with self._lock:
                    self._problem = str(error)
                    self._lock.wait_for(lambda: self._closing, _RECONNECT_SECONDS)
                continue
            with self._lock:
                if not self._closing:
                    self._producer, producer = producer, None
                    self._lock.notify_all()
            if producer is not None:
                discard(producer)
                return
            log.info("connected to Kafka at %s", ",".join(self._bootstrap))

    def _watch(self) -> None:
        """Fail what missed its deadline, replace the producer that let it happen, and free those replaced before."""
        while not self._closing:
            now = time.monotonic()
            late: list[_Pending] = []
            with self._lock:
                while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][2].result.done()):
                    late.append(heapq.heappop(self._waiting)[2])
                over = [producer for deadline, producer in self._retired if deadline <= now]
                self._retired = [entry for entry in self._retired if entry[0] > now]
            silent = Unavailable(f"Kafka did not acknowledge within {self._timeout:g} s")
            for pending in late:
                if pending.fail(silent):
                    self._retire(pending.producer, silent)
            for producer in over:
                discard(producer)
            # Woken by the clock alone: to be woken by every publish would cost more than the publish of one record.
            time.sleep(_TICK_SECONDS)


class _Pending:
    """One publish on its way: counts acknowledgements, so that one result serves however many records."""

    __slots__ = ("_left", "_lock", "producer", "result")

    def __init__(self, records: int) -> None:
        self.result: Future[None] = Future()
        self.result.set_running_or_notify_cancel()  # whoever waits may give up, in the middle of an acknowledgement
        self.producer: KafkaProducer | None = None
        self._left = records
        self._lock = threading.Lock()

    def acked(self, _: object) -> None:
        with self._lock:
            self._left -= 1
            if self._left or self.result.done():
                return
            self.result.set_result(None)

    def fail(self, error: Exception) -> bool:
        """Whether this was what ended it."""
        with self._lock:
            if self.result.done():
                return False
            self.result.set_exception(error)
            return True


_ABOUT_THE_RECORD = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError, ValueError)
_FOR_A_PERSON = (
    *(AuthorizationError, SaslAuthenticationFailedError, KafkaConfigurationError, UnsupportedVersionError),
    *(InvalidTimestampError, InvalidTopicError, PolicyViolationError, InvalidRequiredAcksError),
    *(UnsupportedForMessageFormatError, UnsupportedCompressionTypeError),
)
