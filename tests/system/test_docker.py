"""docker-compose.yml with a real engine: started, fed, scaled, broken, started again. Skipped, loudly, without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import psycopg2
import pytest

from ops.local.home import (
    DATABASE_URL,
    FINDER_URL,
    READER_URL,
    SOURCE_KEY,
    TRACE_KEY,
    TRACE_URL,
    WORKER_URL,
    Home,
    write_private,
)
from ops.local.records import wait_until
from tests.compose import COMPOSE_FILE, ROOT, read_compose
from tests.containers import require_image
from tests.system.command import Portrait, scan

pytestmark = [pytest.mark.docker, pytest.mark.integration]

_UP_SECONDS = 600
PARTS = ("collector", "worker", "relay", "activation", "trace")

LIST_FILES = """
import importlib.util, pathlib, sys
for name in sys.argv[1:]:
    (place,) = importlib.util.find_spec(name).submodule_search_locations
    for file in pathlib.Path(place).rglob("*"):
        print(file.relative_to(pathlib.Path(place).parent))
"""


@dataclass(frozen=True)
class Compose:
    """Runs `docker compose` on a project of its own. `command`: Compose 2 or 1."""

    command: tuple[str, ...]
    project: str
    given: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """What it prints on standard output; fails unless it succeeds."""
        done = subprocess.run(
            [*self.command, "--file", str(COMPOSE_FILE), "--project-name", self.project, *arguments],
            env={**os.environ, **self.given},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_UP_SECONDS,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def tool(self, *arguments: str) -> str:
        """What a command prints that runs in a container of the service `tools`."""
        return self.run("run", "--rm", "-T", "tools", *arguments)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Every container of a service, as `docker inspect` shows it."""
        names = self.run("ps", "--quiet", *(() if len(self.command) == 1 else ("--all",)), service).split()
        if not names:
            return []
        done = subprocess.run(["docker", "inspect", *names], capture_output=True, text=True, check=True, timeout=60)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def wait_healthy(self, service: str, containers: int = 1) -> None:
        """Returns when there are so many containers of a service, all of them running and healthy."""

        def healthy() -> bool:
            states = [each["State"] for each in self.containers(service)]
            return [(state["Status"], state["Health"]["Status"]) for state in states] == [
                ("running", "healthy")
            ] * containers

        assert wait_until(healthy, 180, every=1), self.run("logs", "--tail", "30", service)


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    home = Home.open(tmp_path_factory.mktemp("ports"))
    ports = {
        f"PORTRAIT_{name.upper()}_PORT": str(home.port(name)) for name in ("kafka", "postgres", "collector", "trace")
    }
    compose = Compose(compose_command(), f"portrait-test-{uuid4().hex[:8]}", ports)
    services = read_compose(os.environ)["services"]
    for server in ("kafka", "postgres"):
        require_image(services[server]["image"])
    if os.environ.get("PORTRAIT_IMAGE"):
        require_image(services["worker"]["image"])
    else:
        base = re.search(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
        assert base is not None
        require_image(base[1])
        compose.run("build", "worker")
    try:
        compose.run("up", "--detach", "--no-build")
        for part in PARTS:
            compose.wait_healthy(part)
        yield compose
    finally:
        compose.run("down", "--volumes", "--timeout", "30")


def compose_command() -> tuple[str, ...]:
    """How Compose is called here; skips when it is not."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=60)
        if asked.returncode == 0:
            return ("docker", "compose")
        if shutil.which("docker-compose"):
            return ("docker-compose",)
    pytest.skip("NO COMPOSE: neither `docker compose` nor `docker-compose` is to be had on this machine")


@pytest.fixture(scope="module")
def portrait(compose: Compose, tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    """The command line on this machine, which knows of the containers what `portrait.env` tells."""
    home = tmp_path_factory.mktemp("outside") / "home"
    home.mkdir()
    write_private(home / "portrait.env", compose.tool("cat", "owner/portrait.env"))
    return Portrait(home)


def served(url: str, query: str) -> list[tuple[Any, ...]]:
    opened = psycopg2.connect(url)
    try:
        with opened, opened.cursor() as at:
            at.execute(query)
            return at.fetchall()
    finally:
        opened.close()


def test_events_sent_over_http_become_a_customer_who_is_counted_once(portrait: Portrait) -> None:
    for _ in range(2):
        answer = portrait.send(*(scan(number) for number in range(10)))
        assert (answer.status_code, answer.json()) == (200, {"accepted": 10, "rejected": []})
    told = portrait.wait_caught_up(received=20)
    assert told["balance"] == {
        "received": 20,
        "stored": 10,
        "duplicate": 10,
        "rejected": 0,
        "suppressed": 0,
        "balanced": True,
    }
    query = "select events, orders, revenue_by_currency->>'USD' from crm.customers"
    assert [tuple(map(str, row)) for row in served(portrait.settings[READER_URL], query)] == [("10", "10", "15.00")]


def test_where_an_event_is_can_be_asked_over_http_and_of_the_collector_s_spool_as_well(
    compose: Compose, portrait: Portrait
) -> None:
    settings = portrait.settings

    def asked(key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {settings[key]}"}
        return httpx.get(f"{settings[TRACE_URL]}/v1/events/scan-3", headers=headers, timeout=20)

    told = asked(TRACE_KEY).json()
    assert [(each["state"], each["duplicates"]) for each in told["events"]] == [("stored", 1)]
    assert told["unasked"] == []
    assert told["searched"][0] == "the spool of the collector: it is empty"
    assert asked(SOURCE_KEY).status_code == 401
    assert portrait.ask("trace", "scan-3")["events"] == told["events"]
    compose.run("stop", "collector")
    try:
        silent = asked(TRACE_KEY).json()
        assert (silent["events"], silent["complete"]) == (told["events"], False)
        assert silent["unasked"] == ["the spool of the collector: it does not answer"]
    finally:
        compose.run("start", "collector")
        compose.wait_healthy("collector")


def test_the_command_line_works_in_a_container_as_it_does_outside(compose: Compose, portrait: Portrait) -> None:
    inside = json.loads(compose.tool("portrait", "status", "--json"))
    assert inside["balance"] == portrait.ask("status")["balance"]
    assert json.loads(compose.tool("portrait", "verify", "--json")) == portrait.ask("verify")


def test_three_workers_share_the_work(compose: Compose, portrait: Portrait) -> None:
    before = portrait.ask("status")["balance"]["received"]
    compose.run("up", "--detach", "--no-build", "--scale", "worker=3")
    compose.wait_healthy("worker", 3)
    for start in range(1_000, 1_300, 100):
        assert portrait.send(*(scan(n, card=str(n)) for n in range(start, start + 100))).status_code == 200
    portrait.wait_caught_up(before + 300)
    assert portrait.ask("verify")["equal"] is True


def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(compose: Compose, portrait: Portrait) -> None:
    before = portrait.ask("status")["balance"]["received"]
    workers = compose.containers("worker")
    for worker in workers:
        os.kill(worker["State"]["Pid"], 9)
    for start in range(2_000, 2_300, 100):
        assert portrait.send(*(scan(n, card=str(n)) for n in range(start, start + 100))).status_code == 200
    compose.wait_healthy("worker", len(workers))
    portrait.wait_caught_up(before + 300)
    assert portrait.ask("verify")["equal"] is True


def test_after_down_and_up_everything_is_as_it_was(compose: Compose, portrait: Portrait) -> None:
    before, settings = portrait.ask("verify"), portrait.settings
    compose.run("down", "--timeout", "30")
    compose.run("up", "--detach", "--no-build")
    compose.wait_healthy("worker")
    assert compose.tool("cat", "owner/portrait.env") == (portrait.home / "portrait.env").read_text()
    assert portrait.ask("verify") == before
    assert portrait.settings == settings


def test_ours_run_as_a_user_of_no_rights_who_knows_no_password_of_others(compose: Compose, portrait: Portrait) -> None:
    passwords = {
        url: portrait.settings[url].split(":")[2].partition("@")[0]
        for url in (DATABASE_URL, READER_URL, WORKER_URL, FINDER_URL)
    }
    own = {part: [WORKER_URL] for part in PARTS} | {"collector": [], "trace": [FINDER_URL]}
    for part in PARTS:
        (container, *_) = compose.containers(part)
        assert container["Config"]["User"] == "portrait"
        assert (container["HostConfig"]["ReadonlyRootfs"], container["HostConfig"]["CapDrop"]) == (True, ["ALL"])
        assert not any(password in json.dumps(container) for password in passwords.values())
        held = compose.run("exec", "-T", part, "sh", "-c", "cat /var/lib/portrait/*/* 2>/dev/null || true")
        known = [url for url, password in passwords.items() if password in held]
        assert known == own[part]


def test_every_published_port_is_on_loopback(compose: Compose) -> None:
    bound = {
        binding["HostIp"]
        for service in ("kafka", "postgres", *PARTS)
        for container in compose.containers(service)
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    }
    assert bound == {"127.0.0.1"}


def test_every_file_that_is_needed_is_in_the_image(compose: Compose) -> None:
    packages = ("schemas", "producers", "processors", "sinks", "ops")
    held = set(compose.tool("python", "-c", LIST_FILES, *packages).split())
    tracked = subprocess.run(["git", "ls-files", *packages], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) - held == set()
