"""Dead letters: list them, look at one, and send it again once it is repaired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaProducer
from psycopg2.extensions import cursor

from ops.local.home import LocalStackError
from ops.sql import reading, rows, writing
from ops.who import who_works
from processors.prepare import prepare
from processors.reference import Reference
from producers.admit import judge
from producers.broker.connection import discard, open_producer
from producers.record import Record
from schemas.ids import event_key
from schemas.rejected import Rejected
from schemas.topics import RAW_NAMES

EVERY_LETTER: Mapping[str, Any] = {"reason": None, "source": None, "since": None}
"""The parameters of a statement about letters when nothing is filtered."""

_AT_ONCE = 200
_ACKNOWLEDGED_WITHIN = 10.0


@dataclass(frozen=True)
class Letter:
    """One dead letter, without its payload; `size` is that of the payload in bytes."""

    origin: str
    reason: str
    path: str
    message: str
    rejected_at: datetime
    event_id: str | None
    source: str | None
    topic: str | None
    size: int
    replayed_at: datetime | None
    replayed_as: str | None


class Outcome(StrEnum):
    """What came of sending a letter again."""

    SENT = "sent"
    WOULD_BE_SENT = "would be sent"
    SENT_BEFORE = "was sent before"
    REFUSED = "is refused again"


class Unrepaired(Exception):
    """A letter cannot be repaired in this way. The message says why."""


Repair = Callable[[str, bytes], bytes]
"""(origin, payload as it was received) → what to send in its place. May raise Unrepaired."""


class Attempt(NamedTuple):
    """One attempt to send a letter again, with a patch or without; `detail` is the origin of what was sent, or why it was not."""

    at: datetime
    by: str
    patch: str | None
    outcome: str
    detail: str


class Replay(NamedTuple):
    """One letter and what came of it: `detail` is the origin of what was sent, or why it was not. With `stored_before`, an event
    of the same source and id is in the store already, so that this one is its duplicate."""

    origin: str
    outcome: Outcome
    detail: str
    stored_before: bool = False


def letters(
    url: str, *, reason: str | None = None, source: str | None = None, since: datetime | None = None, limit: int = 50
) -> tuple[list[Letter], dict[str, tuple[int, int]]]:
    """The newest letters, at most `limit`; and reason → (how many there are, how many were never sent again)."""
    wanted = {"reason": reason, "source": source, "since": since}
    with reading(url) as at:
        found = [Letter(*row) for row in rows(at, "letters", **wanted, limit=limit)]
        counts = {code: (count, waiting) for code, count, waiting in rows(at, "letters_by_reason", **wanted)}
    return found, counts


def letter(url: str, origin: str) -> tuple[Letter, bytes]:
    """One letter and its payload. Raises LocalStackError when there is none of that origin."""
    with reading(url) as at:
        found = rows(at, "letter", origin=origin)
    if not found:
        raise _unknown(origin)
    *told, payload = found[0]
    return Letter(*told), bytes(payload)


def attempts(url: str, origin: str) -> list[Attempt]:
    """What was tried with a letter, the first attempt first."""
    with reading(url) as at:
        return [Attempt(*row) for row in rows(at, "attempts", origin=origin)]


def waiting(
    url: str, limit: int, *, reason: str | None = None, source: str | None = None, since: datetime | None = None
) -> list[str]:
    """The origins of letters of that reason, of that source, since then, that were never sent again, the oldest first."""
    wanted = {"reason": reason, "source": source, "since": since}
    with reading(url) as at:
        return [origin for (origin,) in rows(at, "waiting_letters", **wanted, limit=limit)]


def examine(payload: bytes, reference: Reference, now_ms: int) -> Record | Rejected:
    """What collector and stream would make of `payload`: the record to send, or why it would be refused."""
    verdict = judge(payload, may_send=lambda _: True)
    if not isinstance(verdict, Record):
        return verdict[0]
    prepared = prepare(payload, origin="replay", received_ms=now_ms, reference=reference)
    return prepared if isinstance(prepared, Rejected) else verdict


def replay(
    url: str,
    bootstrap: str,
    origins: Sequence[str],
    reference: Reference,
    *,
    repair: Repair = lambda _, payload: payload,
    patch: str | None = None,
    by: str | None = None,
    dry_run: bool = False,
) -> Iterator[Replay]:
    """Send letters to their topics again, after `repair`, those that are valid then. What came of it is noted with each of them:
    by whom (None: as whom this machine knows the user), and the `patch` that made the repair, if one did.

    A letter that was sent before is not sent again. One that was sent and could not be marked (a crash in between) is
    sent twice: its event has one id, and counts once. Raises LocalStackError, psycopg2.Error, kafka.errors.KafkaError.
    """
    who = by or who_works()  # before anything is sent: what is sent must be noted
    with _sender(bootstrap, dry_run) as send:
        for start in range(0, len(origins), _AT_ONCE):
            some = list(dict.fromkeys(origins[start : start + _AT_ONCE]))
            with writing(url) as at:
                held = {
                    origin: (bytes(payload), done) for origin, payload, done in rows(at, "hold_letters", origins=some)
                }
                outcomes: list[Replay] = []
                records: dict[str, Record] = {}
                for origin in some:
                    if origin not in held:
                        raise _unknown(origin)
                    payload, sent_as = held[origin]
                    if sent_as is not None:
                        outcomes.append(Replay(origin, Outcome.SENT_BEFORE, sent_as))
                        continue
                    verdict = _examined(origin, payload, repair, reference)
                    if isinstance(verdict, str):
                        outcomes.append(Replay(origin, Outcome.REFUSED, verdict))
                    else:
                        records[origin] = verdict
                known = _stored(at, records)
                if dry_run:
                    would = Outcome.WOULD_BE_SENT
                    outcomes += [Replay(each, would, record.topic, each in known) for each, record in records.items()]
                    outcomes.sort(key=lambda each: some.index(each.origin))
                    records = {}
                sent = dict(zip(records, send(list(records.values())), strict=True))
                if sent:
                    rows(at, "mark_replayed", origins=list(sent), replayed_as=list(sent.values()))
                if not dry_run:
                    refused = {each.origin: each.detail for each in outcomes if each.outcome is Outcome.REFUSED}
                    told = ["sent"] * len(sent) + ["refused"] * len(refused)
                    details = [*sent.values(), *refused.values()]
                    rows(
                        at,
                        "keep_attempts",
                        origins=[*sent, *refused],
                        outcomes=told,
                        details=details,
                        by=who,
                        patch=patch,
                    )
            yield from outcomes
            yield from (Replay(origin, Outcome.SENT, at_last, origin in known) for origin, at_last in sent.items())


class _Named(msgspec.Struct):
    source: str
    id: str


def _stored(at: cursor, records: Mapping[str, Record]) -> set[str]:
    """The origins of those of which the store has an event of the same source and id."""
    keys = {origin: _key_of(record.value) for origin, record in records.items()}
    known = {key for key, *_ in rows(at, "events_named", keys=list(keys.values()))} if keys else set()
    return {origin for origin, key in keys.items() if key in known}


def _key_of(value: bytes) -> str:
    event = msgspec.json.decode(value, type=_Named)
    return event_key(event.source, event.id)


def _examined(origin: str, payload: bytes, repair: Repair, reference: Reference) -> Record | str:
    """The record to send, or why there is none."""
    try:
        verdict = examine(repair(origin, payload), reference, time.time_ns() // 1_000_000)
    except Unrepaired as error:
        return str(error)
    if isinstance(verdict, Rejected):
        return f"{verdict.reason.value} at {verdict.path}: {verdict.message}"
    return verdict


@contextmanager
def _sender(bootstrap: str, dry_run: bool) -> Iterator[Callable[[list[Record]], list[str]]]:
    """Sends records and returns their origins once Kafka has acknowledged all of them."""
    if dry_run:
        yield lambda _: []
        return
    producer: KafkaProducer = open_producer(bootstrap.split(","), RAW_NAMES, timeout=_ACKNOWLEDGED_WITHIN, linger_ms=5)

    def send(records: list[Record]) -> list[str]:
        futures = [producer.send(topic, value=value, key=key) for topic, key, value in records]
        told = [future.get(timeout=_ACKNOWLEDGED_WITHIN) for future in futures]
        return [f"{each.topic}/{each.partition}/{each.offset}" for each in told]

    try:
        yield send
    finally:
        discard(producer)


def _unknown(origin: str) -> LocalStackError:
    return LocalStackError(f"there is no dead letter {origin}; `portrait rejected ls` lists them")
