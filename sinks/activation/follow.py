"""One target followed: the topic is read from where the target is, and every record is settled in its turn."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from sinks.activation import metrics
from sinks.activation.feed import Feed, Lost, Unavailable
from sinks.activation.message import Record
from sinks.activation.progress import Stopped
from sinks.activation.targets import BadTarget, Target
from sinks.postgres.targets import CANNOT_START, Removed, Targets
from sinks.store import Retryable

log = logging.getLogger(__name__)

_STANDBY = 1.0  # seconds between looks whether another service still delivers to this target
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_LOOK_FOR_PARTITIONS = 60.0


class Way(Protocol):
    """How records become what the target is told: `sinks.activation.deliver` or `sinks.activation.refresh`."""

    def take(self, record: Record, stopping: threading.Event) -> None:
        """Settle one record, or note it. Raises Stopped."""

    def rest(self, records: int) -> None:
        """After each read, of so many records, which may be none."""

    def close(self) -> None:
        """Let go of the other system."""


class Follower:
    """Follows the topic for one target, through any outage of Kafka, PostgreSQL or the target.

    `open_way` makes what tells the target, and may raise BadTarget; `store` is of this follower alone.
    """

    def __init__(
        self, target: Target, store: Targets, open_feed: Callable[[], Feed], open_way: Callable[[Targets], Way]
    ) -> None:
        self._target = target
        self._store = store
        self._open_feed = open_feed
        self._open_way = open_way

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping` is set, or the target is paused or removed. Raises sinks.store.Fatal."""
        name, pause = self._target.name, _FIRST_PAUSE
        try:
            while not stopping.is_set():
                try:
                    if self._store.hold(self._target.id):
                        self._follow(stopping)
                    else:
                        stopping.wait(_STANDBY)
                    pause = _FIRST_PAUSE
                except BadTarget as error:
                    log.error("%s: %s", name, error)
                    self._note(str(error))
                    stopping.wait(_LONGEST_PAUSE)
                except (Retryable, Unavailable) as error:
                    log.warning("%s: interrupted, next try in %.2g s: %s", name, pause, error)
                    stopping.wait(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
        except Removed:
            log.info("%s was removed", name)
        except Stopped:
            pass
        finally:
            self._store.close()
            metrics.forget(metrics.FAILING, name)

    def _follow(self, stopping: threading.Event) -> None:
        """Until `stopping` is set. Raises all that `run` handles."""
        way = self._open_way(self._store)
        try:
            self._store.started(self._target.id)
            feed = self._open_feed()
            try:
                feed.seek(self._store.positions(self._target.id))
                self._read(feed, way, stopping)
            except Lost as error:
                why = f"changes were deleted before it was told of them ({error}); to go on without: resume --skip-lost"
                log.error("%s is paused: %s", self._target.name, why)
                self._store.pause(self._target.id, why)
                raise Stopped from error
            finally:
                feed.close()
        finally:
            way.close()

    def _read(self, feed: Feed, way: Way, stopping: threading.Event) -> None:
        looked = time.monotonic()
        while not stopping.is_set():
            records = feed.read()
            try:
                for record in records:
                    way.take(record, stopping)
                    if stopping.is_set():
                        break
            except Stopped:
                way.rest(len(records))
                raise
            way.rest(len(records))
            if time.monotonic() - looked > _LOOK_FOR_PARTITIONS:
                looked = time.monotonic()
                if not feed.is_whole():
                    return  # and begin again, with the partition that was added

    def _note(self, problem: str) -> None:
        """Show what must be mended where people look."""
        metrics.FAILING.labels(self._target.name).set(1)
        try:
            self._store.failing(self._target.id, f"{CANNOT_START}{problem}")
        except Retryable as error:
            log.warning("%s: %s", self._target.name, error)
