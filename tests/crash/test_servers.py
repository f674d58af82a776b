"""Collector, relay, Kafka and PostgreSQL are killed under load and come back: what was accepted is there, once."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ops.local.home import LOOPBACK
from ops.spool import CollectorSilent, read_spool
from producers.keys.changes import add_source
from schemas.profile import decode_profile, decode_segment_change
from schemas.topics import PROFILES, SEGMENT_CHANGES
from tests.crash.load import deliveries, load, posted
from tests.crash.oracle import check
from tests.crash.stream import Post, Servers, Stream, stream
from tests.topic_reader import records

pytestmark = [
    pytest.mark.crash,
    pytest.mark.integration,
    # kafka-python leaves the socket of a refused connection to the garbage collector, which complains of it.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]

LOG = deliveries(1_500)
OUTAGE = 12.0


def published(running: Stream) -> bool:
    """Whether the relay has nothing left to do."""
    return running.rows("select count(*) from portrait.outbox") == [(0,)]


def start_collector(running: Stream, home: Path) -> tuple[Post, str, str]:
    """A collector, its address, and a key to it."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    key = add_source(home / "keys.yaml", "crash")
    return running.collector(home / "keys.yaml", port), f"http://{LOOPBACK}:{port}", key


def test_a_collector_that_is_killed_loses_nothing_that_it_answered_for(servers: Servers, tmp_path: Path) -> None:
    with stream(servers) as running:
        running.worker()
        collector, url, key = start_collector(running, tmp_path)
        with posted(url, key, LOG, seconds=4) as load_:
            for _ in range(2):
                half_of_the_rest = load_.sent + (len(load_.log) - load_.sent) // 2
                running.until(lambda much=half_of_the_rest: load_.sent >= much, 30)  # type: ignore[misc]
                collector.child.kill()
            running.until(lambda: load_.done)
        running.drain()
        books = check(running, load_.log)
        assert collector.codes == ["SIGKILL", "SIGKILL"]
        assert books.at_the_door >= load_.refused > 0


def test_a_relay_that_is_killed_after_sending_sends_again(servers: Servers) -> None:
    with stream(servers) as running:
        running.worker()
        relay = running.relay(crash_at="relay_sent:3")
        with load(running.kafka, LOG, seconds=2) as load_:
            running.until(lambda: relay.codes and load_.done)
        running.drain()
        running.until(lambda: published(running))
        check(running, LOG)
        assert relay.codes == ["SIGKILL"]
        assert told(running) == served(running)


def spooled(url: str) -> int | None:
    """How many records wait in the collector's spool; None while the collector does not answer."""
    try:
        told = read_spool(url)
    except CollectorSilent:
        return None
    return None if told is None else told.records


def test_kafka_may_be_killed_and_be_away_for_a_while_and_the_collector_killed_meanwhile(
    servers: Servers, tmp_path: Path
) -> None:
    with stream(servers) as running:
        running.worker()
        collector, url, key = start_collector(running, tmp_path)
        running.relay()
        with posted(url, key, LOG, seconds=4) as load_:
            running.until(lambda: load_.sent > len(load_.log) / 3, 30)
            servers.kafka.kill()
            running.until(lambda: (spooled(url) or 0) > 100, 30, what="records in the spool")
            collector.child.kill()
            running.tend(OUTAGE)
            assert load_.done, "the spool takes what Kafka does not"
            assert spooled(url)
            servers.kafka.start()
            servers.kafka.wait_ready()
        running.until(lambda: spooled(url) == 0, what="an empty spool")
        running.drain()
        running.until(lambda: published(running))
        books = check(running, load_.log)
        assert told(running) == served(running)
        assert collector.codes == ["SIGKILL"]
        assert books.at_the_door >= load_.refused > 0


def test_postgresql_may_be_killed_and_be_away_for_a_while(servers: Servers) -> None:
    with stream(servers) as running:
        worker = running.worker()
        running.relay()
        with load(running.kafka, LOG, seconds=4) as load_:
            running.until(lambda: load_.sent > len(LOG) / 3 and stored(running) > 0, 30)
            servers.postgres.kill()
            running.tend(OUTAGE)
            servers.postgres.start()
            servers.postgres.wait_ready()
            running.until(lambda: load_.done)
        running.drain()
        running.until(lambda: published(running))
        check(running, LOG)
        assert worker.codes == []
        assert told(running) == served(running)


def test_a_worker_can_be_stopped_while_postgresql_is_away(servers: Servers) -> None:
    with stream(servers) as running:
        worker = running.worker()
        with load(running.kafka, LOG, seconds=3) as load_:
            running.until(lambda: load_.sent > len(LOG) / 3 and stored(running) > 0, 30)
            servers.postgres.kill()
            running.tend(3)
            worker.end()
            ended = worker.child.ending()
            servers.postgres.start()
            servers.postgres.wait_ready()
            running.worker()
            running.until(lambda: load_.done)
        assert ended == "exit 0", worker.log
        running.drain()
        check(running, LOG)


def stored(running: Stream) -> int:
    return int(running.rows("select count(*) from portrait.events")[0][0])


Told = tuple[dict[str, tuple[int, int] | None], set[str]]
"""Of each customer ever published the version and the number of events, None when it ended; and all segment changes."""


def told(running: Stream) -> Told:
    """What topics `profiles` and `segment-changes` say in the end."""
    latest: dict[str, tuple[int, int] | None] = {}
    for record in records(running.kafka, PROFILES):
        profile = decode_profile(record.value) if record.value is not None else None
        latest[record.key.decode()] = (profile.version, profile.events) if profile else None
    changes = {decode_segment_change(record.value).change_id for record in records(running.kafka, SEGMENT_CHANGES)}
    return latest, {change.rpartition("/")[2] for change in changes}


def served(running: Stream) -> Told:
    """The same, as PostgreSQL has it. (A customer that ended before the relay came to it is told of as ended, too.)"""
    living = running.rows("select id::text, version, events from portrait.customers")
    ended = running.rows("select alias_id::text from portrait.aliases")
    changes = running.rows("select id::text from portrait.segment_changes")
    versions = {customer: (version, events) for customer, version, events in living}
    return {**versions, **dict.fromkeys(customer for (customer,) in ended)}, {change for (change,) in changes}
