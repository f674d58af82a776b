"""The relay: publishes what changed, from the outbox in PostgreSQL to topics `profiles` and `segment-changes`.

    python -m sinks.relay

One relay is active, others stand by. An entry leaves the outbox after Kafka has acknowledged its record, so every
record is published at least once. A profile is published as it is at that moment: many changes may give one record.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable

from sinks.crash import crash_point
from sinks.postgres.outbox import Outbox
from sinks.relay_messages import make_messages
from sinks.relay_producer import RelayProducer, Unavailable
from sinks.store import Fatal, Refused, Retryable

log = logging.getLogger(__name__)

BATCH = 4_000
"""The most customers in one round. When the outbox is long, all the changes of one of them make one record."""

_IDLE = 0.1  # seconds between looks at an outbox that was not full; longer means fewer, fuller rounds
_STANDBY = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_COURTESY, _REST = 30.0, 12.0
"""While the outbox is long and grows, but not for longer than so many seconds, the relay rests so many times as long as it
worked: what comes in goes first, and more changes of one customer make one record. (A nice value does not do that across
sessions.)"""
_LOOK, _QUIET = 0.5, 2.0  # seconds between looks whether it still grows; without growth, after which it has ended
_SETTLE = 10.0  # seconds after which nothing of a producer that was given up can arrive


class Relay:
    """Moves entries from `outbox` to `producer`, round by round. `clock` is in seconds, monotonic."""

    def __init__(
        self,
        outbox: Outbox,
        producer: RelayProducer,
        *,
        batch: int = BATCH,
        settle: float = _SETTLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._producer = producer
        self._batch = batch
        self._settle = settle
        self._clock = clock
        self._doubtful: set[str] = set()
        self._doubtful_until = 0.0
        self._newest, self._grown = 0, clock()

    def run(self, stopping: threading.Event) -> None:
        """Relay until `stopping` is set, through any outage of Kafka or PostgreSQL. Raises sinks.store.Fatal."""
        pause, role = _FIRST_PAUSE, ""
        behind_since: float | None = None
        while not stopping.is_set():
            begun = self._clock()
            try:
                self.settle_doubts()
                leads = self._outbox.lead()
                if role != (role := "active" if leads else "standing by: another relay is active"):
                    log.info("%s", role)
                entries = self.round() if leads else 0
                if entries >= self._batch:
                    behind_since = begun if behind_since is None else behind_since
                    worked = self._clock() - begun
                    self.give_way(min(_REST * worked, behind_since + _COURTESY - self._clock()), stopping)
            except (Retryable, Unavailable) as error:
                log.warning("interrupted, next try in %.2g s: %s", pause, str(error))
                stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if entries < self._batch:
                behind_since = None
                stopping.wait(_IDLE if leads else _STANDBY)

    def give_way(self, seconds: float, stopping: threading.Event) -> None:
        """Rest for so long, or until nothing comes in any more."""
        until = self._clock() + seconds
        while not stopping.is_set():
            newest, now = self._outbox.newest(), self._clock()
            if newest != self._newest:
                self._newest, self._grown = newest, now
            if now >= min(until, self._grown + _QUIET):
                break
            stopping.wait(_LOOK)

    def round(self) -> int:
        """Publish the oldest entries and forget them; return how many there were. Only for the relay that leads.

        Raises Unavailable and sinks.store.Retryable; then the entries stay, and what was published of them comes again.
        """
        reading = self._outbox.read(self._batch)
        if not reading.entries:
            return 0
        messages, unpublishable = make_messages(reading)
        failed = dict(unpublishable)
        try:
            refused = self._producer.publish(messages)
            crash_point("relay_sent")
            for index, error in refused.items():
                failed.update(dict.fromkeys(messages[index].entries, error))
            self._outbox.done((entry.id for entry in reading.entries if entry.id not in failed), failed)
        except BaseException:
            self._doubt(entry.customer for entry in reading.entries)
            raise
        for entry in reading.entries:
            if entry.id in failed:
                what = f"segment changes {entry.first} to {entry.change}" if entry.change is not None else "profile"
                what = what if entry.turn is None else f"identity change {entry.turn}"
                log.error(
                    "set aside in portrait.unpublished: %s of customer %s: %s", what, entry.customer, failed[entry.id]
                )
        return len(reading.entries)

    def _doubt(self, customers: Iterable[str]) -> None:
        """Remember customers of a round that broke off: what it sent may reach Kafka later than what comes after it."""
        self._doubtful.update(customers)
        self._doubtful_until = self._clock() + self._settle

    def settle_doubts(self) -> None:
        """Once nothing of a broken round can be under way any more, have its profiles published once more."""
        if self._doubtful and self._clock() >= self._doubtful_until:
            self._outbox.again(sorted(self._doubtful))
            log.info("publishing %d profiles once more after the interruption", len(self._doubtful))
            self._doubtful.clear()


def main() -> int:
    """Run a relay with the settings of the environment until SIGTERM or SIGINT; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # ten lines a second while a broker is away; we say it once
    kafka = os.environ.get("PORTRAIT_KAFKA")
    database = os.environ.get("PORTRAIT_WORKER_URL") or os.environ.get("PORTRAIT_DATABASE_URL")
    if not kafka or not database:
        log.critical("set PORTRAIT_KAFKA to HOST:PORT and PORTRAIT_WORKER_URL to postgresql://USER:PASSWORD@HOST/NAME")
        return 2
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # a round is many small objects and no cycles: to look took a third of the time
    outbox, producer = Outbox(database), RelayProducer(kafka)
    try:
        Relay(outbox, producer).run(stopping)
    except (Fatal, Refused) as error:
        log.critical("%s", error)
        return 1
    finally:
        producer.close()
        outbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
