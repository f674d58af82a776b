"""The service: every target that is not paused is followed by a thread of its own, so that one that is down holds up only itself.

    python -m sinks.activation        the same as `portrait activate run`

The way of a change: `feed` reads it from the topic, `message` says whether the target is told, `deliver` tells it by `webhook`
or `email` and tries again, `progress` writes down how far the target is. For a target of files `refresh` takes the place of
`deliver`.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from prometheus_client import start_http_server

from sinks.activation import metrics
from sinks.activation.deliver import Delivery, open_teller
from sinks.activation.feed import Feed, Lost, Unavailable
from sinks.activation.follow import Follower, Way
from sinks.activation.refresh import Refresh
from sinks.activation.targets import BadTarget, CsvSettings, Target, target_of
from sinks.postgres.targets import CANNOT_START, Removed, Targets
from sinks.store import Fatal, Retryable

log = logging.getLogger(__name__)

_LOOK = 0.5  # seconds between looks at what targets there are
_MEASURE = 5.0  # seconds between looks at how far they are
_FORGET = 3_600.0
_LAST_WAIT = 5.0  # seconds that a delivery under way is given at the end; what is cut off is delivered again
_REST = 5.0  # seconds before a follower that failed is started again


class _Running(NamedTuple):
    target: Target
    thread: threading.Thread
    stopping: threading.Event


class Service:
    """Follows all targets. `environ` is where secrets are looked for."""

    def __init__(self, kafka: str, database: str, environ: Mapping[str, str]) -> None:
        self._kafka = kafka
        self._database = database
        self._environ = environ
        self._running: dict[int, _Running] = {}
        self._ending: list[_Running] = []
        self._failed: dict[int, float] = {}
        self._unreadable: set[int] = set()

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping` is set. Raises sinks.store.Fatal when the tables are not as they should be."""
        measuring = threading.Thread(target=self._measure, args=(stopping,), name="lag", daemon=True)
        measuring.start()
        store = Targets(self._database)
        try:
            forgotten = 0.0
            while not stopping.is_set():
                try:
                    self._look_after(store)
                    if time.monotonic() - forgotten > _FORGET:
                        store.forget()
                        forgotten = time.monotonic()
                except Retryable as error:
                    log.warning("PostgreSQL does not answer: %s", error)
                except Removed:
                    pass  # between two looks
                stopping.wait(_LOOK)
        finally:
            store.close()
            self._end()

    def _look_after(self, store: Targets) -> None:
        """Start what is to be followed, stop what is not. A follower that ended by itself is started again if it is to run."""
        wanted: dict[int, Target] = {}
        for each in store.all():
            if each.paused_at is not None:
                continue
            try:
                wanted[each.id] = target_of(each)
            except BadTarget as error:
                if each.id not in self._unreadable:
                    log.error("%s", error)
                    self._unreadable.add(each.id)
                    store.failing(each.id, f"{CANNOT_START}{error}")
        for number, running in list(self._running.items()):
            if number not in wanted or wanted[number] != running.target:
                log.info("%s: stopping", running.target.name)
                running.stopping.set()
                self._ending.append(self._running.pop(number))
            elif not running.thread.is_alive():
                del self._running[number]
        self._ending = [each for each in self._ending if each.thread.is_alive()]
        for number, target in wanted.items():
            if number not in self._running and time.monotonic() >= self._failed.get(number, 0.0):
                self._running[number] = self._start(target)

    def _start(self, target: Target) -> _Running:
        stopping = threading.Event()
        follower = Follower(target, Targets(self._database), lambda: Feed(self._kafka), self._way_of(target))

        def work() -> None:
            try:
                follower.run(stopping)
            except Exception:
                log.exception("%s: failed; again in %g s", target.name, _REST)
                self._failed[target.id] = time.monotonic() + _REST

        thread = threading.Thread(target=work, name=target.name, daemon=True)
        thread.start()
        log.info("%s: following", target.name)
        return _Running(target, thread, stopping)

    def _way_of(self, target: Target) -> Callable[[Targets], Way]:
        chance = random.random
        if isinstance(target.settings, CsvSettings):
            return lambda store: Refresh(target, store, _delivered_at(store, target.id), chance)
        return lambda store: Delivery(target, store, open_teller(target, store, self._environ), chance)

    def _measure(self, stopping: threading.Event) -> None:
        """Keep the gauge of the lag, of paused targets too, until `stopping` is set."""
        store, feed = Targets(self._database), None
        shown: set[str] = set()
        while not stopping.is_set():
            try:
                feed = feed or Feed(self._kafka)
                ends = feed.ends()
                targets = store.all()
                for each in targets:
                    metrics.LAG.labels(each.name).set(lag(ends, store.positions(each.id)))
                for name in shown - {each.name for each in targets}:
                    metrics.forget(metrics.LAG, name)
                shown = {each.name for each in targets}
            except (Retryable, Fatal, Unavailable, Lost) as error:
                log.debug("the lag is not known: %s", error)
                if feed is not None:
                    feed.close()
                feed = None
            stopping.wait(_MEASURE)
        if feed is not None:
            feed.close()
        store.close()

    def _end(self) -> None:
        every = [*self._running.values(), *self._ending]
        for each in every:
            each.stopping.set()
        deadline = time.monotonic() + _LAST_WAIT
        for each in every:
            each.thread.join(max(0.0, deadline - time.monotonic()))
            if each.thread.is_alive():
                log.warning("%s: a delivery was cut off; it comes again", each.target.name)


def _delivered_at(store: Targets, target: int) -> float | None:
    """When it was last told something, in Unix seconds."""
    return next((row.delivered_at.timestamp() for row in store.all() if row.id == target and row.delivered_at), None)


def lag(ends: Mapping[int, tuple[int, int]], positions: Mapping[int, int]) -> int:
    """How many records a target at `positions` has yet to be told, of a topic with these (first, end) offsets."""
    return sum(max(0, end - max(first, positions.get(number, first))) for number, (first, end) in ends.items())


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run the service with the settings in `environ` until SIGTERM or SIGINT; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # ten lines a second while a broker is away; we say it once
    logging.getLogger("httpx").setLevel(
        logging.WARNING
    )  # a line for each request, with an address that may hold a secret
    kafka = environ.get("PORTRAIT_KAFKA")
    database = environ.get("PORTRAIT_WORKER_URL") or environ.get("PORTRAIT_DATABASE_URL")
    port = environ.get("PORTRAIT_METRICS_PORT", "").strip()
    if not kafka or not database:
        log.critical("set PORTRAIT_KAFKA to HOST:PORT and PORTRAIT_WORKER_URL to postgresql://USER:PASSWORD@HOST/NAME")
        return 2
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        log.critical("PORTRAIT_METRICS_PORT: %r is no port", port)
        return 2
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if port:
        start_http_server(int(port), addr=environ.get("PORTRAIT_METRICS_HOST") or "127.0.0.1")
    try:
        Service(kafka, database, environ).run(stopping)
    except Fatal as error:
        log.critical("%s", error)
        return 1
    return 0
