"""All changes together: a new file of who is in which segment, when something has changed and it is time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sinks.activation import metrics
from sinks.activation.message import Record, read_change, why_not
from sinks.activation.outcome import pause_before
from sinks.activation.progress import Progress
from sinks.activation.snapshot import write_snapshot
from sinks.activation.targets import CsvSettings, Target
from sinks.postgres.targets import Failed, Targets

log = logging.getLogger(__name__)


class Refresh:
    """Writes the files of `target`. `written_at` is when the last one was, in Unix seconds, None: never.

    How far it is moves with the file that has what was read, so a file that could not be written is written after a restart.
    A file shows what is so, whoever changed it, so what was backfilled counts.
    """

    def __init__(
        self,
        target: Target,
        store: Targets,
        written_at: float | None,
        chance: Callable[[], float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        assert isinstance(target.settings, CsvSettings)
        self._target = target._replace(backfill=True, actions=("entered", "left"))
        self._settings = target.settings
        self._store = store
        self._chance = chance
        self._clock = clock
        self._progress = Progress(store, target)
        self._changed = written_at is None  # the first file waits for nothing
        self._not_before = 0.0 if written_at is None else written_at + self._settings.every_minutes * 60
        self._failures = 0

    def take(self, record: Record, stopping: threading.Event) -> None:  # noqa: ARG002 - it never waits
        """Note whether one record is of the segments that the file has."""
        change = read_change(record)
        why = "unreadable" if isinstance(change, Failed) else why_not(self._target, change)
        self._progress.take(record, skipped=why)
        self._changed = self._changed or why is None

    def rest(self, records: int) -> None:  # noqa: ARG002
        """Write a file if it is time. Raises what `Targets.members` and `Targets.advance` raise."""
        if not self._changed:
            self._progress.settle()
        elif self._clock() >= self._not_before:
            self._write()

    def close(self) -> None:
        """Nothing is held."""

    def _write(self) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC)
        try:
            with self._store.members(self._target.segments, with_state=bool(self._settings.traits)) as members:
                file = write_snapshot(self._target.name, self._settings, members, at)
        except OSError as error:
            self._failures += 1
            pause = pause_before(self._failures, 0, self._chance())
            log.warning("%s: no file, next try in %.2g s: %s", self._target.name, pause, error)
            self._store.failing(self._target.id, str(error))
            metrics.FAILING.labels(self._target.name).set(1)
            metrics.RETRIED.labels(self._target.name).inc()
            self._not_before = self._clock() + pause
            return
        self._progress.settle(delivered=1)
        log.info("%s: wrote %s", self._target.name, file)
        self._changed, self._failures = False, 0
        self._not_before = at.timestamp() + self._settings.every_minutes * 60
