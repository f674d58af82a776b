"""(e): a store that has customers already: everybody of a population, enrolled with card, telephone number and
e-mail address.

They come in by the same `apply` as anything else, only without Kafka: so the store is one that could have come about.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import closing
from datetime import datetime

import msgspec

from ops.bench.stack import BenchStack, ranked_before
from ops.bench.workload import Person
from processors.apply import Rules, Slice, apply
from processors.identity_rules import identity_rules
from processors.segments.catalogue import read_catalogue, shipped_catalogue
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from schemas.ids import event_key
from schemas.topics import VALID
from sinks.postgres.store import PostgresStore
from sinks.store import Partition, Span

_BATCH = 5_000
_PART = 50_000
_BEYOND = 1_000_000
"""Partitions from here on are in no Kafka; their positions are forgotten in the end."""

_SETTLE = ("truncate portrait.outbox", "vacuum (analyze)", "checkpoint")
"""What time would have done: everything was published, the tables are known to the planner, and on disk."""

_WENT_BY = """
    insert into portrait.sweeps (digest, begun_at, finished_at, used_at)
    select %s, long_ago, long_ago, long_ago from (select now() - interval '1 day' as long_ago) as at
"""
"""The rules that the population came about by: nobody has gone by them for long, so that nothing is decided by them any more."""


def populate(stack: BenchStack, people: int, anchor: datetime, progress: Callable[[int, int], None]) -> int:
    """Enrols the people with the numbers below `people` as customers; returns how many there are. Uses all cores."""
    spawn = multiprocessing.get_context("spawn")
    done = 0
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=spawn) as pool:
        parts: list[Future[int]] = [
            pool.submit(_enrol, stack.worker_database, number, first, min(first + _PART, people), anchor)
            for number, first in enumerate(range(0, people, _PART))
        ]
        for part in as_completed(parts):
            done += part.result()
            progress(done, people)
    stack.ask("delete from portrait.positions where partition >= %s", _BEYOND)
    for statement in _SETTLE:
        stack.ask(statement)
    catalogue = read_catalogue(shipped_catalogue().zone)
    catalogue.bounds = ranked_before(anchor)
    stack.ask(_WENT_BY, catalogue.digest)
    ((customers,),) = stack.ask("select count(*) from portrait.customers")
    return int(customers)


def turn_a_day(stack: BenchStack) -> None:
    """Let everybody be due once within a day from now on, evenly."""
    stack.ask("update portrait.customers set due_at = now() + random() * interval '1 day'")
    for statement in _SETTLE:
        stack.ask(statement)


def _enrol(url: str, number: int, first: int, end: int, anchor: datetime) -> int:
    now = int(anchor.timestamp() * 1000)
    rules = Rules("VND", shipped_catalogue(), identity_rules())
    partition = Partition(VALID, _BEYOND + number)
    with closing(PostgresStore(url, application_name="portrait-bench")) as store:
        for at in range(first, end, _BATCH):
            events = [(each, enrolment(Person(each), now)) for each in range(at, min(at + _BATCH, end))]
            apply(store, [Slice(partition, Span(at, at + len(events)), events)], rules, now)
    return end - first


def enrolment(person: Person, now: int) -> CleanEvent:
    """The clean event by which `person` got a card, within the two years before `now` (Unix ms)."""
    source, name = "/bench-population/store", f"{person.number:09d}"
    at = now - person.number * 48_271 % (730 * 86_400) * 1000
    phone = f"+84{person.phone[1:]}"
    data = {
        "customer": {
            "card_no": person.card_no,
            "email": person.email,
            "phone": person.phone,
            "full_name": person.full_name,
        },
        "store_id": "HCM-01",
    }
    return CleanEvent(
        key=event_key(source, name),
        source=source,
        id=name,
        type="loyalty.card_enrolled.v1",
        channel="loyalty",
        time=at,
        received=at,
        identifiers=(
            Identifier("card_no", person.card_no),
            Identifier("email", person.email),
            Identifier("phone", phone),
        ),
        traits={"full_name": person.full_name, "phone": phone, "email": person.email},
        statuses={f"card:{person.card_no}": "enrolled"},
        counts={"enrolment": 1},
        acquisition="store:HCM-01",
        origin=f"bench-population/0/{person.number}",
        data=msgspec.Raw(msgspec.json.encode(data)),
    )
