"""The page beacon in a real Chromium, on pages of another address than the collector's: what it sends is in Kafka, and before
the visitor has agreed there is neither a cookie nor a request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from ops.local.records import wait_until
from producers.doors.beacon import beacon
from producers.keys.changes import add_source
from tests.integration.running_collector import RunningCollector, running_collector
from tests.system.chromium import Browser, Tab, chromium, site
from tests.topic_reader import cloud_events

pytestmark = pytest.mark.integration

MOST_BYTES = 3_000


@pytest.fixture(scope="module")
def collector(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    with running_collector(kafka, tmp_path_factory.mktemp("beacon")) as running:
        yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Shop(NamedTuple):
    """Pages with the beacon, and what of them is in Kafka. `source` is of this test alone."""

    url: str
    directory: Path
    source: str
    kafka: str
    collector: RunningCollector
    key: str

    def page(self, name: str, script: str = "", more: str = "") -> str:
        """Writes a page and returns its address. `script` runs before the beacon is there, as a snippet in a page does."""
        text = (
            f'<!doctype html><html lang="vi"><meta charset="utf-8"><title>Trang {name}</title><script>'
            "window.portrait = window.portrait || function () {(portrait.q = portrait.q || []).push(arguments)}\n"
            f'{script}</script><script async src="{self.collector.url}/v1/portrait.js" data-key="{self.key}"></script>'
            f"<body>{more}</body></html>"
        )
        (self.directory / f"{name}.html").write_text(text, "utf-8")
        return f"{self.url}/{name}.html"

    def events(self) -> list[dict[str, Any]]:
        """In the order of their times."""
        found = cloud_events(self.kafka, "events.web")
        return sorted((each for each in found if each["source"] == self.source), key=lambda each: str(each["time"]))

    def arrived(self, count: int) -> list[dict[str, Any]]:
        assert wait_until(lambda: len(self.events()) >= count, 20, every=0.1), self.events()
        found = self.events()
        assert len(found) == count, found
        return found


@pytest.fixture
def shop(kafka: str, collector: RunningCollector, tmp_path: Path) -> Iterator[Shop]:
    name = f"shop-{tmp_path.name.replace('_', '-')}"[:60]
    key = add_source(collector.keys, name, public=True)
    settled = f"{collector.url}/v1/projects/{key}/settings"
    assert wait_until(lambda: httpx.get(settled, timeout=5).status_code == 200, 10, every=0.1)
    with site(tmp_path) as url:
        yield Shop(url, tmp_path, f"/segment/{name}", kafka, collector, key)


LOADED = "!!(window.portrait && portrait.on)"
STORED = "document.cookie + JSON.stringify([...Object.keys(localStorage), ...Object.keys(sessionStorage)])"


def sent(tab: Tab) -> list[str]:
    """Addresses of the collector to which the page has posted."""
    return [each["url"] for each in tab.requests() if each["method"] == "POST"]


def of(event: dict[str, Any]) -> str:
    return str(event["data"]["customer"]["anonymous_id"])


def test_it_is_small_enough_and_kept_by_browsers(collector: RunningCollector) -> None:
    address = f"{collector.url}/v1/portrait.js"
    first = httpx.get(address, headers={"Accept-Encoding": "identity"})
    assert len(first.content) < MOST_BYTES
    assert first.content == beacon()
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["cache-control"] == "public, max-age=3600"
    again = httpx.get(address, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert httpx.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    head = httpx.head(address)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])


def test_before_the_visitor_agrees_nothing_is_kept_and_nothing_leaves(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    tab.go(shop.page("giày") + "?utm_source=zalo&utm_campaign=tết")
    tab.until(LOADED)
    tab.run("portrait('track', 'Product Viewed', {category: 'Giày'})")
    tab.run("new Promise(done => setTimeout(done, 400))")  # four times what the beacon waits for more
    assert (tab.run(STORED), tab.cookies(), sent(tab)) == ("[]", [], [])
    tab.run("portrait('consent', true)")
    viewed, tracked = shop.arrived(2)
    (cookie,) = tab.until_cookies(1)
    assert (cookie["name"], cookie["value"], cookie["sameSite"]) == ("portrait_id", of(viewed), "Lax")
    assert viewed["type"] == "web.page_viewed.v1"
    assert viewed["data"]["page"] == {
        "url": shop.url + "/gi%C3%A0y.html?utm_source=zalo&utm_campaign=t%E1%BA%BFt",
        "path": "/gi%C3%A0y.html",
        "title": "Trang giày",
        "utm": {"source": "zalo", "campaign": "tết"},
    }
    assert (tracked["type"], tracked["data"]["event"]) == ("web.tracked.v1", "Product Viewed")
    assert of(tracked) == of(viewed)
    assert shop.key not in json.dumps(viewed)
    assert {each["method"] for each in tab.requests()} == {"GET", "POST"}, (
        "to ask for permission first would be a second way"
    )
    assert tab.errors() == []


def test_who_has_agreed_is_known_on_the_next_page_and_after_withdrawal_is_not(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    tab.go(shop.page("một", "portrait('consent', true)"))
    (first,) = shop.arrived(1)
    tab.follow(shop.page("hai"))
    _, second = shop.arrived(2)
    assert of(second) == of(first)
    assert second["data"]["page"]["referrer"] == f"{shop.url}/m%E1%BB%99t.html"
    tab.run("portrait('consent', false)")
    assert tab.run(STORED) == "[]"
    tab.until_cookies(0)
    posted = len(sent(tab))
    tab.run("portrait('track', 'Clicked')")
    tab.run("new Promise(done => setTimeout(done, 400))")
    assert len(sent(tab)) == posted
    tab.run("portrait('consent', true); portrait('page')")
    *_, third = shop.arrived(3)
    assert of(third) not in (of(first), "")
    assert third["data"]["customer"] == {"anonymous_id": of(third)}


def test_a_withdrawal_in_one_tab_holds_in_the_other(browser: Browser, shop: Shop) -> None:
    one, other = browser.tab(), browser.tab()
    one.go(shop.page("một", "portrait('consent', true)"))
    shop.arrived(1)
    other.go(shop.page("hai"))
    shop.arrived(2)
    other.run("portrait('consent', false)")
    one.run("portrait('track', 'Clicked')")
    one.run("new Promise(done => setTimeout(done, 400))")
    one.until_cookies(0)
    assert len(sent(one)) == 1
    assert len(shop.events()) == 2


def test_who_agrees_again_in_one_tab_is_that_visitor_in_the_other(browser: Browser, shop: Shop) -> None:
    one, other = browser.tab(), browser.tab()
    one.go(shop.page("một", "portrait('consent', true); portrait('identify', 'KH-17')"))
    shop.arrived(2)
    other.go(shop.page("hai"))
    shop.arrived(3)
    other.run("portrait('consent', false); portrait('consent', true); portrait('track', 'Anew')")
    anew = shop.arrived(4)[-1]
    one.run("portrait('track', 'Of before')")  # from before this tab could know: it is not sent
    one.run("new Promise(done => setTimeout(done, 400))")
    one.run("portrait('track', 'Behind')")
    behind = shop.arrived(5)[-1]
    assert behind["data"]["event"] == "Behind"
    assert behind["data"]["customer"] == anew["data"]["customer"] == {"anonymous_id": of(anew)}
    assert [cookie["value"] for cookie in one.until_cookies(1)] == [of(anew)]


def test_what_was_on_its_way_before_a_withdrawal_is_not_sent_again_as_of_the_new_visitor(
    browser: Browser, shop: Shop
) -> None:
    held = (
        "portrait('consent', true); window.tries = 0; const real = fetch; window.fetch = (...a) => {"
        "if (++tries > 1) return real(...a); return new Promise((_, no) => {window.lose = () => no(new TypeError())})}"
    )
    tab = browser.tab()
    tab.go(shop.page("một", held))
    tab.until("tries == 1")
    tab.run("portrait('consent', false); portrait('consent', true); lose()")
    tab.run("new Promise(done => setTimeout(done, 100))")
    tab.run("portrait('track', 'Anew'); 0")
    tab.until("tries == 2")
    (anew,) = shop.arrived(1)
    assert anew["data"]["event"] == "Anew"


def test_a_view_is_sent_when_a_browser_tells_of_the_end_by_pagehide_alone(browser: Browser, shop: Shop) -> None:
    """As Safari did before 14.1."""
    tab = browser.tab()
    silent = "document.addEventListener('visibilitychange', e => e.stopImmediatePropagation(), true)"
    tab.go(shop.page("trước", f"{silent}; portrait('consent', true)"))
    shop.arrived(1)
    target = shop.page("sau")
    tab.run(f"portrait('track', 'Left'); location.href = '{target}'")
    tab.until("document.title == 'Trang sau'")
    assert [each["data"].get("event") for each in shop.arrived(3)] == [None, "Left", None]


def test_a_page_that_is_made_ready_beforehand_is_a_view_when_it_is_shown(browser: Browser, shop: Shop) -> None:
    early = "portrait('track', 'Ready', {early: !!document.prerendering})"
    target, never = shop.page("hai", early), shop.page("ba", early)
    rules = json.dumps({"prerender": [{"source": "list", "urls": [target, never], "eagerness": "immediate"}]})
    script = f"setTimeout(() => location.href = '{target}', 3000)"
    first = shop.page(
        "một",
        f"portrait('consent', true); {script}",
        f'<script type="speculationrules">{rules}</script>',
    )
    browser.ask("Target.createTarget", url=first)  # what is looked at through the protocol makes no page ready
    _, ready, shown = shop.arrived(3)
    if not ready["data"]["properties"]["early"]:
        pytest.skip("NOT TRIED: this Chromium makes no page ready beforehand")
    assert shown["data"]["page"]["title"] == "Trang hai"
    assert datetime.fromisoformat(shown["time"]) - datetime.fromisoformat(ready["time"]) > timedelta(seconds=1)


def test_a_view_is_sent_when_the_page_is_left_at_once(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    tab.go(shop.page("trước", "portrait('consent', true)"))
    shop.arrived(1)
    beacons = "navigator.sendBeacon = new Proxy(navigator.sendBeacon, {apply: (f, _, a) => {"
    beacons += "localStorage.sent = a[0]; return f.apply(navigator, a)}})"
    tab.run(beacons)
    target = shop.page("sau")
    tab.run(f"portrait('track', 'Left', {{to: 'Đà Nẵng'}}); location.href = '{target}'")
    tab.until("document.title == 'Trang sau'")
    first, left, second = shop.arrived(3)
    assert [left["data"].get("event"), left["data"]["properties"]] == ["Left", {"to": "Đà Nẵng"}]
    assert tab.run("localStorage.sent") == f"{shop.collector.url}/v1/b"
    assert of(first) == of(left) == of(second)


def test_pages_that_are_made_in_the_page_are_views_once_each(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    address = shop.page("app", "portrait('consent', true)")
    tab.go(address)
    shop.arrived(1)
    tab.run("history.replaceState({}, '', location.href)")  # as frameworks do when they start
    tab.run("history.pushState({}, '', '/giày'); document.title = 'Giày'")
    shop.arrived(2)
    tab.run("history.pushState({}, '', '/giày#size'); history.back(); 0")
    tab.run("new Promise(done => setTimeout(done, 300))")
    tab.run("history.back(); 0")
    found = shop.arrived(3)
    pages = [(each["data"]["page"]["url"], each["data"]["page"].get("referrer")) for each in found]
    assert pages == [
        (address.replace("app", "app"), None),
        (f"{shop.url}/gi%C3%A0y", address),
        (address, f"{shop.url}/gi%C3%A0y"),
    ]
    assert found[1]["data"]["page"]["title"] == "Giày"


def test_a_page_that_is_shown_again_from_memory_is_a_view(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    tab.go(shop.page("một", "portrait('consent', true)"))
    shop.arrived(1)
    tab.run("window.mark = 1")
    tab.go(shop.page("hai"))
    shop.arrived(2)
    tab.run("history.back(); 0")
    tab.until("document.title == 'Trang một'")
    if tab.run("window.mark") != 1:
        pytest.skip("NOT TRIED: this Chromium keeps no page in memory")
    assert [each["data"]["page"]["title"] for each in shop.arrived(3)] == ["Trang một", "Trang hai", "Trang một"]


def test_the_script_twice_in_a_page_is_one(browser: Browser, shop: Shop) -> None:
    again = f'<script src="{shop.collector.url}/v1/portrait.js" data-key="{shop.key}"></script>'
    tab = browser.tab()
    tab.go(shop.page("hai-lần", "portrait('consent', true)", again * 2))
    tab.until(LOADED)
    shop.arrived(1)
    tab.run("portrait('track', 'Once')")
    assert len(shop.arrived(2)) == 2


@pytest.mark.parametrize("signal", ["globalPrivacyControl: {value: true}", "doNotTrack: {value: '1'}"])
def test_who_asks_not_to_be_followed_is_not_even_after_a_click(browser: Browser, shop: Shop, signal: str) -> None:
    tab = browser.tab()
    tab.go(shop.page("một", "portrait('consent', true)"))
    shop.arrived(1)
    tab.until_cookies(1)
    tab.go(shop.page("hai", f"Object.defineProperties(navigator, {{{signal}}}); portrait('consent', true)"))
    tab.until(LOADED)
    tab.run("portrait('track', 'Clicked')")
    tab.run("new Promise(done => setTimeout(done, 400))")
    tab.until_cookies(0)
    assert len(sent(tab)) == 1  # of the page before
    assert len(shop.events()) == 1


def test_what_the_collector_cannot_take_is_sent_again_and_counts_once(browser: Browser, shop: Shop) -> None:
    """The answer is lost on its way: the beacon cannot know that the calls arrived, and sends them again with the same ids."""
    lost = (
        "portrait('consent', true); window.tries = 0; const real = fetch; window.fetch = (...a) => {"
        "if (++tries > 1) return real(...a); return real(...a).then(() => {throw new TypeError('lost')})}"
    )
    tab = browser.tab()
    tab.go(shop.page("mất", lost))
    tab.until("tries == 1")
    shop.arrived(1)
    tab.run("portrait('track', 'Next')")
    tab.until("tries == 2")
    found = shop.arrived(3)
    assert len({each["id"] for each in found}) == 2


HOSTILE: dict[str, Callable[[Shop], str]] = {
    "unknown word": lambda _: "portrait('nothing', 1); portrait(); portrait('track')",
    "an object that is a circle": lambda _: "const a = {}; a.a = a; portrait('track', 'X', a)",
    "no fetch and no beacon": lambda _: "window.fetch = navigator.sendBeacon = undefined",
    "no cookies": lambda _: "Object.defineProperty(document, 'cookie', {get() {throw 1}, set() {throw 2}})",
    "a queue that is none": lambda _: "window.portrait = {q: 7}",
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_goes_wrong_is_seen_by_the_page(browser: Browser, shop: Shop, hostile: str) -> None:
    tab = browser.tab()
    tab.go(shop.page("lạ", f"portrait('consent', true); {HOSTILE[hostile](shop)}"))
    tab.until(LOADED)
    tab.run("portrait('page'); history.pushState({}, '', '/x'); portrait('consent', false)")
    tab.run("new Promise(done => setTimeout(done, 300))")
    assert tab.errors() == []


def test_where_cookies_are_shut_off_the_visitor_is_one_for_the_page_alone(browser: Browser, shop: Shop) -> None:
    off = "Object.defineProperty(document, 'cookie', {get: () => '', set: () => {}}); portrait('consent', true)"
    tab = browser.tab()
    tab.go(shop.page("một", off))
    shop.arrived(1)
    tab.run("portrait('track', 'Clicked')")
    first, second = shop.arrived(2)
    assert of(first) == of(second)
    tab.go(shop.page("hai", off))
    *_, third = shop.arrived(3)
    assert of(third) != of(first)
    tab.until_cookies(0)


def test_who_signs_in_is_joined_to_the_browser(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    tab.go(shop.page("một", "portrait('consent', true)"))
    tab.until(LOADED)
    tab.run("portrait('identify', 'KH-17', {email: 'lan@example.vn', name: 'Nguyễn Thị Lan'})")
    tab.run("portrait('page', 'Tài khoản', {category: 'của tôi', points: 12})")
    found = shop.arrived(3)  # in one millisecond, maybe
    (known,) = [each for each in found if each["type"] == "web.identified.v1"]
    viewed, account = sorted(
        (each for each in found if each is not known), key=lambda each: "name" in each["data"]["page"]
    )
    assert "customer_no" not in viewed["data"]["customer"]
    assert known["data"]["customer"] == {
        "anonymous_id": of(viewed),
        "customer_no": "KH-17",
        "email": "lan@example.vn",
        "full_name": "Nguyễn Thị Lan",
    }
    assert account["data"]["customer"] == {"anonymous_id": of(viewed), "customer_no": "KH-17"}
    assert (account["data"]["page"]["name"], account["data"]["properties"]) == ("Tài khoản", {"points": 12})


def test_on_the_subdomains_of_a_shop_a_visitor_is_one_when_the_page_says_so(shop: Shop) -> None:
    _, _, port = shop.url.rpartition(":")
    shop.page("một", "portrait('consent', true)", "")
    text = (
        (shop.directory / "một.html").read_text("utf-8").replace("data-key", 'data-domain="cuahang.example" data-key')
    )
    (shop.directory / "một.html").write_text(text, "utf-8")
    (shop.directory / "hai.html").write_text(text.replace("portrait('consent', true)", ""), "utf-8")
    with chromium("--host-resolver-rules=MAP *.cuahang.example 127.0.0.1") as browser:
        tab = browser.tab()
        tab.go(f"http://www.cuahang.example:{port}/một.html")
        shop.arrived(1)
        tab.go(f"http://m.cuahang.example:{port}/hai.html")
        first, second = shop.arrived(2)
        assert of(first) == of(second)
        assert [cookie["domain"] for cookie in tab.until_cookies(1)] == [".cuahang.example"]
        tab.run("portrait('consent', false)")
        tab.go(f"http://www.cuahang.example:{port}/hai.html")
        tab.until_cookies(0)


def test_a_withdrawal_deletes_the_cookie_whatever_domain_the_pages_named_when_it_was_made(shop: Shop) -> None:
    _, _, port = shop.url.rpartition(":")
    shop.page("không", "")
    text = (shop.directory / "không.html").read_text("utf-8")
    named = text.replace("data-key", 'data-domain="cuahang.example" data-key')
    (shop.directory / "có.html").write_text(named, "utf-8")
    with chromium("--host-resolver-rules=MAP *.cuahang.example 127.0.0.1") as browser:
        tab = browser.tab()
        for before, after in (("không", "có"), ("có", "không")):
            tab.go(f"http://www.cuahang.example:{port}/{before}.html")
            tab.until(LOADED)
            tab.run("portrait('consent', true)")
            tab.until_cookies(1)
            tab.go(f"http://www.cuahang.example:{port}/{after}.html")
            tab.until(LOADED)
            tab.run("portrait('consent', false)")
            tab.until_cookies(0)


def test_a_cookie_of_another_name_is_not_taken_for_ours(browser: Browser, shop: Shop) -> None:
    tab = browser.tab()
    tab.go(shop.page("một", "document.cookie = 'x-portrait_id=12345678'; document.cookie = 'portrait_id_2=87654321'"))
    tab.until(LOADED)
    tab.run("new Promise(done => setTimeout(done, 300))")
    assert sent(tab) == []
    tab.run("portrait('consent', true)")
    (viewed,) = shop.arrived(1)
    assert of(viewed) not in ("12345678", "87654321")


def test_what_happens_without_a_network_is_sent_when_it_is_back(browser: Browser, shop: Shop) -> None:
    sooner = "const later = setTimeout; window.setTimeout = (f, ms) => later(f, ms > 5000 ? 300 : ms); window.tries = 0"
    count = "; const real = fetch; window.fetch = (...a) => {tries++; return real(...a)}; portrait('consent', true)"
    tab = browser.tab()
    tab.go(shop.page("một", sooner + count))
    shop.arrived(1)
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    tab.ask("Network.emulateNetworkConditions", offline=True, **speed)
    tab.run("portrait('track', 'First'); 0")
    tab.until("tries > 3")
    tab.run("portrait('track', 'Second'); 0")
    tab.ask("Network.emulateNetworkConditions", offline=False, **speed)
    _, first, second = shop.arrived(3)
    assert [first["data"]["event"], second["data"]["event"]] == ["First", "Second"]
    assert tab.errors() == []


def test_what_is_larger_than_a_browser_sends_from_a_page_that_ends_is_sent_as_well(
    browser: Browser, shop: Shop
) -> None:
    tab = browser.tab()
    tab.go(shop.page("một", "portrait('consent', true)"))
    tab.until(LOADED)
    tab.run("portrait('track', 'Large', {text: 'ế'.repeat(60000)}); portrait('track', 'Small')")
    told = {each["data"].get("event"): each["data"].get("properties") for each in shop.arrived(3)}
    assert told == {None: None, "Large": {"text": "ế" * 60_000}, "Small": None}
