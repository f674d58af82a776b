"""What is in the spool goes to Kafka, in order, when Kafka takes it again: the same bytes, the same keys."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait

from producers.publisher import Publisher, Refused, Unavailable, Unfit
from producers.spool import Spool
from producers.spool_format import Kept

log = logging.getLogger(__name__)

_AT_ONCE_BYTES = 1024 * 1024
_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 1.0
_SAY_SECONDS = 60.0


class Drain:
    """A thread that empties `spool`. `counted` is told how many records Kafka has acknowledged."""

    def __init__(self, spool: Spool, publisher: Publisher, counted: Callable[[int], None]) -> None:
        self._spool = spool
        self._publisher = publisher
        self._counted = counted
        self._stopping = threading.Event()
        self._said = float("-inf")
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._thread.start()

    def close(self, seconds: float = 5.0) -> None:
        """Finish what is on its way, and stop; the rest stays in the spool."""
        self._stopping.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        waited = False
        while not self._stopping.is_set():
            waits = self._spool.wait_for_entries(_LOOK_SECONDS)
            if waits and not waited:
                log.warning("Kafka does not take everything: records for it wait in the spool")
            elif waited and not waits:
                log.info("the spool is empty again")
            waited = waits
            if not waits:
                continue
            try:
                self._publisher.wait_connected(_LOOK_SECONDS)
                self._drain()
            except Unavailable:
                pass  # the publisher says why, once
            except Exception as error:
                self._say(error)
                self._stopping.wait(_AGAIN_SECONDS)

    def _drain(self) -> None:
        """Send the next entries. Raises Unavailable or Refused when Kafka does not take the first of what is left."""
        batch = self._spool.read(_AT_ONCE_BYTES)
        sent = [self._publisher.publish(each.entry.records) for each in batch]
        wait(sent)
        failed = next((number for number, result in enumerate(sent) if result.exception()), len(batch))
        self._done(batch[:failed])
        if failed == len(batch):
            return
        error = sent[failed].exception()
        if not isinstance(error, Unfit):
            assert error is not None
            raise error
        self._send_what_is_fit(batch[failed])

    def _send_what_is_fit(self, kept: Kept) -> None:
        """Send the records of one entry alone, and set aside those that Kafka will never take."""
        for record in kept.entry.records:
            try:
                self._publisher.publish([record]).result()
            except Unfit as error:
                log.error(
                    "Kafka will not take a record of %s for %s: %s; set aside", kept.entry.source, record.topic, error
                )
                self._spool.refuse(kept.entry, record)
        self._done([kept])

    def _done(self, entries: list[Kept]) -> None:
        self._spool.drained(entries)
        self._counted(sum(len(each.entry.records) for each in entries))

    def _say(self, error: Exception) -> None:
        """Once a minute: this needs a person, and does not need ten lines a second."""
        if time.monotonic() - self._said > _SAY_SECONDS:
            self._said = time.monotonic()
            what = "Kafka refuses it" if isinstance(error, Refused) else "it cannot be read"
            log.error(
                "the spool is not drained, %s: %s", what, error, exc_info=not isinstance(error, Refused | OSError)
            )
