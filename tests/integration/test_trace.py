"""Where an event is: asked of the real servers while it is in each place that it can be in."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from ops.local.records import wait_until
from ops.sql import _statement, reading, rows
from producers.keys.changes import add_source
from sinks.postgres.migrate import migrate
from tests.crash.stream import Servers, Stream, stream
from tests.integration.running_collector import RunningCollector, free_port, running_collector, wait_for
from tests.integration.shop import ask
from tests.system.command import Portrait, form, scan

pytestmark = pytest.mark.integration

RAW_PLACE, VALID_PLACE = r"events\.(web|loyalty)/\d+/\d+", r"events\.valid/\d+/\d+"


@dataclass(frozen=True)
class Shop:
    """A stream without a worker yet, a collector before it, and the command that looks at both."""

    stream: Stream
    collector: RunningCollector
    portrait: Portrait

    def send(self, *events: dict[str, Any]) -> None:
        with self.collector.http() as http:
            assert http.post("/v1/events", json=list(events)).status_code == 200

    def trace(self, event_id: str, *more: str, code: int = 0) -> dict[str, Any]:
        told: dict[str, Any] = self.portrait.ask("trace", event_id, *more, code=code)
        return told


@contextmanager
def shop(servers: Servers, home: Path) -> Iterator[Shop]:
    with stream(servers, partitions=2) as running, running_collector(running.kafka, home) as collector:
        given = {
            "PORTRAIT_KAFKA": running.kafka,
            "PORTRAIT_DATABASE_URL": running.url,
            "PORTRAIT_GROUP": running.group,
            "PORTRAIT_COLLECTOR_URL": collector.url,
            "PORTRAIT_KEYS": str(collector.keys),
        }
        yield Shop(running, collector, Portrait(home / "portrait", given))


def only(told: dict[str, Any]) -> dict[str, Any]:
    (event,) = told["events"]
    return dict(event)


def steps(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["what"], step["place"]) for step in event["steps"]]


def test_an_event_is_told_of_from_kafka_to_its_customer_with_its_duplicates(servers: Servers, tmp_path: Path) -> None:
    with shop(servers, tmp_path) as running:
        assert running.trace("scan-1", code=1) | {"searched": []} == {
            "id": "scan-1",
            "found": False,
            "complete": True,
            "events": [],
            "searched": [],
            "unasked": [],
        }
        running.send(scan(1, card="844"))
        published = only(running.trace("scan-1"))
        assert (published["state"], published["source"], published["customer"]) == ("published", "/test/till", None)
        ((what, place),) = steps(published)
        assert what == "received by Kafka"
        assert re.fullmatch(RAW_PLACE, place)

        running.stream.worker()
        running.stream.drain()
        stored = only(running.trace("scan-1"))
        ((customer,),) = running.stream.rows("select id::text from portrait.customers")
        assert (stored["state"], stored["customer"], stored["duplicates"]) == ("stored", customer, 0)
        assert stored["type"] == "loyalty.card_scanned.v1"
        assert stored["happened_at"] == "2026-11-01T10:00:00+00:00"
        assert steps(stored) == [("received by Kafka", place), (f"stored, from {place}", "portrait.events")]
        assert all(step["at"] for step in stored["steps"])

        running.send(scan(1, card="844"))
        running.stream.drain()
        again = only(running.trace("scan-1", "--source", "/test/till"))
        assert again["duplicates"] == 1
        assert steps(again)[:2] == steps(stored)
        repeated, where = steps(again)[2]
        assert repeated == f"received once more: a duplicate of {place}"
        assert re.fullmatch(RAW_PLACE, where)
        assert where != place
        assert running.trace("scan-1", "--source", "/test/web", code=1)["events"] == []


def test_the_customer_is_the_one_that_it_belongs_to_after_merging(servers: Servers, tmp_path: Path) -> None:
    with shop(servers, tmp_path) as running:
        running.stream.worker()
        running.send(form(1, email="an@example.vn"))
        running.stream.drain()
        first = only(running.trace("form-1"))["customer"]
        running.send(form(2, card_no="844"))
        running.stream.drain()
        second = only(running.trace("form-2"))["customer"]
        running.send(form(3, email="an@example.vn", card_no="844"))
        running.stream.drain()
        assert first != second
        assert {only(running.trace(f"form-{n}"))["customer"] for n in (1, 2, 3)} == {first}


def test_a_rejected_event_is_told_of_with_the_reason_before_and_after_it_is_in_the_store(
    servers: Servers, tmp_path: Path
) -> None:
    with shop(servers, tmp_path) as running:
        running.send(form(7) | {"type": "web.form_submited.v1"})
        waiting = only(running.trace("form-7"))
        running.stream.worker()
        running.stream.drain()
        stored = only(running.trace("form-7"))
        assert [waiting["state"], stored["state"]] == ["rejected", "rejected"]
        ((before, place),), ((after, origin),) = steps(waiting), steps(stored)
        assert re.match(r"rejected: unknown_type at \$\.type: ", before)
        assert (before, after) == (after, before)
        assert re.fullmatch(r"events\.rejected/\d+/\d+", place)
        assert origin.startswith("collector/")


def test_two_sources_may_use_one_id(servers: Servers, tmp_path: Path) -> None:
    with shop(servers, tmp_path) as running:
        running.stream.worker()
        running.send(scan(1), form(9) | {"type": "unknown.v1", "id": "scan-1"})
        running.stream.drain()
        told = running.trace("scan-1")
        assert [(each["source"], each["state"]) for each in told["events"]] == [
            ("/test/till", "stored"),
            ("/test/web", "rejected"),
        ]


def test_while_kafka_is_away_it_is_in_the_spool_and_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    with running_collector(f"127.0.0.1:{free_port()}", tmp_path, connected=False) as collector:
        key = add_source(collector.keys, "support", traces=True)
        with collector.http() as http:
            answered = http.post("/v1/events", json=[form(1, email="an@example.vn"), form(2) | {"type": "unknown.v1"}])
            assert answered.json()["spooled"] is True
            assert http.get("/v1/spool", params={"id": "form-1"}).status_code == 401, "a key that sends does not ask"
        given = {"PORTRAIT_COLLECTOR_URL": collector.url, "PORTRAIT_KEYS": str(collector.keys)}
        here = Portrait(tmp_path / "here", given)
        event = only(told := here.ask("trace", "form-1"))
        assert (event["state"], event["source"]) == ("spooled", "/test/web")
        assert steps(event) == [("received with the key of tests; kept in the spool", str(tmp_path / "spool"))]
        assert [each.partition(":")[0] for each in told["unasked"]] == ["Kafka", "the store"]
        assert not told["complete"]
        refused = only(here.ask("trace", "form-2"))
        assert (refused["state"], steps(refused)[0][0]) == (
            "rejected",
            "received with the key of tests, and refused: unknown_type; kept in the spool",
        )
        assert here.ask("trace", "form-3", code=3)["found"] is False

        elsewhere = {"PORTRAIT_COLLECTOR_URL": collector.url, "PORTRAIT_SPOOL": "off"}
        unasked = Portrait(tmp_path / "there", elsewhere).ask("trace", "form-1", code=3)["unasked"]
        assert "which holds 2 records: give a key that traces in PORTRAIT_TRACE_KEY" in unasked[0]
        wait_for(collector, "/health")
        there = Portrait(tmp_path / "there", elsewhere | {"PORTRAIT_TRACE_KEY": key}).ask("trace", "form-1")
        assert steps(only(there)) == [
            ("received with the key of tests; kept in the spool", f"collector {collector.url}")
        ]
        with collector.http() as http:
            http.headers.update({"Authorization": f"Bearer {key}"})
            asked = [http.get("/v1/spool", params={"id": "form-1", "seconds": each}) for each in ("nan", "1e9", "x")]
            assert [each.status_code for each in asked] == [200, 200, 400]
            assert [len(each.json()[0]) for each in asked[:2]] == [1, 1]
        both = Portrait(tmp_path / "here", given | {"PORTRAIT_TRACE_KEY": key}).ask("trace", "form-1")
        assert steps(only(both)) == steps(event), "the directory that was read is that of the collector that was asked"
        with serving(Portrait(tmp_path / "there", elsewhere | {"PORTRAIT_KEYS": str(collector.keys)})) as url:
            asking = {"Authorization": f"Bearer {key}"}
            told = httpx.get(f"{url}/v1/events/form-1", headers=asking, timeout=20).json()
            assert steps(only(told)) == [(steps(event)[0][0], "the spool of the collector")]
        wrong = elsewhere | {"PORTRAIT_TRACE_KEY": collector.key}
        unasked = Portrait(tmp_path / "there", wrong).ask("trace", "form-1", code=3)["unasked"]
        assert "does not know this key as one that traces" in unasked[0]


def test_of_several_collectors_each_spool_is_looked_at_and_one_that_is_silent_is_said(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        running_collector(nowhere, tmp_path / "one", connected=False) as one,
        running_collector(
            nowhere,
            tmp_path / "two",
            connected=False,
            PORTRAIT_KEYS=str(one.keys),
            PORTRAIT_SPOOL=str(tmp_path / "two" / "spool"),
        ) as two,
    ):
        support = add_source(one.keys, "support", traces=True)
        for number, collector in enumerate((one, two), 1):
            told = form(number, email=f"an{number}@example.vn")
            own = {"Authorization": f"Bearer {one.key}"}
            assert (
                httpx.post(f"{collector.url}/v1/events", json=told, headers=own, timeout=20).json()["spooled"] is True
            )
            assert wait_until(partial(_knows, collector.url, support), 10)
        given = {
            "PORTRAIT_COLLECTORS": f" {one.url} ,{two.url},",
            "PORTRAIT_COLLECTOR_URL": one.url,
            "PORTRAIT_SPOOL": "off",
            "PORTRAIT_TRACE_KEY": support,
        }
        office = Portrait(tmp_path / "office", given)
        for number, collector in enumerate((one, two), 1):
            event = only(office.ask("trace", f"form-{number}"))
            assert (event["state"], steps(event)[0][1]) == ("spooled", f"collector {collector.url}")
        assert office.ask("status")["spool"]["records"] == 2

        silent = f"http://127.0.0.1:{free_port()}"
        given["PORTRAIT_COLLECTORS"] += silent
        told = Portrait(tmp_path / "office", given).ask("trace", "form-3", code=3)
        assert f"the spool of the collector at {silent}" in told["unasked"][0]
        assert [each for each in told["searched"] if one.url in each or two.url in each] == told["searched"]
        assert len(told["searched"]) == 2

        here = given | {"PORTRAIT_SPOOL": str(tmp_path / "one" / "spool")}
        found = only(Portrait(tmp_path / "office", here).ask("trace", "form-2"))
        assert steps(found)[0][1] == f"collector {two.url}"
        assert any(silent in each for each in Portrait(tmp_path / "office", here).ask("trace", "form-1")["unasked"])


def test_more_than_is_looked_through_is_said_and_found_when_more_is_asked_for(servers: Servers, tmp_path: Path) -> None:
    with shop(servers, tmp_path) as running:
        for start in range(0, 2000, 500):
            running.send(*(scan(n, card="7") for n in range(start, start + 500)))
        told = running.trace("scan-0", "--most", "100", code=3)
        assert [re.sub(r"\d[\d,]*\d|\d", "N", each) for each in told["unasked"]] == [
            "events.loyalty/N, offsets N to N: more than was looked through"
        ] * len(told["unasked"])
        assert told["unasked"]
        assert only(running.trace("scan-1999", "--most", "100"))["state"] == "published"
        assert only(running.trace("scan-0"))["state"] == "published"


def test_a_portal_asks_over_http_with_a_key_that_traces(servers: Servers, tmp_path: Path) -> None:
    with shop(servers, tmp_path) as running:
        running.stream.worker()
        running.send(scan(1) | {"id": "till 4/7"}, form(1) | {"type": "unknown.v1"})
        running.send(scan(1) | {"id": "till 4/7"})
        running.stream.drain()
        key = add_source(running.collector.keys, "portal", traces=True)
        with serving(running.portrait) as url:
            own = {"Authorization": f"Bearer {key}"}
            answered = httpx.get(f"{url}/v1/events/till%204%2F7", headers=own, timeout=20)
            assert (answered.status_code, answered.json()["events"]) == (200, running.trace("till 4/7")["events"])
            told = httpx.get(f"{url}/metrics", timeout=20).text.splitlines()
            assert 'portrait_source_events_duplicate_total{source="/test/till"} 1.0' in told
            assert 'portrait_source_events_rejected_total{reason="unknown_type",source="/test/web"} 1.0' in told
            nobody = httpx.get(f"{url}/v1/events/nothing", headers=own, timeout=20).json()
            assert (nobody["found"], nobody["complete"]) == (False, True)
            for refused in ({}, {"Authorization": f"Bearer {running.collector.key}"}, {"Authorization": "Bearer x"}):
                answered = httpx.get(f"{url}/v1/events/x", headers=refused, timeout=20)
                assert (answered.status_code, answered.json()["code"]) == (401, "unauthorized")
            with running.collector.http() as http:
                http.headers.update(own)
                assert http.post("/v1/events", json=scan(2)).status_code == 401, "it sends nothing"


@contextmanager
def serving(portrait: Portrait) -> Iterator[str]:
    """The address of a `portrait serve`, which ends well when it is told to stop."""
    port = free_port()
    served = subprocess.Popen(
        portrait.argv("serve", "--port", str(port)),
        env=portrait.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: _alive(url), 20, every=0.1)
        yield url
    finally:
        served.terminate()
        assert served.wait(timeout=20) == 0


def _knows(collector: str, key: str) -> bool:
    asked = httpx.get(f"{collector}/v1/spool", params={"id": "x"}, headers={"Authorization": f"Bearer {key}"})
    return asked.status_code == 200


def _alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


FILLED = """
    insert into portrait.events (key, time, received_at, type, channel, source, id, origin, body)
    select md5(n::text)::uuid, now(), now(), 'web.form_submitted.v1', 'web', '/shop/' || n % 30, n, 'events.web/0/' || n, '{}'
    from generate_series(1, 20000) as n;
    insert into portrait.duplicates (origin, key)
    select 'events.web/1/' || n, md5(n::text)::uuid from generate_series(1, 20000) as n;
    insert into portrait.rejected (origin, reason, path, message, rejected_at, event_id, payload)
    select 'events.web/2/' || n, 'not_json', '$', '', now(), nullif(n, 7000), repeat('x', 1000)::bytea
    from generate_series(1, 20000) as n;
    insert into portrait.duplicates (origin, key)
    select 'events.web/3/' || n, md5((1 + n % 4 / 3)::text)::uuid from generate_series(1, 40) as n;
    analyze
"""


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        ("trace_sources", {"limit": 20_000}, "events_of_source"),
        ("trace_events", {"keys": ["0" * 32] * 30}, "events_pkey"),
        ("trace_duplicates", {"keys": ["0" * 32], "limit": 100}, "duplicates_of_event"),
        ("trace_letters", {"id": "7", "source": None, "limit": 100}, "rejected_of_event"),
        ("nameless_letters", {"limit": 10_000}, "rejected_nameless"),
    ],
)
def test_a_large_store_is_asked_by_index(filled: str, statement: str, parameters: dict[str, Any], index: str) -> None:
    with closing(psycopg2.connect(filled)) as opened, opened.cursor() as at:
        at.execute(f"explain {_statement(statement)}", parameters)
        plan = "\n".join(line for (line,) in at.fetchall())
    assert index in plan, plan
    assert re.findall(r"Seq Scan on (events|duplicates|rejected)", plan) == []


def test_many_duplicates_of_one_event_hide_none_of_another(filled: str) -> None:
    keys = [hashlib.md5(each).hexdigest() for each in (b"1", b"2")]
    with reading(filled) as at:
        found = rows(at, "trace_duplicates", keys=keys, limit=2)
        ((nameless,),) = rows(at, "nameless_letters", limit=10_000)
    assert sorted((key, times) for key, _, _, times in found) == sorted([(keys[0], 31)] * 2 + [(keys[1], 11)] * 2)
    assert nameless == 1


@pytest.fixture(scope="module")
def filled(new_database: Callable[[], str]) -> str:
    url = new_database()
    migrate(url)
    ask(url, FILLED)
    return url
