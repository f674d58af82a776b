"""The real clients of Segment and RudderStack send to a running stack: by address and key alone, and the store is as expected.

Of Segment two versions of the Python client (the one of the development dependencies, and an older one that only names its key
in the body), the one for Node, and the one for browsers in Chromium; of RudderStack those for Python and Node, and two for
browsers. Those that are not installed are fetched; one that a machine cannot fetch or run is skipped, and it is said.
docs/channels/segment.md does what it says on the same stack.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.local.records import wait_until
from tests.system.chromium import chromium, site
from tests.system.command import ROOT
from tests.system.lost_answers import losing_answers
from tests.system.page import run_blocks
from tests.system.segment_stack import CHROMIUM, RUDDER_VERSIONS, VERSIONS, Stack, ended, running_stack

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs/channels/segment.md").read_text("utf-8")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("segment")) as running:
        yield running


def short(name: str) -> str:
    return name.replace(".", "")


@pytest.fixture(scope="module", autouse=True)
def told_to_wait(stack: Stack) -> Iterator[Mapping[str, subprocess.Popen[str]]]:
    """Clients whose source may send little, by name. They take their time while other tests run."""
    here = [name for name in VERSIONS if not stack.clients[name].missing]
    running = {name: stack.begin(name, stack.slow[name], f"slow-{short(name)}", "plain") for name in here}
    yield running
    for each in running.values():
        each.kill()
        each.communicate()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl, which is not on this machine")
def test_the_page_does_what_it_says(stack: Stack) -> None:
    said = run_blocks(PAGE, stack.portrait.home.parent)
    assert '{"success":true,"accepted":1,"rejected":[]}' in said
    assert '"path":"$.properties.currency","code":"missing_field"' in said
    assert "Nguyễn Thị Lan" in said
    assert re.search(r"\d{4}-\d\d-\d\d +\| +1 +\| +1\n", said)
    bought = "select orders, revenue::int from crm.customers where full_name = 'Nguyễn Thị Lan'"
    assert stack.ask(bought) == [(1, 880_000)]


def snippet(language: str, of: str) -> str:
    """The one block of the page in this language that has `of` in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = (str(each) for each in blocks if of in each)
    return found


@pytest.mark.parametrize(
    ("name", "language", "of", "company"),
    [
        ("node", "js", "@segment/", "Công ty Hoa Sen"),
        ("rudder-node", "js", "@rudderstack/", "Công ty Sao Mai"),
        ("rudder-python", "py", "rudderstack", "Công ty Bình Minh"),
    ],
    ids=["node", "rudder-node", "rudder-python"],
)
def test_the_snippet_does_what_the_page_says(stack: Stack, name: str, language: str, of: str, company: str) -> None:
    client = stack.client(name)
    place = client.cwd or stack.portrait.home.parent
    program = place / {"js": "page.mjs", "py": "page.py"}[language]
    program.write_text(snippet(language, of), "utf-8")
    environ = {**os.environ, **client.environ, "WRITE_KEY": stack.shop, "PORTRAIT_COLLECTOR_URL": stack.collector}
    done = subprocess.run(
        [client.command[0], program.name],
        cwd=place,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    companies = (
        "select data #>> '{customer,company,name}' from crm.events where data #>> '{customer,company,name}' = %s"
    )
    assert wait_until(lambda: stack.ask(companies, company) == [(company,)], 30, every=0.1)


def test_the_snippet_for_browsers_sends_from_a_page_of_another_address(stack: Stack, tmp_path: Path) -> None:
    place = stack.client("browser").cwd
    assert place is not None
    known = f'<script>const WRITE_KEY = "{stack.shop}", PORTRAIT_COLLECTOR_URL = "{stack.collector}"</script>'
    page = f'<!doctype html><meta charset="utf-8"><body>{known}{snippet("html", "@segment/")}</body>'
    (place / "page.html").write_text(page, "utf-8")
    query = "select type, data #>> '{page,utm,source}', customer_id from crm.events where event_id like 'ajs-next-%'"
    with site(place) as address:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
        command += ["--virtual-time-budget=10000", "--dump-dom", f"{address}/page.html?utm_source=zalo"]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert wait_until(lambda: len(stack.ask(query)) == 2, 30, every=0.1), stack.ask(query)
    viewed, added = sorted(stack.ask(query))
    assert (viewed[:2], added[:2]) == (("web.page_viewed.v1", "zalo"), ("web.tracked.v1", "zalo"))
    assert viewed[2] == added[2] is not None


RUDDER_PAGES: tuple[dict[str, str], ...] = (
    {},
    {"{ configUrl": "{ useBeacon: true, configUrl"},
    {
        "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js": "rudder-sdk-js/dist/npm/index.js",
        "new rudderanalytics.RudderAnalytics()": "rudderanalytics",
    },
)
"""What is changed in the block of the page, and into what: nothing, what makes it send beacons, and for the client before it."""


def test_rudderstack_in_a_browser_asks_the_collector_and_sends_each_call_once_and_asks_nobody_else(
    stack: Stack,
) -> None:
    place = stack.client("rudder-browser").cwd
    assert place is not None
    query = """
    select type, data #>> '{page,utm,source}', coalesce(data #>> '{page,name}', data ->> 'event'), count(*)
    from crm.events where data #>> '{page,utm,source}' like 'rudder-%' group by 1, 2, 3 order by 1, 2
    """
    known = f'<script>const WRITE_KEY = "{stack.shop}", PORTRAIT_COLLECTOR_URL = "{stack.collector}"</script>'
    with site(place) as address, chromium() as browser:
        tabs = []
        for number, changes in enumerate(RUDDER_PAGES):
            shown = snippet("html", "rudderanalytics")
            for old, new in changes.items():
                assert old in shown
                shown = shown.replace(old, new)
            page = place / f"{number}.html"
            page.write_text(f'<!doctype html><meta charset="utf-8"><body>{known}{shown}</body>', "utf-8")
            tabs.append(browser.tab())
            tabs[-1].go(f"{address}/{page.name}?utm_source=rudder-{number}")

        def arrived() -> bool:
            for tab in tabs:  # a page is asked to send its beacons when the person turns to another one
                tab.show()
            return len(stack.ask(query)) >= 2 * len(tabs)

        wait_until(arrived, 60, every=0.5)
        asked = [{each["url"].partition("?")[0] for each in tab.requests()} for tab in tabs]
    stack.portrait.wait_caught_up(0)
    assert stack.ask(query) == [
        (type_, f"rudder-{number}", name, 1)
        for type_, name in (("web.page_viewed.v1", "Giày"), ("web.tracked.v1", "Product Added"))
        for number in range(len(tabs))
    ]
    assert [each for asked_ in asked for each in asked_ if not each.startswith((address, stack.collector))] == []
    assert all(f"{stack.collector}/sourceConfig/" in each for each in asked)
    assert [f"{stack.collector}/beacon/v1/batch" in each for each in asked] == [False, True, False]


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
        "business": sorted(
            stack.ask(
                f"select segment {one.format('crm.customer_segments')} and family in ('business', 'business_size')",
                customer,
            )
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
        "business": [("business",), ("business_large",)],
        "days": [("2026-11-20",)],
    }


@pytest.mark.parametrize("name", VERSIONS)
def test_every_kind_of_call_is_in_the_store_once_however_often_it_is_sent(stack: Stack, name: str) -> None:
    who = short(name)
    version = stack.run(name, stack.shop, who)
    assert re.fullmatch(VERSIONS[name], version)
    stack.stored(who, 8)
    once = tables(stack, who)
    assert once == expected(who, "shop")
    stack.run(name, stack.shop, who, "plain" if name == "node" else "gzip")
    stack.portrait.wait_caught_up(0)
    assert tables(stack, who) == once


@pytest.mark.parametrize(
    ("name", "how", "described"),
    [
        ("python-2.3", "gzip", ("application/json", "gzip")),
        ("python-2.4", "gzip", ("application/json", "gzip")),
        ("node", "plain", ("application/json", "")),
        ("rudder-python", "gzip", ("application/json", "gzip")),
        # its library for HTTP takes bytes for a form
        ("rudder-node", "gzip", ("application/x-www-form-urlencoded", "gzip")),
    ],
    ids=[*VERSIONS, *RUDDER_VERSIONS],
)
def test_every_kind_of_call_is_in_the_store_once_when_an_answer_is_lost(
    stack: Stack, name: str, how: str, described: tuple[str, str]
) -> None:
    who = f"lost-{short(name)}"
    with losing_answers(stack.collector) as (address, passed):
        assert re.fullmatch((VERSIONS | RUDDER_VERSIONS)[name], stack.run(name, stack.shop, who, how, address))
    assert passed[0] == (*described, 200, 503)
    assert set(passed[1:]) == {(*described, 200, 200)}
    stack.stored(who, 8)
    once = tables(stack, who)
    assert once == expected(who, "shop")
    stack.run(name, stack.shop, who, "plain")
    stack.portrait.wait_caught_up(0)
    assert tables(stack, who) == once


@pytest.mark.parametrize("name", VERSIONS)
def test_a_client_that_is_told_to_wait_comes_again_and_nothing_is_lost(
    stack: Stack, told_to_wait: Mapping[str, subprocess.Popen[str]], name: str
) -> None:
    stack.client(name)
    ended(told_to_wait[name])
    assert stack.answered(f"slow-{name}", 429) > 0
    who = f"slow-{short(name)}"
    stack.stored(who, 8)
    assert tables(stack, who) == expected(who, f"slow-{name}")


def test_the_broker_is_killed_in_the_middle_and_every_call_is_in_the_store_once(stack: Stack) -> None:
    names = [name for name in (*VERSIONS, *RUDDER_VERSIONS) if not stack.clients[name].missing]
    accepted = stack.answered("shop", 200)
    (broker,) = (each["pid"] for each in stack.portrait.ask("status")["processes"] if each["name"] == "kafka")
    running = {name: stack.begin(name, stack.shop, f"killed-{short(name)}", "many") for name in names}
    assert wait_until(lambda: stack.answered("shop", 200) > accepted + 5, 30, every=0.05)
    os.kill(broker, signal.SIGKILL)
    for each in running.values():
        ended(each)
    for name in names:
        who = f"killed-{short(name)}"
        stack.stored(who, 30)
        found = stack.ask("select event_id from crm.events where event_id like %s", f"{who}-%")
        assert sorted(found) == sorted((f"{who}-{number}",) for number in range(30))
    told = stack.portrait.wait_caught_up(0)
    assert told["balance"]["balanced"]
    assert stack.portrait.ask("verify")["equal"] is True
    refused = "select count(*) from crm.rejected_events where source = '/segment/shop' or source like '/segment/slow-%'"
    assert stack.ask(refused) == [(0,)]
