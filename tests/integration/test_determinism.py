"""The same events, in any order, repeated, in batches and partitions of any number, by any number of workers: one hash.

`tests/property/test_apply.py` states the law for the pure part, over thousands of stories. Here Kafka, PostgreSQL and the workers
take part, at the corners of the matrix.
"""

from __future__ import annotations

import random

import pytest

from processors.prepare import prepare
from schemas.rejected import Rejected
from tests.crash.load import deliveries, send
from tests.crash.oracle import REFERENCE, check, expected_hash
from tests.crash.stream import NOW, Servers, stream

pytestmark = pytest.mark.integration

EVENTS = 240
LOG = deliveries(EVENTS, seed=5)


def hash_of_the_events() -> str:
    """What every run must come to, from the events alone."""
    outcomes = [prepare(each.value, origin="", received_ms=NOW, reference=REFERENCE) for each in LOG]
    once = {outcome.key: outcome for outcome in outcomes if not isinstance(outcome, Rejected)}
    return expected_hash(list(once.values()))


@pytest.mark.parametrize(
    ("partitions", "workers", "batch"),
    [(1, 1, 1), (1, 1, 500), (3, 1, 7), (3, 3, 500), (8, 3, 7), (8, 1, 500)],
)
def test_the_same_events_give_the_same_store(servers: Servers, partitions: int, workers: int, batch: int) -> None:
    chance = random.Random(f"{partitions} {workers} {batch}")
    log = [*LOG, *chance.sample(LOG, len(LOG) // 5)]
    chance.shuffle(log)
    with stream(servers, partitions) as running:
        if batch < 100:
            send(running.kafka, log)  # a backlog: so batches are as large as they may be, and no larger
        started = [
            running.worker(PORTRAIT_BATCH_EVENTS=str(batch), PORTRAIT_FETCH_RECORDS=str(batch)) for _ in range(workers)
        ]
        running.until(lambda: all("reading" in each.log for each in started), 30, what="workers that all read")
        if batch >= 100:
            send(running.kafka, log)
        running.drain()
        books = check(running, LOG)
        assert books.received == len(log)
        assert books.hash == hash_of_the_events()
        assert [each.codes for each in started] == [[]] * workers
