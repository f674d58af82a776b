"""Faults that need some staging: the worker is caught at one chosen instant, by locks in PostgreSQL and by signals.

Each is told once and put to the real worker (`test_worker.py`) and to naive ones (`test_naive.py`). A fault leaves a stream at
rest, with everything drained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg2
from kafka.admin import KafkaAdminClient, OffsetSpec

from schemas.topics import RAW_NAMES, REJECTED, VALID
from tests.crash.load import Raw, deliveries, linking, send
from tests.crash.stream import Post, Stream, asking, offsets

TOPICS_READ = (*RAW_NAMES, VALID, REJECTED)

Start = Callable[..., Post]
"""Starts a worker of some kind: `Stream.worker`, or that of a naive variant."""


@contextmanager
def nobody_saves(running: Stream) -> Iterator[Callable[[], int]]:
    """Transactions come to a halt where they read customers to change them, or save them; reading them goes on.

    Yields how many stand there.
    """
    with closing(psycopg2.connect(running.url)) as opened, opened, opened.cursor() as at:
        at.execute("lock table portrait.customers in exclusive mode")

        def halted() -> int:
            waiting = "select count(distinct pid) from pg_stat_activity where wait_event_type = 'Lock' and application_name = %s"
            return int(running.rows(f"{waiting} and datname = current_database()", "portrait-worker")[0][0])

        yield halted


def killed_while_kafka_is_ahead(running: Stream, start: Start, log: list[Raw]) -> None:
    """kill -9 in a transaction, with Kafka's committed offset behind all that was read, as a client that commits on its
    own would have left it.
    """
    half = len(log) // 2
    with nobody_saves(running) as halted, asking(running.kafka) as admin:
        worker = start()
        send(running.kafka, log[:half])
        running.until(lambda: halted() > 0 and prepared(running, admin), 30, what="a transaction that halts")
        worker.kill()
        running.expel_the_dead()
        ends = offsets(admin, (VALID, REJECTED), OffsetSpec.LATEST)
        running.commit(admin, ends)
    assert running.rows("select count(*) from portrait.events") == [(0,)]
    start()
    send(running.kafka, log[half:])
    running.drain()


def prepared(running: Stream, admin: KafkaAdminClient) -> bool:
    """Whether all raw records have been sent on, and Kafka knows it."""
    committed = running.committed(admin)
    return all(committed.get(place, 0) == end for place, end in offsets(admin, RAW_NAMES, OffsetSpec.LATEST).items())


def killed_after_sending(running: Stream, start: Start, log: list[Raw]) -> None:
    """kill -9 when Kafka has the clean events, and does not yet know that their raw records were read."""
    worker = start(crash_at="sent:3")
    send(running.kafka, log)
    running.until(lambda: worker.codes, 30, what="the crash")
    running.expel_the_dead()
    running.drain()


def frozen_in_a_transaction(running: Stream, start: Start, log: list[Raw]) -> Post:
    """SIGSTOP in a transaction, and another worker takes over and does all the work.

    The frozen one: what it does when it wakes up is to be seen.
    """
    half = len(log) // 2
    with nobody_saves(running) as halted:
        zombie = start()
        send(running.kafka, log[:half])
        running.until(lambda: halted() > 0, 30, what="a transaction that halts")
        zombie.child.freeze()
    start()
    send(running.kafka, log[half:])
    running.drain()
    return zombie


def contents(running: Stream) -> list[tuple[str, ...]]:
    """A digest of each table that events are applied to."""
    tables = ("events", "duplicates", "rejected", "identifiers", "links", "customers", "aliases", "memberships")
    rows = "coalesce(string_agg(t::text, '|' order by t::text), '')"
    return running.rows(
        " union all ".join(f"select '{name}', md5({rows}) from portrait.{name} as t" for name in tables)
    )


def two_at_the_same_customer(running: Stream, start: Start) -> list[Raw]:
    """Two workers have each read the same customer, in different partitions, when both may go on to save it.

    Returns what was sent.
    """
    person, deeds = linking()
    workers = start(), start()
    each = len(TOPICS_READ) * running.partitions // 2
    running.until(lambda: all(f"reading {each} partitions" in worker.log for worker in workers), 30)
    send(running.kafka, person)
    running.drain()
    with nobody_saves(running) as halted:
        send(running.kafka, deeds)
        running.until(lambda: halted() == 2, 30, what="two transactions that halt")
    running.drain()
    return person + deeds


STAGED = deliveries(1_200)
"""What the staged faults are put under."""
