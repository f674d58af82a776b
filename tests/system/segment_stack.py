"""The real clients of Segment and RudderStack, and a stack that they send to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg2
import pytest
import yaml

from ops.local.home import COLLECTOR_URL, DATABASE_URL
from ops.local.records import wait_until
from producers.keys.changes import add_source
from tests.system.command import Portrait
from tests.system.page import put_commands

CLIENTS = Path(__file__).parent / "clients"
OLD_PYTHON, NODE, BROWSER = "2.3.4", "3.1.0", "1.84.3"
RUDDER_PYTHON, RUDDER_NODE, RUDDER_BROWSER, OLD_RUDDER_BROWSER = "2.1.9", "3.0.13", "3.34.1", "2.52.21"
VERSIONS = {"python-2.3": OLD_PYTHON, "python-2.4": r"2\.[4-9]\.\d+", "node": NODE}
RUDDER_VERSIONS = {"rudder-python": RUDDER_PYTHON, "rudder-node": RUDDER_NODE}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


class Client(NamedTuple):
    """How it is run, and why it cannot be when it is not here."""

    command: tuple[str, ...]
    environ: Mapping[str, str] = {}
    cwd: Path | None = None
    missing: str = ""


def _fetched(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    return "" if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip())[-300:]


def _old_python(place: Path) -> Client:
    return _from_pypi(place, "segment_python.py", f"segment-analytics-python=={OLD_PYTHON}")


def _rudder_python(place: Path) -> Client:
    return _from_pypi(place, "rudder_python.py", f"rudder-sdk-python=={RUDDER_PYTHON}")


def _from_pypi(place: Path, program: str, wanted: str) -> Client:
    missing = _fetched(sys.executable, "-m", "pip", "install", "-q", "--target", str(place), wanted)
    return Client((sys.executable, str(CLIENTS / program)), {"PYTHONPATH": str(place)}, None, missing)


def _new_python(_: Path) -> Client:
    return Client((sys.executable, str(CLIENTS / "segment_python.py")))


def _node(place: Path) -> Client:
    return _from_npm(place, ("node", str(CLIENTS / "segment_node.mjs")), f"@segment/analytics-node@{NODE}")


def _browser(place: Path) -> Client:
    if not CHROMIUM:
        return Client((), missing="there is no Chromium on this machine")
    return _from_npm(place, (CHROMIUM,), f"@segment/analytics-next@{BROWSER}")


def _rudder_node(place: Path) -> Client:
    program = ("node", str(CLIENTS / "rudder_node.mjs"))
    return _from_npm(place, program, f"@rudderstack/rudder-sdk-node@{RUDDER_NODE}")


def _rudder_browser(place: Path) -> Client:
    if not CHROMIUM:
        return Client((), missing="there is no Chromium on this machine")
    wanted = (f"@rudderstack/analytics-js@{RUDDER_BROWSER}", f"rudder-sdk-js@{OLD_RUDDER_BROWSER}")
    return _from_npm(place, (CHROMIUM,), *wanted)


def _from_npm(place: Path, command: tuple[str, ...], *wanted: str) -> Client:
    if shutil.which("npm") is None or shutil.which("node") is None:
        return Client(command, missing="there is no node or no npm on this machine")
    place.mkdir()
    soon = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000")
    install = ("npm", "install", "--no-audit", "--no-fund", *soon, "--prefix", str(place), *wanted)
    return Client(command, cwd=place, missing=_fetched(*install))


FETCHED = {
    "python-2.3": _old_python,
    "python-2.4": _new_python,
    "node": _node,
    "browser": _browser,
    "rudder-python": _rudder_python,
    "rudder-node": _rudder_node,
    "rudder-browser": _rudder_browser,
}


class Stack(NamedTuple):
    """The stack, a key without a limit (`shop`), one with a limit for each client (`slow`, of source `slow-NAME`), and the
    clients by name."""

    portrait: Portrait
    shop: str
    slow: Mapping[str, str]
    clients: Mapping[str, Client]

    @property
    def collector(self) -> str:
        return self.portrait.settings[COLLECTOR_URL]

    def client(self, name: str) -> Client:
        """Skips the test, loudly, when the client cannot be run here."""
        client = self.clients[name]
        if client.missing:
            pytest.skip(f"SKIPPED THE REAL CLIENT {name}: it cannot be run here: {client.missing}")
        return client

    def begin(self, name: str, key: str, who: str, how: str, url: str | None = None) -> subprocess.Popen[str]:
        """The client, to send to the collector, or to another address by which it can be reached."""
        client = self.client(name)
        return subprocess.Popen(
            [*client.command, url or self.collector, key, who, how],
            env={**os.environ, "PYTHONPATH": "", **client.environ},
            cwd=client.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str, key: str, who: str, how: str = "plain", url: str | None = None) -> str:
        """What the client prints: its version. Fails when it gave anything up."""
        return ended(self.begin(name, key, who, how, url))

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.portrait.settings[DATABASE_URL])) as opened, opened.cursor() as at:
            at.execute(query, parameters or None)
            return at.fetchall()

    def stored(self, who: str, count: int) -> None:
        """Returns when so many events of `who` are in the store."""
        query = "select count(*) from crm.events where event_id like %s"
        assert wait_until(lambda: self.ask(query, f"{who}-%")[0][0] >= count, 60, every=0.1), self.ask(
            query, f"{who}-%"
        )

    def answered(self, source: str, status: int) -> int:
        """How many requests of a source were answered so."""
        found = re.search(
            rf'^portrait_collector_request_seconds_count{{source="{source}",status="{status}"}} (\d+)',
            httpx.get(f"{self.collector}/metrics", timeout=10).text,
            re.MULTILINE,
        )
        return int(found[1]) if found else 0


def ended(running: subprocess.Popen[str]) -> str:
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, out + err
    return out.strip()


@contextmanager
def running_stack(place: Path) -> Iterator[Stack]:
    """A stack whose home is `place`/.portrait, and the clients, fetched while it starts."""
    portrait = Portrait(put_commands(place) / ".portrait")
    with ThreadPoolExecutor() as together:
        fetched = {name: together.submit(make, place / name) for name, make in FETCHED.items()}
        portrait.run("up", "--detach", "--workers", "1", "--partitions", "2")
        try:
            keys = portrait.home / "keys.yaml"
            shop = add_source(keys, "shop", public=True)
            slow = {name: add_source(keys, f"slow-{name}", public=True) for name in VERSIONS}
            entries = yaml.safe_load(keys.read_text())
            for each in entries["sources"][-len(slow) :]:
                each["events_per_second"] = 4
            keys.write_text(yaml.safe_dump(entries))
            made = Stack(portrait, shop, slow, {name: each.result() for name, each in fetched.items()})
            known = {"auth": (slow["node"], ""), "timeout": 10.0}
            settled = f"{made.collector}/v1/batch"
            assert wait_until(
                lambda: httpx.post(settled, json={"batch": []}, **known).status_code == 200, 20, every=0.1
            )
            yield made
        finally:
            portrait.run("down")
