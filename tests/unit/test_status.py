"""The books and the lag: what `status` makes of what the store and Kafka tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ops.local.home import COLLECTOR_URL, Home
from ops.offsets import Log
from ops.spool import Spool
from ops.status import Balance, Reading, Report, Store, balance, report

STORE = Store(
    positions={("events.web", 0): (100, 100), ("events.web", 1): (0, 0), ("events.valid", 0): (0, 950)},
    stored=900,
    duplicate=50,
    rejected=30,
    at_the_door=20,
    unreadable=3,
    outbox=0,
)
LOGS = {
    ("events.web", 0): Log(150, 700),  # 50 of those received have expired since
    ("events.web", 1): Log(0, 360),
    ("events.valid", 0): Log(0, 950),
}
READING = Reading("events.web", 0, 700, 700, 0, 0.0)
REPORT = Report(None, (), (READING,), balance(STORE, LOGS), outbox=0, unreadable=3, problems=())


def test_received_is_what_stands_in_the_raw_logs_since_the_beginning_and_what_the_door_refused() -> None:
    assert balance(STORE, LOGS) == Balance(received=980, stored=900, duplicate=50, rejected=30, suppressed=0)
    assert balance(STORE, LOGS).balanced


def test_a_partition_that_nobody_began_to_read_counts_from_what_is_kept_of_it() -> None:
    assert balance(STORE, {**LOGS, ("events.social", 0): Log(5, 8)}).received == 983


def test_the_books_do_not_balance_when_one_event_is_missing_or_counted_twice() -> None:
    assert not replace(balance(STORE, LOGS), stored=899).balanced
    assert not replace(balance(STORE, LOGS), duplicate=51).balanced


def test_caught_up_is_when_nothing_waits_anywhere_and_somebody_could_tell() -> None:
    assert REPORT.caught_up
    assert not replace(REPORT, readings=(READING, replace(READING, partition=1, lag_events=1))).caught_up
    assert not replace(REPORT, outbox=1).caught_up
    assert not replace(REPORT, readings=()).caught_up
    assert not replace(REPORT, outbox=None).caught_up


SPOOL = Spool(records=40, size_bytes=30_000, limit_bytes=100_000, oldest_seconds=12.5, aside_files=0, aside_bytes=0)


def test_what_is_in_the_spool_has_yet_to_come() -> None:
    assert not replace(REPORT, spool=SPOOL).caught_up
    assert replace(REPORT, spool=replace(SPOOL, records=0)).caught_up
    assert REPORT.as_json()["spool"] is None
    assert replace(REPORT, spool=SPOOL).as_json()["spool"] == {
        "records": 40,
        "size_bytes": 30_000,
        "limit_bytes": 100_000,
        "oldest_seconds": 12.5,
        "aside_files": 0,
        "aside_bytes": 0,
    }


def test_while_the_collector_does_not_answer_its_spool_may_hold_anything(tmp_path: Path) -> None:
    told = report(Home.open(tmp_path), {COLLECTOR_URL: "http://127.0.0.1:1"})
    assert told.problems[0].startswith("the collector at http://127.0.0.1:1 does not answer: ")
    assert (told.silent, told.spool) == (True, None)
    assert not report(Home.open(tmp_path), {}).silent
    assert not replace(REPORT, silent=True).caught_up


def test_a_spool_that_needs_a_person_says_so() -> None:
    assert SPOOL.problems == []
    assert replace(SPOOL, size_bytes=81_000, aside_files=2, aside_bytes=4_000).problems == [
        "the spool has set 2 file(s) aside; see docs/operating.md",
        "the spool is 85 % full; see docs/operating.md",
    ]


def test_json_has_the_names_that_programs_rely_on() -> None:
    told = REPORT.as_json()
    assert told["caught_up"] is True
    assert told["processes"] == []
    assert told["balance"] == {
        "received": 980,
        "stored": 900,
        "duplicate": 50,
        "rejected": 30,
        "suppressed": 0,
        "balanced": True,
    }
    assert told["partitions"] == [
        {"topic": "events.web", "partition": 0, "position": 700, "end": 700, "lag_events": 0, "lag_seconds": 0.0}
    ]
