"""The real clients of Segment send to a running stack: by address and key alone, and the store is as expected.

Two versions of the Python client (the one of the development dependencies, and an older one that only names its key in the
body), and the one for Node. Those that are not installed are fetched; a machine that can fetch none of them skips these, and
says so.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg2
import pytest
import yaml

from ops.local.home import COLLECTOR_URL, DATABASE_URL
from ops.local.records import wait_until
from producers.keys import add_source
from tests.system.command import Portrait

pytestmark = pytest.mark.integration

CLIENTS = Path(__file__).parent / "clients"
OLD_PYTHON, NODE = "2.3.4", "3.1.0"


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


def old_python(place: Path) -> Client:
    wanted = f"segment-analytics-python=={OLD_PYTHON}"
    missing = _fetched(sys.executable, "-m", "pip", "install", "-q", "--target", str(place), wanted)
    return Client((sys.executable, str(CLIENTS / "segment_python.py")), {"PYTHONPATH": str(place)}, None, missing)


def new_python(_: Path) -> Client:
    return Client((sys.executable, str(CLIENTS / "segment_python.py")))


def node(place: Path) -> Client:
    place.mkdir()
    command = ("node", str(CLIENTS / "segment_node.mjs"))
    if shutil.which("npm") is None or shutil.which("node") is None:
        return Client(command, missing="there is no node or no npm on this machine")
    return Client(
        command,
        cwd=place,
        missing=_fetched("npm", "install", "--prefix", str(place), f"@segment/analytics-node@{NODE}"),
    )


MAKERS = {"python-2.3": old_python, "python-2.4": new_python, "node": node}
VERSIONS = {"python-2.3": OLD_PYTHON, "python-2.4": r"2\.[4-9]\.\d+", "node": NODE}


class Stack(NamedTuple):
    """The stack, a key without a limit (`shop`), one with a limit (`slow`), and the clients by name."""

    portrait: Portrait
    shop: str
    slow: str
    clients: Mapping[str, Client]

    @property
    def collector(self) -> str:
        return self.portrait.settings[COLLECTOR_URL]

    def begin(self, name: str, key: str, who: str, how: str) -> subprocess.Popen[str]:
        client = self.clients[name]
        if client.missing:
            pytest.skip(f"SKIPPED THE REAL CLIENT {name}: it cannot be fetched: {client.missing}")
        return subprocess.Popen(
            [*client.command, self.collector, key, who, how],
            env={**os.environ, "PYTHONPATH": "", **client.environ},
            cwd=client.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str, key: str, who: str, how: str = "plain") -> str:
        """What the client prints: its version. Fails when it gave anything up."""
        return ended(self.begin(name, key, who, how))

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


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    place = tmp_path_factory.mktemp("segment")
    portrait = Portrait(place / "home")
    with ThreadPoolExecutor() as together:
        fetched = {name: together.submit(make, place / name) for name, make in MAKERS.items()}
        portrait.run("up", "--detach", "--workers", "1", "--partitions", "2")
        try:
            keys = portrait.home / "keys.yaml"
            shop, slow = (add_source(keys, name, [f"/segment/{name}"]) for name in ("shop", "slow"))
            entries = yaml.safe_load(keys.read_text())
            entries["sources"][-1]["events_per_second"] = 4
            keys.write_text(yaml.safe_dump(entries))
            made = Stack(portrait, shop, slow, {name: each.result() for name, each in fetched.items()})
            known = {"auth": (slow, ""), "timeout": 10.0}
            settled = f"{made.collector}/v1/batch"
            assert wait_until(
                lambda: httpx.post(settled, json={"batch": []}, **known).status_code == 200, 20, every=0.1
            )
            yield made
        finally:
            portrait.run("down")


def tables(stack: Stack, who: str) -> dict[str, Any]:
    """All that the store has of the customer with e-mail WHO@example.com; times are checked elsewhere."""
    ((customer,),) = stack.ask(
        "select customer_id from crm.customer_identifiers where value = %s", f"{who}@example.com"
    )
    one = "from {} where customer_id = %s"
    return {
        "customer": stack.ask(
            f"select full_name, events, orders, revenue::int, acquisition_channel {one.format('crm.customers')}",
            customer,
        ),
        "identifiers": sorted(stack.ask(f"select kind, value {one.format('crm.customer_identifiers')}", customer)),
        "orders": stack.ask(f"select order_id, amount::int {one.format('crm.orders')}", customer),
        "returns": stack.ask(f"select amount_as_paid::int {one.format('crm.returns')}", customer),
        "events": sorted(stack.ask(f"select event_id, type, source {one.format('crm.events')}", customer)),
        "company": stack.ask(
            f"select data #> '{{customer,company}}' {one.format('crm.events')} and data ? 'group_id'", customer
        ),
        "days": stack.ask(
            f"select distinct (time at time zone 'UTC')::date::text {one.format('crm.events')}", customer
        ),
    }


def expected(who: str, source: str) -> dict[str, Any]:
    viewed, identified, tracked = "web.page_viewed.v1", "web.identified.v1", "web.tracked.v1"
    types = {"page": viewed, "screen": viewed, "viewed": tracked, "identify": identified, "alias": identified}
    types |= {"group": identified, "order": tracked, "refund": tracked}
    known = {
        ("anonymous_id", f"{who}-visitor"),
        ("anonymous_id", f"{who}-earlier"),
        ("customer_no", f"{who}user".replace("-", "").upper()),
        ("device_id", f"{who}-device"),
        ("email", f"{who}@example.com"),
    }
    return {
        "customer": [("Nguyễn Lan", 8, 1, 440_000, "web")],
        "identifiers": sorted(known),
        "orders": [(f"{who}-1", 880_000)],
        "returns": [(-440_000,)],
        "events": sorted((f"{who}-{name}", kind, f"/segment/{source}") for name, kind in types.items()),
        "company": [({"name": "Hoa Sen", "staff": "329"},)],
        "days": [("2026-11-20",)],
    }


@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_of_call_is_in_the_store_once_however_often_it_is_sent(stack: Stack, name: str) -> None:
    who = name.replace(".", "")
    version = stack.run(name, stack.shop, who)
    assert re.fullmatch(VERSIONS[name], version)
    stack.stored(who, 8)
    once = tables(stack, who)
    assert once == expected(who, "shop")
    stack.run(name, stack.shop, who, "plain" if name == "node" else "gzip")
    stack.portrait.wait_caught_up(0)
    assert tables(stack, who) == once


@pytest.mark.parametrize("name", MAKERS)
def test_a_client_that_is_told_to_wait_comes_again_and_nothing_is_lost(stack: Stack, name: str) -> None:
    who, before = f"slow-{name.replace('.', '')}", stack.answered("slow", 429)
    stack.run(name, stack.slow, who)
    assert stack.answered("slow", 429) > before
    stack.stored(who, 8)
    assert tables(stack, who) == expected(who, "slow")


def test_the_broker_is_killed_in_the_middle_and_every_call_is_in_the_store_once(stack: Stack) -> None:
    names = [name for name, client in stack.clients.items() if not client.missing]
    accepted = stack.answered("shop", 200)
    running = {name: stack.begin(name, stack.shop, f"killed-{name.replace('.', '')}", "many") for name in names}
    assert wait_until(lambda: stack.answered("shop", 200) > accepted + 5, 30, every=0.05)
    (broker,) = (each["pid"] for each in stack.portrait.ask("status")["processes"] if each["name"] == "kafka")
    os.kill(broker, signal.SIGKILL)
    for each in running.values():
        ended(each)
    for name in names:
        who = f"killed-{name.replace('.', '')}"
        stack.stored(who, 30)
        found = stack.ask("select event_id from crm.events where event_id like %s", f"{who}-%")
        assert sorted(found) == sorted((f"{who}-{number}",) for number in range(30))
    told = stack.portrait.wait_caught_up(0)
    assert told["balance"]["balanced"]
    assert stack.ask("select count(*) from crm.rejected_events") == [(0,)]
