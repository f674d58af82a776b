"""The faults of this directory break what is built naively: so they show something when they do not break the worker."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from tests.crash.faults import (
    STAGED,
    Start,
    frozen_in_a_transaction,
    killed_after_sending,
    killed_while_kafka_is_ahead,
    two_at_the_same_customer,
)
from tests.crash.oracle import audit
from tests.crash.stream import Post, Servers, Stream, stream

pytestmark = [pytest.mark.crash, pytest.mark.integration]


def naive(running: Stream, variant: str) -> Start:
    """Starts workers of a naive variant."""
    if variant in ("counting", "no_fence"):
        with closing(psycopg2.connect(running.url)) as opened, opened, opened.cursor() as at:
            at.execute("alter table portrait.events drop constraint events_pkey")

    def start(crash_at: str = "", **settings: str) -> Post:
        return running.worker(crash_at, "tests.crash.naive", variant, **settings)

    return start


def test_a_worker_that_trusts_kafkas_committed_offset_loses_events(servers: Servers) -> None:
    with stream(servers) as running:
        killed_while_kafka_is_ahead(running, naive(running, "auto_commit"), STAGED)
        assert "every accepted event is stored" in audit(running)[1]


def test_a_worker_that_adds_up_what_arrives_counts_events_twice(servers: Servers) -> None:
    with stream(servers) as running:
        killed_after_sending(running, naive(running, "counting"), STAGED)
        broken = audit(running)[1]
        assert {"no event is stored twice", "what is served is the fold of what was accepted"} <= set(broken)


def test_workers_that_do_not_lock_lose_each_others_changes(servers: Servers) -> None:
    with stream(servers, partitions=2) as running:
        two_at_the_same_customer(running, naive(running, "no_locks"))
        assert "what is served is the fold of what is stored" in audit(running)[1]


def test_workers_that_do_not_confirm_what_they_decided_ahead_lose_each_others_changes(servers: Servers) -> None:
    with stream(servers, partitions=2) as running:
        two_at_the_same_customer(running, naive(running, "no_confirming"))
        assert "what is served is the fold of what is stored" in audit(running)[1]


def test_a_zombie_that_nothing_fences_writes(servers: Servers) -> None:
    with stream(servers) as running:
        zombie = frozen_in_a_transaction(running, naive(running, "no_fence"), STAGED)
        zombie.child.thaw()
        repeated = "select count(*) - count(distinct key) from portrait.events"
        running.until(lambda: running.rows(repeated) != [(0,)], 30, what="a zombie that writes")
        assert "no event is stored twice" in audit(running)[1]
