"""Whoever asks where an event is has an answer in two seconds, whatever does not answer; and strangers hear no addresses."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from ops.in_time import begun
from ops.local.home import Home
from ops.source_metrics import NotKnown, SourceMetrics
from ops.trace import spool_of, trace
from ops.trace_api import create_app
from producers.keys import KeyFile
from producers.keys.changes import add_source
from producers.record import Record
from producers.spool.keep import Spool

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""kafka-python leaves the socket of an attempt to connect to the collector of garbage."""


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    until = time.monotonic() + 20
    while time.monotonic() < until and threads():
        threads()[0].join(0.1)
    assert threads() == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def threads() -> list[threading.Thread]:
    """Those of questions, and of kafka-python."""
    return [each for each in threading.enumerate() if each.name == "ask" or "kafka" in each.name]


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of what takes connections and says nothing, as a process that is frozen."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> Iterator[str]:
    """An address where nobody listens."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{unused.getsockname()[1]}"


def servers(address: str) -> dict[str, str]:
    return {
        "PORTRAIT_KAFKA": address,
        "PORTRAIT_DATABASE_URL": f"postgresql://worker:secret@{address}/shop",
        "PORTRAIT_COLLECTOR_URL": f"http://{address}",
    }


def asked(address: str, home: Path, key: str, path: str) -> httpx.Response:
    """What the page is answered that asks servers at `address`."""
    app = create_app(servers(address), Home(home), KeyFile(home / "keys.yaml"))

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as http:
            return await http.get(path, headers={"Authorization": f"Bearer {key}"})

    return asyncio.run(get())


@pytest.mark.parametrize("state", ["silent", "closed"])
def test_it_answers_in_two_seconds_when_nobody_does(request: pytest.FixtureRequest, tmp_path: Path, state: str) -> None:
    address = request.getfixturevalue(state)
    begin = time.monotonic()
    told = trace(servers(address), Home(tmp_path), "form-1", None)
    assert (
        time.monotonic() - begin < 8
    )  # two seconds, and what else a busy machine does; as long as they like, it was eleven
    assert [each.partition(":")[0] for each in told.unasked] == [
        "the spool of the collector at http",
        f"Kafka at {address}".partition(":")[0],
        "the store",
    ]
    assert (told.events, told.searched) == ([], [])


def test_what_is_here_is_found_though_no_server_answers(silent: str, tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool", 1024 * 1024)) as spool:
        spool.append("till", [Record("events.web", None, b'{"id":"form-1","source":"/web"}')], 0).result(10)
        told = trace(servers(silent), Home(tmp_path), "form-1", None)
    assert [(each.source, str(each.state)) for each in told.events] == [("/web", "spooled")]
    assert [each.partition(" at ")[0].partition(":")[0] for each in told.unasked] == ["Kafka", "the store"]


@pytest.mark.parametrize("state", ["silent", "closed"])
def test_over_http_no_address_no_directory_and_no_login_is_told(
    request: pytest.FixtureRequest, tmp_path: Path, state: str
) -> None:
    address = request.getfixturevalue(state)
    key = add_source(tmp_path / "keys.yaml", "portal", traces=True)
    with closing(Spool(tmp_path / "spool", 1024 * 1024)):
        answered = asked(address, tmp_path, key, "/v1/events/form-1")
    assert answered.status_code == 200
    assert answered.headers["Cache-Control"] == "no-store"
    assert answered.json() == {
        "id": "form-1",
        "found": False,
        "complete": False,
        "events": [],
        "searched": ["the spool: 0 files"],
        "unasked": ["Kafka: it does not answer", "the store: it does not answer"],
    }


def test_nobody_waits_for_the_metrics_while_the_database_is_being_asked_or_has_just_not_answered(silent: str) -> None:
    counts = SourceMetrics(servers(silent)["PORTRAIT_DATABASE_URL"])
    asking = begun(counts.exposition)
    while not counts._lock.locked():
        threading.Event().wait(0.01)
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(NotKnown):
            counts.exposition()
        assert time.monotonic() - begin < 5  # the database is given longer
        with pytest.raises(NotKnown):
            asking.result(20)


@pytest.mark.parametrize("name", ["form-1%00", "form-1%ED%A0%80"])
def test_no_id_is_too_strange_to_be_asked_for(closed: str, tmp_path: Path, name: str) -> None:
    key = add_source(tmp_path / "keys.yaml", "portal", traces=True)
    told = [asked(closed, tmp_path, key, f"/v1/events/{each}") for each in (name, f"x?source={name}")]
    assert [(each.status_code, each.json()["found"]) for each in told] == [(200, False)] * 2


def test_an_id_that_no_event_can_have_is_a_dead_letter_without_one(closed: str, tmp_path: Path) -> None:
    for name in ("form\0", "form\udc80"):
        told = trace(servers(closed), Home(tmp_path), name, None)
        assert [each.partition(",")[0] for each in told.unasked] == ["dead letters that name no id"]


@pytest.mark.parametrize("state", ["silent", "closed"])
def test_nothing_is_left_behind_of_a_question_that_had_no_answer(
    request: pytest.FixtureRequest, tmp_path: Path, state: str
) -> None:
    given = {"PORTRAIT_KAFKA": request.getfixturevalue(state)}
    for _ in range(2):
        trace(given, Home(tmp_path), "form-1", None)
    until = time.monotonic() + 10
    while time.monotonic() < until and threads():
        threads()[0].join(0.1)
    assert threads() == []


def test_no_more_is_asked_while_too_much_has_had_no_answer() -> None:
    gate = threading.Event()
    waiting = [begun(lambda: gate.wait(20)) for _ in range(40)]
    refused = [each for each in waiting if each.done()]
    assert 1 <= len(refused) < 40
    assert all(isinstance(each.exception(), TimeoutError) for each in refused)
    gate.set()
    assert all(each.result(20) for each in waiting if each not in refused)
    assert begun(lambda: 7).result(20) == 7


def test_a_spool_of_somebody_else_is_none_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", forbidden)  # root may look everywhere
    assert spool_of({"PORTRAIT_SPOOL": "/srv/spool"}, Home(tmp_path)) is None
    assert spool_of({"PORTRAIT_KEYS": "/srv/keys.yaml"}, Home(tmp_path)) is None
