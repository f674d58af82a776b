"""What must be true of a stream when it has come to rest: every promise, checked from outside.

The raw topics are read anew and put through the first stage here, so what is expected comes from the records that Kafka
acknowledged and from pure functions only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import NamedTuple

from ops.verify import verify
from processors.prepare import prepare
from processors.reference import load_reference
from processors.segments.catalogue import shipped_catalogue
from schemas.clean import CleanEvent
from schemas.rejected import Rejected
from schemas.topics import RAW_NAMES, REJECTED, VALID
from sinks.postgres.store import PostgresStore
from tests.crash.load import Raw
from tests.crash.stream import NOW, Stream
from tests.stories import expected_hash
from tests.topic_reader import records

REFERENCE = load_reference({})


class Books(NamedTuple):
    """The balance of a stream: how many records the raw topics have, how many events the collector refused, and what
    became of all of them.
    """

    received: int
    at_the_door: int
    stored: int
    repeated: int
    refused: int
    hash: str
    customers: int


def audit(stream: Stream) -> tuple[Books, list[str]]:
    """The books of a stream that has come to rest, and which promises are broken, in words."""
    raw = records(stream.kafka, *RAW_NAMES)
    accepted: dict[str, CleanEvent] = {}
    key_of: dict[str, str] = {}
    refused: dict[str, str] = {}
    for record in raw:
        origin = f"{record.topic}/{record.partition}/{record.offset}"
        outcome = prepare(record.value, origin=origin, received_ms=record.timestamp, reference=REFERENCE)
        if isinstance(outcome, Rejected):
            refused[origin] = outcome.reason.value
        else:
            accepted.setdefault(outcome.key, outcome)
            key_of[origin] = outcome.key
    stored = stream.rows("select origin, replace(key::text, '-', '') from portrait.events")
    repeated = stream.rows("select origin, replace(key::text, '-', '') from portrait.duplicates")
    kept = stream.rows("select origin, reason from portrait.rejected")
    with closing(PostgresStore(stream.url)) as store:
        verdict = verify(store)
        with store.snapshot() as snapshot:
            served = {each.customer: each for each in snapshot.served()}
            untold = list(snapshot.uneven_changes())
    sent_on = records(stream.kafka, VALID, REJECTED)
    at_the_door = {
        each.key.decode() for each in sent_on if each.topic == REJECTED and each.key.startswith(b"collector/")
    }
    refused |= {origin: reason for origin, reason in kept if origin in at_the_door}
    ends = {(record.topic, record.partition): record.offset + 1 for record in sent_on}
    positions = stream.positions()
    keys = Counter(key for _, key in stored)
    promises = {
        "every accepted event is stored": keys.keys() >= accepted.keys(),
        "no event is stored twice": max(keys.values(), default=1) == 1,
        "no event is stored that was not accepted": keys.keys() <= accepted.keys(),
        "each record is stored or repeats what is stored": sorted(stored + repeated) == sorted(key_of.items()),
        "each refused event is kept once, with its reason": dict(kept) == refused and at_the_door <= refused.keys(),
        "the books balance": len(raw) + len(at_the_door) == len(stored) + len(repeated) + len(kept),
        "what is served is the fold of what is stored": verdict.equal,
        "what is served is the fold of what was accepted": verdict.hash == expected_hash(list(accepted.values())),
        "segments follow from what is served": [
            customer
            for customer, each in served.items()
            if set(each.segments) != {*shipped_catalogue().evaluate(each.portrait, NOW, ranked=each.ranked).names}
        ]
        == [],
        "the changes and the memberships lead to the segments": not untold,
        "the stored positions are the ends of the log": ends == {place: positions.get(place) for place in ends},
    }
    books = Books(len(raw), len(at_the_door), len(stored), len(repeated), len(kept), verdict.hash, verdict.customers)
    return books, [promise for promise, kept_ in promises.items() if not kept_]


def check(stream: Stream, *logs: Iterable[Raw]) -> Books:
    """Assert that every promise is kept by a stream that has come to rest, and that all good events of `logs` are in it."""
    books, broken = audit(stream)
    assert not broken, (broken, books)
    outcomes = [prepare(each.value, origin="", received_ms=NOW, reference=REFERENCE) for log in logs for each in log]
    keys = {outcome.key for outcome in outcomes if not isinstance(outcome, Rejected)}
    assert keys == {key for (key,) in stream.rows("select replace(key::text, '-', '') from portrait.events")}
    return books
