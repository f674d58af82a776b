"""A worker that nobody touches: what ends by time alone ends when it should; segments that are added reach everybody."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.crash.load import Raw, send
from tests.crash.stream import Servers, stream

pytestmark = pytest.mark.integration

SOON_MS = 4_000
MONTH_MS = 31 * 24 * 60 * 60 * 1000


def purchase(at: int, number: int = 1) -> Raw:
    """A purchase at Unix ms `at`, of customer `number`."""
    event = {
        "specversion": "1.0",
        "id": f"{number}",
        "source": "/till",
        "type": "loyalty.card_scanned.v1",
        "time": datetime.fromtimestamp(at / 1000, UTC).isoformat(),
        "data": {
            "customer": {"card_no": f"{8400 + number}"},
            "store_id": "HCM-01",
            "basket": {"id": f"{number}", "total": {"amount": "50000", "currency": "VND"}},
        },
    }
    return Raw("events.loyalty", b"card_no:%d" % (8400 + number), json.dumps(event).encode())


def test_a_segment_is_left_soon_after_its_time_is_over_and_not_before(servers: Servers) -> None:
    with stream(servers) as running:
        running.worker(PORTRAIT_NOW_MS="")
        running.until(lambda: running.rows("select 1 from portrait.sweeps where finished_at is not null"), 30)
        over = time.time_ns() // 1_000_000 + SOON_MS  # a month after this purchase its customer is new no more
        send(running.kafka, [purchase(over - MONTH_MS)])
        at = "floor(extract(epoch from at) * 1000)::bigint"
        changes = f"select segment, action, {at} from crm.segment_changes where family = 'lifecycle' order by change_id"
        running.until(lambda: len(running.rows(changes)) == 3, 30, what="a customer who is new no more")
        told = running.rows(changes)
        assert [each[:2] for each in told] == [("new", "entered"), ("new", "left"), ("current", "entered")]
        entered, left, current = (at for *_, at in told)
        print(f"left {left - over} ms after its time was over")
        assert entered < over <= left == current


OWN = """
family: own
about: Customers for whom there is a host.
version: 3
segments:
  - segment: {name}
    about: Bought for something.
    when: {when}
"""


def test_segments_that_are_added_reach_everybody_while_the_stream_goes_on(servers: Servers, tmp_path: Path) -> None:
    with stream(servers) as running:
        worker = running.worker(PORTRAIT_NOW_MS="", PORTRAIT_SEGMENTS=str(tmp_path))
        now = time.time_ns() // 1_000_000
        send(running.kafka, [purchase(now, number) for number in range(1, 21)])
        running.drain()
        pid = worker.child.pid
        rows = "select segment, backfill, rule_version, count(*) from crm.segment_changes where family = 'own' group by 1, 2, 3"
        assert running.rows(rows) == []

        (tmp_path / "own.yaml").write_text(OWN.format(name="guest", when="revenue > 0"), "utf-8")
        sent = 21

        def all_of_them() -> bool:
            nonlocal sent
            send(running.kafka, [purchase(now, sent)])
            sent += 1
            members = running.rows("select count(*) from crm.customer_segments where segment = 'guest'")
            return members == running.rows("select count(*) from crm.customers") and bool(running.rows(rows))

        running.until(all_of_them, 60, what="a segment that everybody is in")
        running.drain()
        told = {backfill: count for segment, backfill, version, count in running.rows(rows)}
        assert told[True] >= 20, "who was there before did nothing just now"
        assert sum(told.values()) == sent - 1, "one change each"

        (tmp_path / "own.yaml").write_text(OWN.format(name="host", when="revenu > 0"), "utf-8")
        failing = "select message from portrait.segment_failures"
        running.until(lambda: running.rows(failing), 30, what="files that cannot be used")
        assert running.rows(failing) == [(f"{tmp_path}/own.yaml:8: host: there is no field revenu; is revenue meant?",)]
        send(running.kafka, [purchase(now, sent)])
        running.drain()
        assert sum(count for *_, count in running.rows(rows)) == sent, "by the rules of before"

        (tmp_path / "own.yaml").write_text(OWN.format(name="host", when="revenue > 0 "), "utf-8")
        hosts = "select count(*) from crm.customer_segments where segment = 'host'"
        running.until(lambda: running.rows(hosts) == [(sent,)], 30, what="a segment of another name")
        assert running.rows(failing) == []
        assert running.rows("select count(*) from crm.customer_segments where segment = 'guest'") == [(0,)]
        assert (worker.child.pid, worker.codes) == (pid, [])


def test_who_was_decided_by_the_rules_of_before_is_seen_to_when_no_worker_goes_by_them_any_more(
    servers: Servers, tmp_path: Path
) -> None:
    customers, guests = (
        "select count(*) from crm.customers",
        ("select count(*) from crm.customer_segments where segment = 'guest'"),
    )
    (tmp_path / "own.yaml").write_text(OWN.format(name="guest", when="revenue > 0"), "utf-8")
    with stream(servers) as running:
        of_before = running.worker(PORTRAIT_NOW_MS="")
        now, sent = time.time_ns() // 1_000_000, 20
        send(running.kafka, [purchase(now, number) for number in range(sent)])
        running.drain()
        running.worker(PORTRAIT_NOW_MS="", PORTRAIT_SEGMENTS=str(tmp_path))
        running.until(lambda: running.rows(guests) != [(0,)], 60, what="a worker that goes by new rules")

        def decided_by_those_of_before() -> bool:
            nonlocal sent
            send(running.kafka, [purchase(now, sent)])
            sent += 1
            newest = "select finished_at is not null from portrait.sweeps order by begun_at desc limit 1"
            return running.rows(newest) == [(True,)] and running.rows(guests) < running.rows(customers)

        running.until(decided_by_those_of_before, 60, what="a customer who came by the worker of before")
        of_before.end()
        running.until(
            lambda: running.rows(guests) == running.rows(customers) == [(sent,)], 60, what="all of them as guests"
        )
