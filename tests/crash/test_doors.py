"""Whatever became of Kafka and of the collector's spool, what senders sent makes one and the same store.

Compared are the hash of `portrait verify` (of each customer the portrait, and the keys of its events, whatever the customer's
id), every stored event, and what was refused. Left out is what differs by nature. When an event was received, and its
offset, are given by Kafka, and what waited was received later. How many records repeat a stored event depends on how often its
sender was told 503. A letter for what was refused is written at each try; so letters are compared as the set of what is in them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from ops.local.child import Child
from ops.local.home import LOOPBACK
from ops.spool import CollectorSilent, read_spool
from tests.crash.doors import Door, Doors, doors_with, sent_through
from tests.crash.oracle import audit
from tests.crash.stream import Servers, Stream, stream
from tests.integration.running_collector import free_port
from tests.small_disk import mounted_disk

pytestmark = [
    pytest.mark.crash,
    pytest.mark.integration,
    # kafka-python leaves the socket of a refused connection to the garbage collector, which complains of it.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]

A_FEW_REQUESTS = 16 * 1024
"""Bytes."""

_CUSTOMERS_BY_DOORS = """
select doors, count(*)
from (
    select string_agg(distinct split_part(source, '/', 2), ' ' order by split_part(source, '/', 2)) as doors
    from crm.events where customer_id is not null group by customer_id
) as customer
group by doors
"""


class Store(NamedTuple):
    """What a store has become. `customers`: how many each set of doors has told of. `events` by key, without when and where they
    were received. `refused`: reason, source, what it was."""

    hash: str
    customers: dict[str, int]
    events: dict[str, Any]
    refused: set[tuple[str, str | None, bytes]]


class Sending(NamedTuple):
    """A stream, the address of its collector, and senders at every door of that."""

    running: Stream
    url: str
    doors: Doors

    def waiting(self) -> int | None:
        """How many records wait in the spool; None while nobody can say."""
        try:
            told = read_spool(self.url)
        except CollectorSilent:
            return None
        return 0 if told is None else told.records

    def until(self, told: Callable[[Door], object], what: str) -> None:
        """Let everything be sent, and wait until it is so at every door."""
        for door in self.doors.each:
            door.last_third.set()
        self.running.until(lambda: self.doors.all(told), what=what)

    def came_to_rest(self) -> Store:
        """What the store has become when everything sent is in it, once every promise about it has been checked."""
        self.until(Door.done, "the end of all requests")
        self.running.until(lambda: self.waiting() == 0, what="an empty spool")
        self.running.drain()
        books, broken = audit(self.running)
        assert not broken, (broken, books)
        customers = self.running.rows(_CUSTOMERS_BY_DOORS)
        events = self.running.rows("select replace(key::text, '-', ''), body from portrait.events")
        refused = self.running.rows("select reason, source, payload from portrait.rejected")
        return Store(
            books.hash,
            dict(customers),
            {key: without_receipt(body) for key, body in events},
            {(reason, source, without_receipt_in_call(bytes(payload))) for reason, source, payload in refused},
        )


def without_receipt(body: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(body)
    del told["received"], told["origin"]
    return told


def without_receipt_in_call(payload: bytes) -> bytes:
    """An event that is kept with the call it was made of says when that came."""
    told = json.loads(payload)
    call = told.get("data", {}).get("segment", {})
    call.pop("received_at", None)
    return json.dumps(told, sort_keys=True).encode()


@contextmanager
def under_way(servers: Servers, home: Path, **settings: str) -> Iterator[Sending]:
    """Begin to send through all doors of a collector with these settings; a third has come through."""
    with stream(servers) as running:
        running.worker()
        doors, port = doors_with(home / "keys.yaml"), free_port()
        url = f"http://{LOOPBACK}:{port}"
        running.collector(home / "keys.yaml", port, **settings)
        running.until(lambda: ready(url), 30, what="a collector that is ready")
        with sent_through(url, doors) as at_the_doors:
            running.until(lambda: at_the_doors.all(Door.part_way), what="a third at every door")
            yield Sending(running, url, at_the_doors)


def ready(url: str) -> bool:
    try:
        return bool(httpx.get(f"{url}/ready", timeout=5).json() == {"status": "ready"})
    except httpx.TransportError:
        return False


@contextmanager
def killed(server: Child) -> Iterator[None]:
    """A server is dead while the block lasts."""
    server.kill()
    try:
        yield
    finally:
        server.start()
        server.wait_ready()


@contextmanager
def frozen(server: Child) -> Iterator[None]:
    """A server takes connections and answers nothing while the block lasts."""
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@pytest.fixture(scope="module")
def undisturbed(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """What the store becomes when nothing is away."""
    with under_way(servers, tmp_path_factory.mktemp("undisturbed")) as sending:
        store = sending.came_to_rest()
        assert len(store.events) + len(store.refused) == len(sending.doors.held())
        assert store.customers["crash segment zalo"] > 5
        assert sending.doors.all(lambda door: not door.spooled and not door.refused)
    return store


def test_what_the_spool_took_while_kafka_was_dead_makes_the_same_store(
    servers: Servers, undisturbed: Store, tmp_path: Path
) -> None:
    with under_way(servers, tmp_path) as sending:
        with killed(servers.kafka):
            sending.until(Door.done, "a spool that takes all")
            assert sending.waiting()
        assert sending.came_to_rest() == undisturbed
        assert sending.doors.all(lambda door: door.spooled and not door.refused)


def test_what_was_sent_again_until_kafka_answered_makes_the_same_store(
    servers: Servers, undisturbed: Store, tmp_path: Path
) -> None:
    with under_way(servers, tmp_path, PORTRAIT_SPOOL="off") as sending:
        with frozen(servers.kafka):
            sending.until(lambda door: len(door.refused) > 2, "answers 503 at every door")
        assert sending.came_to_rest() == undisturbed
        assert sending.doors.all(lambda door: set(door.refused) == {"unavailable"} and not door.spooled)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with mounted_disk(4) as place:
        yield place


def test_what_was_sent_again_until_the_disk_of_the_spool_had_room_makes_the_same_store(
    servers: Servers, undisturbed: Store, tmp_path: Path, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    with under_way(servers, tmp_path, PORTRAIT_SPOOL=str(small_disk / "spool")) as sending:
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - A_FEW_REQUESTS))
        with frozen(servers.kafka):
            sending.until(lambda door: len(door.refused) > 2, "answers 503 at every door")
            taken = sum(door.spooled for door in sending.doors.each)
            ballast.unlink()
            sending.until(Door.done, "a spool that takes the rest")
            assert 0 < taken < (sending.waiting() or 0)
        assert sending.came_to_rest() == undisturbed
        assert sending.doors.all(lambda door: set(door.refused) == {"spool_failed"} and door.spooled)
