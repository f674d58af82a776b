"""Where an event is, asked over HTTP of the stack that `portrait up` runs: by a portal, whatever else is killed or frozen."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg2
import pytest

from ops.local.home import DATABASE_URL, FINDER_URL, SOURCE_KEY, TRACE_KEY, TRACE_URL
from ops.local.records import wait_until
from tests.system.command import ROOT, Portrait, form, scan

pytestmark = pytest.mark.integration

AT_ONCE = timedelta(seconds=2)
SILENT_COLLECTOR = ["the spool of the collector: it does not answer"]
SILENT_KAFKA = ["Kafka: it does not answer"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    portrait = Portrait(tmp_path_factory.mktemp("trace") / "home")
    portrait.run("up", "--detach", "--partitions", "2")
    yield portrait
    portrait.run("down")


def ask(stack: Portrait, event_id: str, key: str = TRACE_KEY) -> httpx.Response:
    settings = stack.settings
    headers = {"Authorization": f"Bearer {settings[key]}"}
    return httpx.get(f"{settings[TRACE_URL]}/v1/events/{event_id}", headers=headers, timeout=20)


def state(told: dict[str, Any]) -> str | None:
    return next((str(each["state"]) for each in told["events"]), None)


def pid_of(stack: Portrait, name: str) -> int:
    return next(int(each["pid"]) for each in stack.ask("status")["processes"] if each["name"] == name)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_event_that_was_sent_is_told_with_its_place_and_only_to_a_key_that_traces(stack: Portrait) -> None:
    assert stack.send(scan(1)).status_code == 200
    stack.wait_caught_up(1)
    answered = ask(stack, "scan-1")
    told = answered.json()
    assert (answered.status_code, told["complete"], state(told)) == (200, True, "stored")
    assert re.fullmatch(r"events\.loyalty/\d/\d+", told["events"][0]["steps"][0]["place"])
    assert told["events"] == stack.ask("trace", "scan-1")["events"]
    assert [ask(stack, "scan-1", key).status_code for key in (SOURCE_KEY, TRACE_URL)] == [401, 401]
    assert httpx.get(f"{stack.settings[TRACE_URL]}/v1/events/scan-1", timeout=20).status_code == 401
    assert stack.send(scan(1)).status_code == 200
    stack.wait_caught_up(2)
    assert ask(stack, "scan-1").json()["events"][0]["duplicates"] == 1


def test_it_counts_by_source_for_prometheus_and_asks_the_database_as_one_who_may_only_look(stack: Portrait) -> None:
    told = httpx.get(f"{stack.settings[TRACE_URL]}/metrics", timeout=20)
    assert told.status_code == 200
    assert "# TYPE portrait_source_events_rejected_total counter" in told.text.splitlines()
    finder = stack.settings[FINDER_URL]
    with (
        psycopg2.connect(finder) as opened,
        opened.cursor() as at,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        at.execute("select body from portrait.events")
    opened.close()
    with open(f"/proc/{pid_of(stack, 'trace')}/environ") as environ:
        given = dict(each.partition("=")[::2] for each in environ.read().split("\0"))
    assert given[FINDER_URL] == finder
    assert [given.get(name, "") for name in (DATABASE_URL, "PORTRAIT_WORKER_URL", TRACE_KEY)] == ["", "", ""]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl, which is not on this machine")
def test_what_the_page_says_can_be_copied(stack: Portrait) -> None:
    assert stack.send(form(1041, email="an@example.vn")).status_code == 200
    stack.wait_caught_up(3)
    (block,) = re.findall(r"```sh\n([^`]*PORTRAIT_TRACE_URL[^`]*)```", (ROOT / "docs/operating.md").read_text("utf-8"))
    said = subprocess.run(
        ["sh", "-eu"],
        input=block.replace(".portrait/", f"{stack.home}/"),
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"found":true' in said.stdout
    assert '"state":"stored"' in said.stdout


def test_while_kafka_is_away_the_event_is_in_the_spool_and_the_answer_takes_no_longer(stack: Portrait) -> None:
    with frozen(pid_of(stack, "kafka")):
        assert stack.send(scan(7)).json() == {"accepted": 1, "rejected": [], "spooled": True}
        answers = [ask(stack, "scan-7") for _ in range(3)]
        told = [(state(each.json()), each.json()["unasked"]) for each in answers]
        assert told == [("spooled", SILENT_KAFKA)] * 3
        assert min(each.elapsed for each in answers) < AT_ONCE
    stack.wait_caught_up(4)
    assert state(ask(stack, "scan-7").json()) == "stored"


def test_a_collector_that_is_killed_or_frozen_is_missed_and_what_is_stored_is_found_all_the_same(
    stack: Portrait,
) -> None:
    with frozen(pid_of(stack, "collector")):
        answers = [ask(stack, "scan-1") for _ in range(3)]
        assert [(state(each.json()), each.json()["unasked"]) for each in answers] == [("stored", SILENT_COLLECTOR)] * 3
        assert min(each.elapsed for each in answers) < AT_ONCE
    os.kill(pid_of(stack, "collector"), signal.SIGKILL)
    told = ask(stack, "scan-1").json()
    assert (state(told), told["complete"], told["unasked"]) == ("stored", False, SILENT_COLLECTOR)
    assert wait_until(lambda: ask(stack, "scan-1").json()["complete"] is True, 60, every=0.2)


def test_it_is_started_again_when_it_is_killed(stack: Portrait) -> None:
    before = pid_of(stack, "trace")
    os.kill(before, signal.SIGKILL)

    def again() -> bool:
        told = {each["name"]: each for each in stack.ask("status")["processes"]}["trace"]
        return bool(told["up"] and told["pid"] != before)

    assert wait_until(again, 60, every=0.2)
    assert state(ask(stack, "scan-1").json()) == "stored"


def test_after_down_and_up_the_address_and_the_key_are_the_same_and_a_key_that_was_disabled_stays_so(
    stack: Portrait,
) -> None:
    before = stack.settings
    stack.run("sources", "disable", "demo-trace")
    stack.run("down")
    stack.run("up", "--detach")
    assert stack.settings == before
    assert ask(stack, "scan-1").status_code == 401
    stack.run("sources", "enable", "demo-trace")
    assert wait_until(lambda: ask(stack, "scan-1").status_code == 200, 20, every=0.2)
