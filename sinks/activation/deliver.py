"""Change by change: each is delivered, skipped or kept as a dead letter before the next one is tried."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from schemas.profile import SegmentChange
from sinks.activation import metrics
from sinks.activation.email import EmailTarget
from sinks.activation.message import Record, read_change, why_not
from sinks.activation.outcome import Again, Delivered, Gone, Outcome, Refused, Skipped, given_up, pause_before
from sinks.activation.progress import Progress, Stopped
from sinks.activation.targets import (
    BadTarget,
    CsvSettings,
    EmailSettings,
    Patience,
    Target,
    WebhookSettings,
    read_secret,
)
from sinks.activation.templates import BadTemplate
from sinks.activation.webhook import WebhookTarget
from sinks.crash import crash_point
from sinks.postgres.targets import Failed, Targets
from sinks.store import Fatal, Retryable

log = logging.getLogger(__name__)


class Teller(Protocol):
    """Tells the other system of one change. One thread uses it."""

    def deliver(self, change: SegmentChange, *, test: bool = False) -> Outcome:
        """One try."""

    def idle(self) -> None:
        """Nothing is to be told for a while."""

    def close(self) -> None:
        """Let go of all."""


def open_teller(target: Target, store: Targets, environ: Mapping[str, str]) -> WebhookTarget | EmailTarget:
    """What tells a target of changes, with its secret from where its settings say. Raises BadTarget."""
    match target.settings:
        case WebhookSettings() as settings:
            return WebhookTarget(settings, read_secret(settings.secret, environ))
        case EmailSettings() as settings:
            password = None if settings.password is None else read_secret(settings.password, environ)
            try:
                return EmailTarget(settings, password, store.customer)
            except BadTemplate as error:
                raise BadTarget(str(error)) from error
        case CsvSettings():
            raise TypeError("files are written for all changes together, see sinks.activation.refresh")


class Delivery:
    """Tells `target` of the changes that it follows. `clock` is in Unix seconds, `chance` gives numbers from 0 to 1."""

    def __init__(
        self,
        target: Target,
        store: Targets,
        teller: Teller,
        chance: Callable[[], float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        assert isinstance(target.settings, Patience)
        self._target = target
        self._patience = target.settings
        self._store = store
        self._teller = teller
        self._chance = chance
        self._clock = clock
        self._progress = Progress(store, target)
        # A receiver of webhooks knows a change again by its id. Who reads mail does not: what was sent is remembered here.
        self._remembers = isinstance(target.settings, EmailSettings)

    def take(self, record: Record, stopping: threading.Event) -> None:
        """Settle one record, however long it takes. Raises Stopped, and what `Targets.advance` raises."""
        change = read_change(record)
        if isinstance(change, Failed):
            self._give_up(record, change)
            return
        why = why_not(self._target, change)
        if why is None and self._remembers and self._store.was_told(self._target.id, change.change_id):
            why = "repeated"
        if why is not None:
            self._progress.take(record, skipped=why)
            return
        for attempt in itertools.count(1):
            if stopping.is_set():
                raise Stopped
            match self._try(change):
                case Delivered():
                    crash_point("activation_told")
                    self._progress.take(record)
                    self._progress.settle(delivered=1, told=change.change_id if self._remembers else None)
                    return
                case Skipped(why=why):
                    self._progress.take(record, skipped=why)
                    return
                case Refused(why=why):
                    self._give_up(record, _failed(record, change, why, attempt))
                    return
                case Gone(why=why):
                    self._progress.settle()
                    self._store.pause(self._target.id, f"it wants to hear no more: {why}")
                    log.error("%s is paused: it wants to hear no more: %s", self._target.name, why)
                    raise Stopped
                case Again(why=why, after=after):
                    if self._is_given_up(attempt, why):
                        self._give_up(record, _failed(record, change, why, attempt))
                        return
                    pause = pause_before(attempt, after, self._chance())
                    log.warning(
                        "%s does not take %s, next try in %.2g s: %s", self._target.name, change.change_id, pause, why
                    )
                    metrics.RETRIED.labels(self._target.name).inc()
                    if stopping.wait(pause):
                        raise Stopped

    def rest(self, records: int) -> None:
        """After so many records: write down how far it is."""
        self._progress.settle()
        if records == 0:
            self._teller.idle()

    def close(self) -> None:
        """Let go of the other system."""
        self._teller.close()

    def _try(self, change: SegmentChange) -> Outcome:
        try:
            return self._teller.deliver(change)
        except (Retryable, Fatal):
            raise
        except Exception as error:  # one change that trips us must not hold up those after it for ever
            log.exception("%s: telling it of %s failed", self._target.name, change.change_id)
            return Again(f"{type(error).__name__}: {error}")

    def _is_given_up(self, attempt: int, why: str) -> bool:
        since = self._store.failing(self._target.id, why)
        metrics.FAILING.labels(self._target.name).set(1)
        return given_up(
            attempt,
            self._clock() - since,
            max_attempts=self._patience.max_attempts,
            max_hours=self._patience.max_hours,
        )

    def _give_up(self, record: Record, failed: Failed) -> None:
        log.error("%s: %s is a dead letter: %s", self._target.name, failed.change, failed.reason)
        self._progress.take(record)
        self._progress.settle(failed=failed)


def _failed(record: Record, change: SegmentChange, why: str, attempts: int) -> Failed:
    return Failed(change.change_id, change.customer_id, record.value or b"", why, attempts)
