"""Workers are killed, frozen, joined and left under load; nothing is lost and nothing counts twice."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.faults import (
    STAGED,
    contents,
    frozen_in_a_transaction,
    killed_after_sending,
    killed_while_kafka_is_ahead,
    two_at_the_same_customer,
)
from tests.crash.load import deliveries, load, send
from tests.crash.oracle import check
from tests.crash.stream import Servers, stream

pytestmark = [pytest.mark.crash, pytest.mark.integration]

POINTS = (
    "fetched:5",
    "taken:5",
    "confirmed:3",
    "inserted:3",
    "before_commit:4",
    "after_commit:3",
    "resettled:1",
    "assignment:1",
)
LOG = deliveries(1_500)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_at_any_point_leaves_nothing_out_and_counts_nothing_twice(
    servers: Servers, point: str
) -> None:
    with stream(servers) as running:
        worker = running.worker(crash_at=point, PORTRAIT_BATCH_EVENTS="200", PORTRAIT_FETCH_RECORDS="100")
        with load(running.kafka, LOG, seconds=2) as under_way:
            running.until(lambda: worker.codes, 30, what=f"the crash at {point}")
            running.expel_the_dead()
            running.until(lambda: under_way.done)
        running.drain()
        assert check(running, LOG).received == len(LOG)
        assert worker.codes == ["SIGKILL"]


@pytest.mark.parametrize("point", ["marked:1", "resettled:1"])
def test_what_a_worker_left_unsettled_when_it_died_is_settled_by_the_next_one(servers: Servers, point: str) -> None:
    with stream(servers) as running:
        send(running.kafka, LOG)
        worker = running.worker(crash_at=point)
        worker.supervised = False
        running.until(lambda: not worker.child.alive(), 30, what=f"the crash at {point}")
        assert running.unsettled() > 0
        assert running.rows("select count(*) from portrait.links where refused is not null") == [(0,)]
        running.expel_the_dead()
        worker.supervised = True
        running.drain()
        check(running, LOG)
        assert running.rows("select count(*) from portrait.links where refused is not null") > [(20,)]
        assert worker.codes == ["SIGKILL"]


def test_kafkas_committed_offset_may_be_ahead_of_the_store_when_the_worker_dies(servers: Servers) -> None:
    with stream(servers) as running:
        killed_while_kafka_is_ahead(running, running.worker, STAGED)
        check(running, STAGED)


def test_clean_events_that_are_sent_a_second_time_count_once(servers: Servers) -> None:
    with stream(servers) as running:
        killed_after_sending(running, running.worker, STAGED)
        check(running, STAGED)


def test_two_workers_that_meet_at_one_customer_lose_nothing_of_each_other(servers: Servers) -> None:
    with stream(servers, partitions=2) as running:
        check(running, two_at_the_same_customer(running, running.worker))


def test_a_worker_that_was_frozen_past_its_session_writes_nothing_when_it_wakes_up(servers: Servers) -> None:
    with stream(servers) as running:
        before, after = STAGED[: len(STAGED) * 2 // 3], STAGED[len(STAGED) * 2 // 3 :]
        zombie = frozen_in_a_transaction(running, running.worker, before)
        written, joined = contents(running), zombie.log.count(_JOINED)
        zombie.child.thaw()
        running.until(
            lambda: any(said in zombie.log for said in _FENCED) and zombie.log.count(_JOINED) > joined,
            30,
            what="a zombie that is fenced",
        )
        running.drain()
        assert contents(running) == written
        send(running.kafka, after)
        running.drain()
        assert zombie.codes == []
        check(running, STAGED)


_FENCED = ("could not be written as it was decided", "the store could not do it now")
_JOINED = "Setting newly assigned partitions"


@pytest.mark.parametrize("seed", range(1, 1 + int(os.environ.get("PORTRAIT_CRASH_SEEDS", "3"))))
def test_workers_that_come_and_go_all_the_time_do_no_harm(servers: Servers, seed: int) -> None:
    chance = random.Random(seed)
    with stream(servers) as running:
        at_work = [running.worker(), running.worker()]
        with load(running.kafka, LOG, seconds=10) as under_way:
            while not under_way.done:
                running.tend(chance.uniform(0.5, 1.5))
                what = chance.choice(["joins", "leaves", "dies", "is frozen"])
                if what == "joins" or len(at_work) < 2:
                    if len(at_work) < 3:
                        at_work.append(running.worker())
                    continue
                worker = at_work.pop(chance.randrange(len(at_work)))
                if what == "leaves":
                    worker.end()
                elif what == "dies":
                    worker.kill()
                else:
                    worker.child.freeze()
                    running.tend(1.0)
                    worker.child.thaw()
                    at_work.append(worker)
        running.drain()
        assert check(running, LOG).received == len(LOG)
