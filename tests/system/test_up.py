"""`portrait up`: the whole stack, as operators run it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ops.local.home import DATABASE_URL, KAFKA, Home, read_env
from ops.local.records import wait_until
from ops.up import Wanted, prepare
from schemas.topics import RAW_NAMES, REJECTED, VALID
from tests.system.command import Portrait, scan

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    portrait = Portrait(tmp_path_factory.mktemp("up") / "home")
    portrait.run("up", "--detach", "--workers", "2", "--partitions", "3")
    yield portrait
    portrait.run("down")


def processes(portrait: Portrait) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in portrait.ask("status")["processes"]}


def test_everything_is_up_and_empty_and_the_books_balance(stack: Portrait) -> None:
    told = stack.ask("status")
    assert [(each["name"], each["up"]) for each in told["processes"]] == [
        (name, True) for name in ("kafka", "postgres", "collector", "worker-1", "worker-2", "relay", "activation")
    ]
    assert {(each["topic"], each["partition"]) for each in told["partitions"]} == {
        (topic, number) for topic in (*RAW_NAMES, VALID, REJECTED) for number in range(3)
    }
    assert told["balance"] == {
        "received": 0,
        "stored": 0,
        "duplicate": 0,
        "rejected": 0,
        "suppressed": 0,
        "balanced": True,
    }
    assert told["problems"] == []


def test_the_addresses_are_written_where_a_shell_can_read_them(stack: Portrait) -> None:
    sourced = subprocess.run(
        ["sh", "-c", f'. "{stack.home}/portrait.env" && echo "$PORTRAIT_KAFKA" "$PORTRAIT_COLLECTOR_URL"'],
        capture_output=True,
        text=True,
        check=True,
    )
    settings = stack.settings
    assert sourced.stdout.split() == [settings["PORTRAIT_KAFKA"], settings["PORTRAIT_COLLECTOR_URL"]]
    assert set(settings) == {
        *("PORTRAIT_KAFKA", "PORTRAIT_DATABASE_URL", "PORTRAIT_WORKER_URL", "PORTRAIT_READER_URL"),
        *("PORTRAIT_COLLECTOR_URL", "PORTRAIT_SOURCE_KEY", "PORTRAIT_HOME"),
        "PORTRAIT_SEGMENTS",
    }
    assert settings["PORTRAIT_SEGMENTS"] == str(stack.home / "segments")
    assert settings["PORTRAIT_HOME"] == str(stack.home)
    assert stack.home.joinpath("portrait.env").stat().st_mode & 0o777 == 0o600


def test_what_was_sourced_of_one_stack_is_not_taken_for_another(stack: Portrait, tmp_path: Path) -> None:
    none = tmp_path / "none"
    told = Portrait(none, stack.settings).ask("status", "--home", str(none))
    assert (told["processes"], told["balance"], told["caught_up"]) == ([], None, False)


def test_up_again_says_that_it_is_up_already(stack: Portrait) -> None:
    before = processes(stack)
    assert "is up already, with 2 worker(s)" in stack.run("up", "--detach")
    assert {name: each["pid"] for name, each in processes(stack).items()} == {
        name: each["pid"] for name, each in before.items()
    }


def test_what_dies_is_started_again_and_goes_on_where_it_was(stack: Portrait) -> None:
    assert stack.send(scan(1), scan(2)).json() == {"accepted": 2, "rejected": []}
    stack.wait_caught_up(2)
    before = processes(stack)

    for each in before.values():
        os.kill(each["pid"], signal.SIGKILL)

    def all_again() -> bool:
        now = processes(stack)
        return set(now) == set(before) and all(
            each["up"] and each["pid"] != before[name]["pid"] for name, each in now.items()
        )

    assert wait_until(all_again, 180, every=0.5), processes(stack)
    assert stack.send(scan(2), scan(3)).json() == {"accepted": 2, "rejected": []}
    told = stack.wait_caught_up(4)
    assert told["balance"] == {
        "received": 4,
        "stored": 3,
        "duplicate": 1,
        "rejected": 0,
        "suppressed": 0,
        "balanced": True,
    }
    assert stack.ask("customer", "card_no:7")["revenue_by_currency"] == {"USD": 4.5}
    assert stack.ask("verify")["equal"] is True


def test_status_answers_while_kafka_and_the_database_do_not(stack: Portrait) -> None:
    pids = [each["pid"] for name, each in processes(stack).items() if name in ("kafka", "postgres")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        told = stack.ask("status")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert (told["caught_up"], told["balance"]) == (False, None)
    assert any("PostgreSQL does not answer" in problem for problem in told["problems"])
    assert stack.wait_caught_up(4)["problems"] == []


def test_a_second_home_shares_nothing_with_the_first_and_uses_the_servers_it_is_given(
    stack: Portrait, tmp_path: Path, kafka: str, new_database: Callable[[], str]
) -> None:
    other = Portrait(tmp_path / "home", {KAFKA: kafka, DATABASE_URL: new_database()})
    before = stack.ask("status")["balance"]
    other.run("up", "--detach")
    try:
        assert set(processes(other)) == {"collector", "worker-1", "relay", "activation"}
        assert other.settings[KAFKA] == kafka
        assert other.settings["PORTRAIT_COLLECTOR_URL"] != stack.settings["PORTRAIT_COLLECTOR_URL"]
        known = other.ask("status")["balance"]["received"]
        assert other.send(scan(100)).status_code == 200
        told = other.wait_caught_up(known + 1)
        assert told["balance"]["balanced"]
        assert other.ask("customer", "card_no:7")["orders"] >= 1
    finally:
        assert "Stopped supervisor, collector, worker-1, relay, activation" in other.run("down")
    assert stack.ask("status")["balance"] == before
    assert all(each["up"] for each in processes(stack).values())


def test_in_the_foreground_it_runs_until_it_is_interrupted(tmp_path: Path) -> None:
    portrait = Portrait(tmp_path / "home")
    with open(tmp_path / "said", "w") as said:
        running = subprocess.Popen(portrait.argv("up"), env=portrait.environment(), stdout=said, stderr=said)
    try:
        assert wait_until(lambda: len(up := processes(portrait)) == 6 and all(e["up"] for e in up.values()), 180, 0.5)
        left = [psutil.Process(each["pid"]) for each in processes(portrait).values()]
    finally:
        running.send_signal(signal.SIGINT)
        code = running.wait(timeout=60)
    assert (code, "Traceback" in (tmp_path / "said").read_text()) == (0, False)
    assert [process for process in left if process.is_running()] == []
    assert portrait.ask("status")["processes"] == []


def test_a_port_that_is_taken_is_named(tmp_path: Path, stack: Portrait) -> None:
    portrait = Portrait(tmp_path / "home")
    port = stack.settings[KAFKA].rpartition(":")[2]
    said = portrait.refused("up", "--detach", "--kafka-port", port)
    assert said == f"portrait: port {port} is in use by another program; choose another one with --kafka-port"
    assert portrait.ask("status")["processes"] == []


def test_the_own_addresses_of_a_home_are_not_taken_for_servers_from_outside(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    first = prepare(home, Wanted(), lambda _: None, environ={})
    again = prepare(home, Wanted(), lambda _: None, environ=read_env(home.env_file))
    names = ["kafka", "postgres", "collector", "worker-1", "relay", "activation"]
    assert [process.name for process in first.processes] == names
    assert [process.name for process in again.processes] == names
    assert again.settings == first.settings


def test_what_a_person_adds_to_the_env_file_reaches_the_parts_unless_the_environment_says_otherwise(
    tmp_path: Path,
) -> None:
    home = Home.open(tmp_path / "home")
    home.remember({"PORTRAIT_CURRENCY": "USD", "PORTRAIT_REGION": "VN"})
    given = {"PORTRAIT_REGION": "TH"}
    worker = next(each for each in prepare(home, Wanted(), lambda _: None, given).processes if each.name == "worker-1")
    assert worker.env["PORTRAIT_CURRENCY"] == "USD"
    assert "PORTRAIT_REGION" not in worker.env
    assert worker.env[DATABASE_URL] == ""
