"""What is in the spool goes to Kafka, in order, when Kafka takes it again: the same bytes, the same keys.

Kafka may take what one source sends and not what another does: a topic that is not allowed, a partition without a leader.
So every entry has its own acknowledgement, and is sent again only when it has failed; a source of which one has failed is
held, and tried again with that one entry, at longer and longer intervals, while all others go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

from producers.broker.publisher import Publisher, Unavailable, Unfit
from producers.spool.format import Kept
from producers.spool.keep import Spool

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 30.0
"""What a publisher that drains gives Kafka: nobody waits for an answer here, and what is slow needs no second sending."""

_AT_ONCE_BYTES = 1024 * 1024
_ON_THEIR_WAY_BYTES = 8 * 1024 * 1024
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 2.5
_AGAIN_SECONDS, _AT_MOST_SECONDS = 1.0, 60.0
_SAY_SECONDS = 60.0

_Sent = tuple[Kept, Future[None]]


@dataclass
class _Held:
    """A source whose `first` entry Kafka has not taken; `sent` is on its way, else it is tried again when `due`."""

    first: Kept
    sent: Sequence[_Sent]
    delay: float = _AGAIN_SECONDS
    due: float = 0.0


class Drain:
    """A thread that empties `spool`. `counted` is told how many records Kafka has acknowledged."""

    def __init__(self, spool: Spool, publisher: Publisher, counted: Callable[[int], None]) -> None:
        self._spool = spool
        self._publisher = publisher
        self._counted = counted
        self._held: dict[str, _Held] = {}
        self._away = False
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
            waits = self._spool.wait_for_entries(_LOOK_SECONDS) or bool(self._held)
            if waits and not waited:
                log.warning("Kafka does not take everything: records for it wait in the spool")
            elif waited and not waits:
                log.info("the spool is empty again")
            waited = waits
            if not waits:
                continue
            try:
                self._settle()
                self._look_for_kafka()
                self._try_again()
                self._drain()
            except Unavailable:
                pass  # the publisher says why, once
            except Exception as error:
                self._say(f"the spool is not drained: {error}", exc_info=not isinstance(error, OSError))
                self._stopping.wait(_AGAIN_SECONDS)

    def _look_for_kafka(self) -> None:
        """Raises Unavailable while there is no connection. With a new one, no source is to wait any longer."""
        self._away = self._away or not self._publisher.connected
        self._publisher.wait_connected(_LOOK_SECONDS)
        if self._away:
            self._away = False
            for held in self._held.values():
                held.due = 0.0

    def _drain(self) -> None:
        """Send the next entries, of all sources that are not held. Raises OSError when they cannot be read."""
        on_their_way = sum(kept.end - kept.offset for held in self._held.values() for kept, _ in held.sent)
        if on_their_way > _ON_THEIR_WAY_BYTES:
            wait([result for held in self._held.values() for _, result in held.sent], _LOOK_SECONDS)
            return
        sent = [(kept, self._publisher.publish(kept.entry.records)) for kept in self._spool.read(_AT_ONCE_BYTES)]
        wait([result for _, result in sent], _PATIENCE_SECONDS)
        self._done([kept for kept, result in sent if _is_taken(result)])
        left: dict[str, list[_Sent]] = {}
        for kept, result in sent:
            if not _is_taken(result):
                left.setdefault(kept.entry.source, []).append((kept, result))
        for source, of_source in left.items():
            self._held[source] = _Held(of_source[0][0], of_source)
            self._spool.hold(of_source[0][0])
        self._settle()

    def _try_again(self) -> None:
        for held in self._held.values():
            if not held.sent and held.due <= time.monotonic():
                held.sent = [(held.first, self._publisher.publish(held.first.entry.records))]

    def _settle(self) -> None:
        """Look at what was on its way of the sources that are held."""
        for source, held in list(self._held.items()):
            if not held.sent or not all(result.done() for _, result in held.sent):
                continue
            sent, held.sent = held.sent, []
            self._done([kept for kept, result in sent if _is_taken(result)])
            failed = [(kept, result.exception()) for kept, result in sent if not _is_taken(result)]
            while failed and isinstance(failed[0][1], Unfit):
                if (error := self._send_what_is_fit(failed[0][0])) is None:
                    failed.pop(0)
                else:
                    failed[0] = failed[0][0], error
            if not failed:
                del self._held[source]
                self._spool.release(source)
                continue
            held.first, why = failed[0]
            held.due = time.monotonic() + held.delay
            held.delay = min(2 * held.delay, _AT_MOST_SECONDS)
            self._say(f"what waits of {source} cannot be drained; other sources go on: {why}")

    def _send_what_is_fit(self, kept: Kept) -> BaseException | None:
        """Send the records of one entry alone, and set aside those that Kafka will never take. Returns why one can be neither
        sent nor set aside for now.
        """
        for number, record in enumerate(kept.entry.records):
            error = self._publisher.publish([record]).exception()
            if isinstance(error, Unfit):
                try:
                    self._spool.refuse(kept, number)
                except OSError as full:  # held like a source that Kafka does not take: what others drain makes room
                    return full
                log.error(
                    "Kafka will not take a record of %s for %s: %s; set aside", kept.entry.source, record.topic, error
                )
            elif error is not None:
                return error
        self._done([kept])
        return None

    def _done(self, entries: Sequence[Kept]) -> None:
        self._spool.drained(entries)
        self._counted(sum(len(each.entry.records) for each in entries))

    def _say(self, what: str, *, exc_info: bool = False) -> None:
        """Once a minute: this needs a person, and does not need ten lines a second."""
        if time.monotonic() - self._said > _SAY_SECONDS:
            self._said = time.monotonic()
            log.error("%s", what, exc_info=exc_info)


def _is_taken(result: Future[None]) -> bool:
    return result.done() and result.exception() is None
