"""`portrait status`: what runs, how far each topic has been read, and whether the books balance."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from kafka.errors import KafkaError

from ops.local.home import DATABASE_URL, KAFKA, Home
from ops.local.supervisor import SUPERVISOR, State, Status, status
from ops.offsets import Log, Place, Reader
from ops.spool import CollectorSilent, Spool, collectors_of, read_spool, together
from ops.sql import reading, rows
from schemas.topics import RAW_NAMES, REJECTED, VALID

_STORED = (VALID, REJECTED)
"""Topics whose position is in the store; that of the others is what the workers' group has committed in Kafka."""


@dataclass(frozen=True)
class Reading:
    """How far one partition was read. `lag_seconds` is the age of the oldest record that was not, 0.0 without a lag."""

    topic: str
    partition: int
    position: int
    end: int
    lag_events: int
    lag_seconds: float


@dataclass(frozen=True)
class Balance:
    """Where everything went that was received; `balanced` is only due to be true when nothing is on its way."""

    received: int
    stored: int
    duplicate: int
    rejected: int
    suppressed: int

    @property
    def balanced(self) -> bool:
        return self.received == self.stored + self.duplicate + self.rejected + self.suppressed


@dataclass(frozen=True)
class Store:
    """What the database tells, as of one instant. `positions`: (first, next) offset of each partition begun. `failing`: targets
    of activation that do not take what they are told, and rules of segments that fail; and why.
    """

    positions: Mapping[Place, tuple[int, int]]
    stored: int
    duplicate: int
    rejected: int
    at_the_door: int
    unreadable: int
    outbox: int
    failing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Report:
    """All that `status` tells. `problems`: targets that fail; servers that do not answer, and then readings or balance are
    missing.

    `spool` is what the collectors keep for Kafka, None when they have no spool, or are not known. `silent` when one is known and
    does not answer: then its spool may hold anything.
    `unreadable` counts records on events.valid and events.rejected that Portrait did not write; `outbox` what the relay
    has yet to publish.
    """

    supervisor: Status | None
    processes: tuple[Status, ...]
    readings: tuple[Reading, ...]
    balance: Balance | None
    outbox: int | None
    unreadable: int | None
    problems: tuple[str, ...]
    spool: Spool | None = None
    silent: bool = False

    @property
    def caught_up(self) -> bool:
        """Whether everything that was received when this was asked is in the store, and published."""
        if self.silent or (self.spool is not None and self.spool.records):
            return False
        return bool(self.readings) and all(each.lag_events == 0 for each in self.readings) and self.outbox == 0

    def as_json(self) -> dict[str, Any]:
        """The report as `status --json` prints it."""
        balance = self.balance
        return {
            "supervisor": None if self.supervisor is None else _process(self.supervisor),
            "processes": [_process(each) for each in self.processes],
            "partitions": [vars(each) for each in self.readings],
            "balance": None if balance is None else {**vars(balance), "balanced": balance.balanced},
            "outbox": self.outbox,
            "spool": None if self.spool is None else vars(self.spool),
            "unreadable": self.unreadable,
            "caught_up": self.caught_up,
            "problems": list(self.problems),
        }


def report(home: Home, settings: Mapping[str, str]) -> Report:
    """Ask the processes of `home`, and the servers that `settings` name, how things stand. Never raises for those."""
    lines = status(home)
    problems: list[str] = []
    # The spool first, then the store, then the committed offsets, then the ends: whatever arrives meanwhile shows as a
    # lag, so that "caught up" is never said too early.
    spool, silent = _asked_collectors(collectors_of(settings), problems)
    store = _asked_store(settings.get(DATABASE_URL, ""), problems)
    readings, logs = _asked_kafka(settings, store, problems)
    problems += [f"{what}: {why}" for what, why in store.failing] if store else []
    return Report(
        supervisor=next((line for line in lines if line.name == SUPERVISOR), None),
        processes=tuple(sorted((line for line in lines if line.name != SUPERVISOR), key=_order)),
        readings=readings,
        balance=None if store is None or logs is None else balance(store, logs),
        outbox=None if store is None else store.outbox,
        unreadable=None if store is None else store.unreadable,
        problems=tuple(problems),
        spool=spool,
        silent=silent,
    )


def balance(store: Store, logs: Mapping[Place, Log]) -> Balance:
    """The books: what was received is what stands in the raw logs since reading began, and what the door refused."""
    received = sum(
        log.end - store.positions.get(place, (log.first, 0))[0] for place, log in logs.items() if place[0] in RAW_NAMES
    )
    return Balance(received + store.at_the_door, store.stored, store.duplicate, store.rejected, 0)


def read_store(url: str) -> Store:
    """Ask the database. Raises psycopg2.Error."""
    with reading(url) as at:
        positions = {(topic, number): (first, following) for topic, number, first, following in rows(at, "positions")}
        ((stored, duplicate, rejected, at_the_door, unreadable, outbox),) = rows(at, "books")
        failing = tuple((what, why) for what, why in rows(at, "failing"))
    return Store(positions, stored, duplicate, rejected, at_the_door, unreadable, outbox, failing)


def _asked_collectors(urls: Sequence[str], problems: list[str]) -> tuple[Spool | None, bool]:
    """What their spools hold together, and whether one of them is silent."""
    spools: list[Spool] = []
    silent = False
    for url in urls:
        try:
            spool = read_spool(url)
        except CollectorSilent as error:
            problems.append(str(error))
            silent = True
            continue
        if spool is not None:
            spools.append(spool)
            problems += [f"{url}: {each}" if len(urls) > 1 else each for each in spool.problems]
    return together(spools), silent


def _asked_store(url: str, problems: list[str]) -> Store | None:
    if not url:
        problems.append(f"no database is known: `portrait up`, or set {DATABASE_URL}")
        return None
    try:
        return read_store(url)
    except psycopg2.errors.UndefinedTable:
        problems.append("the database has no tables yet: `portrait migrate`")
    except psycopg2.Error as error:
        problems.append(f"PostgreSQL does not answer: {' '.join(str(error).split())}")
    return None


def _asked_kafka(
    settings: Mapping[str, str], store: Store | None, problems: list[str]
) -> tuple[tuple[Reading, ...], dict[Place, Log] | None]:
    bootstrap = settings.get(KAFKA, "")
    if not bootstrap:
        problems.append(f"no Kafka is known: `portrait up`, or set {KAFKA}")
        return (), None
    if store is None:
        return (), None
    topics = (*RAW_NAMES, *_STORED)
    try:
        with Reader(bootstrap) as reader:
            committed = reader.committed(settings.get("PORTRAIT_GROUP", "portrait"))
            places = reader.partitions(topics)
            logs = reader.logs(places)
            positions = {place: _position(place, logs[place], store, committed) for place in places}
            waiting = {place: at for place, at in positions.items() if at < logs[place].end}
            times = reader.times(waiting)
    except (KafkaError, OSError) as error:
        problems.append(f"Kafka at {bootstrap} does not answer: {str(error) or type(error).__name__}")
        return (), None
    if missing := set(topics) - {topic for topic, _ in places}:
        problems.append(f"topics are missing: {', '.join(sorted(missing))}; `portrait topics --create`")
        return (), logs
    now = time.time() * 1000
    return tuple(
        Reading(
            topic=place[0],
            partition=place[1],
            position=positions[place],
            end=logs[place].end,
            lag_events=max(0, logs[place].end - positions[place]),
            lag_seconds=round(max(0.0, now - times.get(place, now)) / 1000, 3) if place in waiting else 0.0,
        )
        for place in sorted(places, key=lambda place: (topics.index(place[0]), place[1]))
    ), logs


def _position(place: Place, log: Log, store: Store, committed: Mapping[Place, int]) -> int:
    first, following = store.positions.get(place, (log.first, log.first))
    return following if place[0] in _STORED else committed.get(place, first)


def _process(line: Status) -> dict[str, Any]:
    up = line.up is not None and line.state == State.READY
    return {
        "name": line.name,
        "pid": line.pid,
        "up": up,
        "state": str(line.state),
        "seconds": None if line.up is None else round(line.up, 1),
        "restarts": line.restarts,
    }


_RANKS: Sequence[str] = ("kafka", "postgres", "collector", "worker", "relay", "activation")


def _order(line: Status) -> tuple[int, int]:
    kind, _, number = line.name.partition("-")
    return _RANKS.index(kind) if kind in _RANKS else len(_RANKS), int(number or 0)
