"""A worker as a process: what it does with events, with bad settings, with signals, errors and lost connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kafka.admin import OffsetSpec

from processors.app import Progress
from schemas.topics import RAW_NAMES
from sinks.store import Partition
from tests.crash.load import Raw, deliveries, load, send
from tests.crash.oracle import check
from tests.crash.stream import Servers, asking, offsets, stream
from tests.payloads import encoded, event

pytestmark = pytest.mark.integration

LOG = deliveries(400, seed=11)


def raw(kind: str, id_: str, customer: dict[str, str]) -> Raw:
    """One delivery of this type by this customer."""
    told = event(kind, id=id_)
    told["data"]["customer"] |= customer
    return Raw(f"events.{kind.partition('.')[0]}", b"k", encoded(told))


def test_what_one_customer_does_on_three_channels_becomes_one_row(servers: Servers) -> None:
    with stream(servers) as running:
        running.worker()
        log = [
            raw("loyalty.card_scanned.v1", "e-1", {"card_no": "VN1"}),
            raw("social.interacted.v1", "e-2", {"facebook_id": "1000123"}),
            raw("web.form_submitted.v1", "e-3", {"card_no": "VN1", "facebook_id": "1000123"}),
        ]
        send(running.kafka, log)
        running.drain()
        check(running, log)
        rows = running.rows("select events, orders, revenue, points, email, phone, preferred_store from crm.customers")
        assert rows == [(3, 2, 140_000, 75, "an.nguyen@gmail.com", "+84901234567", "hcm-01")]


def test_a_worker_that_is_asked_to_end_ends_and_another_one_goes_on(servers: Servers) -> None:
    with stream(servers) as running:
        first = running.worker()
        with load(running.kafka, LOG, seconds=2) as under_way:
            running.until(lambda: under_way.sent > len(LOG) / 2 and running.rows("select from portrait.events limit 1"))
            first.end()
            assert first.child.ending() == "exit 0", first.log
            running.worker()
            running.until(lambda: under_way.done)
        running.drain()
        check(running, LOG)


def test_connections_that_are_cut_in_the_middle_of_it_do_no_harm(servers: Servers) -> None:
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'portrait-worker'"
    with stream(servers) as running:
        worker = running.worker(PORTRAIT_BATCH_EVENTS="20", PORTRAIT_FETCH_RECORDS="20")
        cuts = 0
        with load(running.kafka, LOG, seconds=3) as under_way:
            while not under_way.done:
                cuts += len(running.rows(cut))
                running.tend(0.2)
        running.drain()
        check(running, LOG)
        assert cuts > 0
        assert worker.codes == []


def test_an_error_that_nobody_foresaw_ends_the_worker_before_it_acknowledges_anything(servers: Servers) -> None:
    with stream(servers, partitions=1) as running, asking(running.kafka) as admin:
        send(running.kafka, LOG)
        broken = running.worker("", "tests.crash.naive", "stumbling")
        running.until(lambda: len(broken.codes) >= 2, 40, what="a worker that ends each time")
        broken.kill()
        assert set(broken.codes) == {"exit 70"}
        assert "nobody foresaw this" in broken.log
        committed, ends = running.committed(admin), offsets(admin, RAW_NAMES, OffsetSpec.LATEST)
        assert [place for place, end in ends.items() if committed.get(place, 0) < end]
        running.expel_the_dead()
        running.worker()
        running.drain()
        check(running, LOG)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "worker: set PORTRAIT_KAFKA to the address of Kafka, host:port"),
        ({"PORTRAIT_KAFKA": "127.0.0.1:9"}, "worker: set PORTRAIT_DATABASE_URL to the address of PostgreSQL"),
        (
            {
                "PORTRAIT_KAFKA": "127.0.0.1:9",
                "PORTRAIT_DATABASE_URL": "postgresql://",
                "PORTRAIT_BATCH_EVENTS": "many",
            },
            "worker: PORTRAIT_BATCH_EVENTS='many' is not a number",
        ),
    ],
)
def test_a_worker_with_bad_settings_says_which_and_does_not_start(settings: dict[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "processors.app"],
        cwd=Path(__file__).parents[2],
        env={"PATH": "/usr/bin:/bin", **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr.startswith(said)) == (1, True), ended.stderr


def test_standing_still_is_counted_from_the_last_advance_and_only_with_records_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instants = iter([0, 10, 20, 30, 45, 50, 90])
    monkeypatch.setattr("processors.app.time.monotonic", lambda: float(next(instants)))
    progress, place = Progress(), Partition("events.valid", 0)
    looks = [(None, 5), (None, 5), (1, 4), (1, 4), (1, 9), (10, 0), (10, 0)]
    assert [progress.seconds(place, at, lag) for at, lag in looks] == [0, 10, 0, 10, 25, 0, 0]
