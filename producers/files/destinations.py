"""Where an import sends its events: straight into Kafka, or through a collector."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from producers.broker.publisher import Publisher, Refused, Unavailable
from producers.client import Client, NotDelivered, QueueFull, RejectedEvent
from producers.record import Record

log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5


class ImportStopped(Exception):
    """The import cannot go on. What is acknowledged is recorded; the same import again goes on from there."""


class Ready(NamedTuple):
    """An event on its way: the row it came from, its id, and its record."""

    row: int
    line: int
    id: str
    record: Record


class Refusal(NamedTuple):
    """An event that the destination does not take."""

    ready: Ready
    code: str
    path: str
    message: str


class Destination(Protocol):
    """Takes batches, several at a time."""

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        """Start to send. What is returned waits until every event is acknowledged or refused, and gives the refused.

        It raises ImportStopped when that will not happen.
        """


class KafkaDestination:
    """Straight into the raw topics. Tries again, for `patience` seconds a batch, while Kafka does not answer."""

    def __init__(self, publisher: Publisher, patience: float = 60.0) -> None:
        self._publisher = publisher
        self._patience = patience

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        records = [ready.record for ready in batch]
        sent = self._publisher.publish(records)

        def finish() -> Sequence[Refusal]:
            result, deadline = sent, time.monotonic() + self._patience
            while True:
                try:
                    result.result()
                except Refused as error:
                    raise ImportStopped(f"Kafka refuses the events: {error}") from error
                except Unavailable as error:
                    if time.monotonic() >= deadline:
                        raise ImportStopped(f"Kafka does not answer: {error}") from error
                    if result is sent:
                        log.warning("Kafka does not answer; trying again for %g s", self._patience)
                    time.sleep(_RETRY_SECONDS)
                    result = self._publisher.publish(records)
                else:
                    return ()

        return finish


class CollectorDestination:
    """Through the collector at `url`, with an access key. Gives up when nothing is answered for `patience` seconds."""

    def __init__(self, url: str, key: str, patience: float = 60.0) -> None:
        self._url = url
        self._key = key
        self._client = self._connect()
        self._patience = patience
        self._refused: dict[bytes, RejectedEvent] = {}

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        try:
            for ready in batch:
                self._client.send_encoded(ready.id, ready.record.value, timeout=self._patience)
        except (NotDelivered, QueueFull) as error:
            raise self._stopped(error) from error

        def finish() -> Sequence[Refusal]:
            try:
                self._client.flush(self._patience)
            except NotDelivered as error:
                raise self._stopped(error) from error
            return [
                Refusal(ready, found.code, found.path, found.message)
                for ready in batch
                if (found := self._refused.pop(ready.record.value, None))
            ]

        return finish

    def close(self) -> None:
        """Ends the client; every batch that was finished is delivered."""
        with suppress(NotDelivered):
            self._client.close(0)

    def _connect(self) -> Client:
        return Client(self._url, key=self._key, on_rejected=self._note)

    def _stopped(self, error: Exception) -> ImportStopped:
        """A client that was refused once (a key that is not known yet, a proxy without a collector behind) sends nothing more,
        and what waits in it comes again with the next import: that one begins with a new one."""
        self.close()
        self._refused.clear()
        self._client = self._connect()
        return ImportStopped(str(error))

    def _note(self, rejected: RejectedEvent) -> None:
        self._refused[rejected.event] = rejected
