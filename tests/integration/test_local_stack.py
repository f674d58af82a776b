"""The local stack against the real thing: starts, survives kill -9 with its data, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.local.child import Child, Process
from ops.local.home import DATABASE_URL, KAFKA, Home, LocalStackError
from ops.local.records import pids, wait_gone, wait_until
from ops.local.stack import prepare_servers, running_postgres, start_kafka, start_postgres
from ops.local.supervisor import State, detach, status, stop

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

SLEEPER = "import time; time.sleep(600)"
# As `portrait up` does it, with small processes in place of the servers. `second` is ready once its file is there.
SUPERVISE = f"""
import sys
from pathlib import Path
from ops.local.child import Process
from ops.local.home import Home
from ops.local.supervisor import supervise
home = Home.open(sys.argv[1])
run = (sys.executable, "-c")
supervise(home, [
    Process("first", (*run, {SLEEPER!r})),
    Process("second", (*run, {SLEEPER!r}), needs=("first",), ready=(home.path / "second-ready").exists),
    Process("third", (*run, {SLEEPER!r}), needs=("second",)),
])
"""
UP = """
import sys
from ops.local.home import Home
from ops.local.stack import prepare_servers
from ops.local.supervisor import supervise
home = Home.open(sys.argv[1])
supervise(home, prepare_servers(home, print, environ={}).processes)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    home = Home.open(tmp_path / "home")
    yield home
    stop(home)


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


async def send(address: str, value: bytes) -> None:
    """Makes topic `t` and has one record acknowledged in it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("t", num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
        await producer.send_and_wait("t", value, partition=0)


async def first_record(address: str) -> bytes | None:
    """The value of the first record in topic `t`, waited for up to 10 s."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition("t", 0)])
    async with consumer:
        return (await asyncio.wait_for(consumer.getone(), timeout=10)).value


def processes_under(home: Home) -> list[psutil.Process]:
    """Every process whose command line or working directory names this home."""

    def names_it(process: psutil.Process) -> bool:
        try:
            return str(home.path) in (*process.cmdline(), process.cwd()) or any(
                str(home.path) in word for word in process.cmdline()
            )
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if process.pid != os.getpid() and names_it(process)]


def test_kafka_keeps_what_it_acknowledged_when_it_is_killed(home: Home) -> None:
    with start_kafka(home) as kafka:
        address = home.settings({})[KAFKA]
        asyncio.run(send(address, b"kept"))

        kafka.kill()
        kafka.start()
        kafka.wait_ready()

        assert home.settings({})[KAFKA] == address
        assert asyncio.run(first_record(address)) == b"kept"
    assert processes_under(home) == []


def test_postgres_keeps_what_it_committed_when_it_is_killed_and_a_frozen_session_is_left(home: Home) -> None:
    with start_postgres(home) as postgres:
        url = home.settings({})[DATABASE_URL]
        rows(url, "create table t (name text)")
        rows(url, "insert into t values ('Đặng')")
        session = psycopg2.connect(url)
        # Frozen, it does not notice that its server died, and holds the memory that a new one must have for itself.
        os.kill(session.info.backend_pid, signal.SIGSTOP)

        postgres.kill()
        postgres.start()
        postgres.wait_ready()

        session.close()
        assert home.settings({})[DATABASE_URL] == url
        assert rows(url, "select upper(name) from t") == [("ĐẶNG",)]
        shown = rows(url, "select current_setting('listen_addresses'), current_setting('synchronous_commit')")
        assert shown == [("127.0.0.1", "on")]
        with pytest.raises(psycopg2.OperationalError, match="password"):
            rows(url.replace(url.split(":")[2].split("@")[0], "wrong"), "select 1")
    assert processes_under(home) == []


def test_two_homes_run_side_by_side_and_one_home_runs_once(home: Home, tmp_path: Path) -> None:
    other = Home.open(tmp_path / "other")
    with running_postgres(home) as url, running_postgres(other) as other_url:
        assert url != other_url
        rows(url, "create table only_here ()")
        assert rows(other_url, "select to_regclass('only_here')") == [(None,)]
        with pytest.raises(LocalStackError, match=r"postgres of .* is running already"):
            start_postgres(home)
        assert rows(url, "select 1") == [(1,)]


def test_what_the_environment_has_an_address_for_is_not_started(home: Home) -> None:
    servers = prepare_servers(home, print, environ={KAFKA: "broker:9092", DATABASE_URL: "postgresql://db/portrait"})
    assert servers.processes == ()
    assert servers.settings == {KAFKA: "broker:9092", DATABASE_URL: "postgresql://db/portrait"}
    assert not home.env_file.exists()


def test_the_whole_stack_comes_up_in_the_background_and_goes_down_without_a_trace(home: Home) -> None:
    detach(home, (sys.executable, "-c", UP, str(home.path)))
    assert [(line.name, line.state) for line in status(home)] == [
        ("supervisor", State.READY),
        ("kafka", State.READY),
        ("postgres", State.READY),
    ]
    assert rows(home.settings({})[DATABASE_URL], "select 1") == [(1,)]
    with pytest.raises(LocalStackError, match=r"supervisor of .* is running already"):
        detach(home, (sys.executable, "-c", UP, str(home.path)))
    assert sorted(stop(home)) == ["kafka", "postgres", "supervisor"]
    assert status(home) == []
    assert processes_under(home) == []


def test_a_process_that_does_not_start_is_shown_with_the_end_of_its_log(home: Home) -> None:
    dies = Process("dies", (sys.executable, "-c", "raise SystemExit('no such key')"), ready=lambda: False)
    with Child(home, dies) as child:
        child.start()
        with pytest.raises(LocalStackError, match=r"dies ended while starting[\s\S]*no such key"):
            child.wait_ready()


@pytest.fixture
def supervised(home: Home) -> Home:
    (home.path / "second-ready").touch()
    detach(home, (sys.executable, "-c", SUPERVISE, str(home.path)))
    return home


def test_a_process_starts_only_when_what_it_needs_is_ready(home: Home) -> None:
    with pytest.raises(LocalStackError, match="not ready: second, third"):
        detach(home, (sys.executable, "-c", SUPERVISE, str(home.path)), seconds=2)
    assert status(home) == []
    assert processes_under(home) == []


def test_a_supervisor_that_does_not_start_is_reported_at_once(home: Home) -> None:
    with pytest.raises(LocalStackError, match=r"not ready: supervisor[\s\S]*no such setting"):
        detach(home, (sys.executable, "-c", "raise SystemExit('no such setting')"))


def test_a_process_that_dies_is_started_again_and_the_others_are_left_alone(supervised: Home) -> None:
    before = pids(supervised)
    os.kill(before["second"], signal.SIGKILL)

    def again() -> bool:
        lines = {line.name: line for line in status(supervised)}
        return lines["second"].restarts == 1 and lines["second"].state == State.READY

    assert wait_until(again, seconds=10)
    after = pids(supervised)
    assert after["second"] != before["second"]
    assert {name: after[name] for name in ("supervisor", "first", "third")} == {
        name: before[name] for name in ("supervisor", "first", "third")
    }


def test_a_stop_goes_in_reverse_and_reaches_the_frozen(supervised: Home) -> None:
    os.kill(pids(supervised)["second"], signal.SIGSTOP)
    assert sorted(stop(supervised)) == ["first", "second", "supervisor", "third"]
    said = supervised.log_file("supervisor").read_text().splitlines()
    assert said[-3:] == ["stopping third", "stopping second", "stopping first"]
    assert processes_under(supervised) == []


@pytest.mark.parametrize("clean_up", ["the kernel", "stop", "the next start"])
def test_nothing_outlives_a_supervisor_that_was_killed(supervised: Home, clean_up: str) -> None:
    recorded = {name: psutil.Process(pid) for name, pid in pids(supervised).items()}
    # Two of them cannot hear what the kernel sends when their parent dies: they are found by their record.
    frozen = [] if clean_up == "the kernel" else ["first", "third"]
    for name in frozen:
        recorded[name].suspend()
    recorded["supervisor"].kill()
    assert wait_gone([recorded["supervisor"]], 5) == []
    children = [recorded[name] for name in ("first", "second", "third")]

    outcome: dict[str, Callable[[], object]] = {
        "the kernel": lambda: None,
        "stop": lambda: stop(supervised),
        "the next start": lambda: detach(supervised, (sys.executable, "-c", SUPERVISE, str(supervised.path))),
    }
    outcome[clean_up]()

    assert wait_gone(children, 10) == []
    stop(supervised)
    assert processes_under(supervised) == []
