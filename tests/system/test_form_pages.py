"""docs/channels/forms.md and html-form.md do what they say, on a running stack: their blocks, the script for Google in Node, and
the form in Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
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
from tests.system.chromium import site
from tests.system.command import ROOT, Portrait
from tests.system.page import put_commands, run_blocks
from tests.system.segment_stack import CHROMIUM

pytestmark = pytest.mark.integration

FORMS = (ROOT / "docs/channels/forms.md").read_text("utf-8")
PAGE = (ROOT / "docs/channels/html-form.md").read_text("utf-8")


class Stack(NamedTuple):
    """A stack in `place`/.portrait."""

    portrait: Portrait
    place: Path

    @property
    def collector(self) -> str:
        return self.portrait.settings[COLLECTOR_URL]

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.portrait.settings[DATABASE_URL])) as opened, opened.cursor() as at:
            at.execute(query, parameters or None)
            return at.fetchall()

    def submitted(self, source: str, count: int = 1) -> list[dict[str, Any]]:
        """The data of the events of a source, which all have a customer, once there are so many and everything is stored."""
        query = "select data from crm.events where source = %s and customer_id is not null order by time, event_id"
        asked = f"/forms/{source}"
        assert wait_until(lambda: len(self.ask(query, asked)) >= count, 30, every=0.1), self.ask(query, asked)
        assert wait_until(lambda: '"caught_up": true' in self.portrait.run("status", "--json"), 30, every=0.1)
        return [data for (data,) in self.ask(query, asked)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    place = put_commands(tmp_path_factory.mktemp("forms"))
    portrait = Portrait(place / ".portrait")
    portrait.run("up", "--detach", "--workers", "1", "--partitions", "2")
    try:
        yield Stack(portrait, place)
    finally:
        portrait.run("down")


def block(page: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_of_form_services_does_what_it_says(stack: Stack) -> None:
    printed = run_blocks(FORMS, stack.place)
    assert printed.count('{"accepted":1,"rejected":[],"left_out":0}') == 2
    assert "✓ This would be taken." in printed
    (registered,) = stack.submitted("khoa-hoc")
    assert registered["customer"]["full_name"] == "Phạm Quang Minh"
    assert registered["customer"]["consent"] == {"email": True}
    assert registered["answers"] == {"Bạn muốn học gì?": ["Pha chế", "Rang xay"]}
    (asked,) = stack.submitted("tu-van")
    assert (asked["customer"]["full_name"], asked["page"]["utm"]["source"]) == ("Trần Văn Ốc", "zalo")


def told_by_script(stack: Stack, statuses: list[int | None]) -> tuple[list[dict[str, Any]], str | None]:
    """What the script of the page asks of Google's `UrlFetchApp`, which answers with `statuses`, and what it fails with."""
    if shutil.which("node") is None:
        pytest.skip("SKIPPED THE SCRIPT FOR GOOGLE FORMS: there is no node on this machine")
    script = stack.place / "google.js"
    script.write_text(block(FORMS, "js"), "utf-8")
    done = subprocess.run(
        ["node", str(ROOT / "tests/system/clients/google_forms.js"), str(script), json.dumps(statuses)],
        env=os.environ | {"PORTRAIT_KEY": "the-key"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)
    return told["asked"], told["threw"]


def test_the_script_for_google_forms_sends_what_the_mapping_reads(stack: Stack) -> None:
    (asked,), threw = told_by_script(stack, [200])
    assert threw is None
    assert asked["address"].endswith("/v1/hooks/khoa-hoc")
    request = asked["request"]
    assert (request["method"], request["contentType"]) == ("post", "application/json")
    assert request["headers"] == {"X-Portrait-Key": "the-key"}
    keys = stack.portrait.home / "keys.yaml"
    key = add_source(keys, "google")
    (stack.portrait.home / "google.yaml").write_text(
        re.search(r"khoa-hoc\.yaml <<'YAML'\n(questions.*?)YAML", FORMS, re.DOTALL)[1],  # type: ignore[index]
        "utf-8",
    )
    configured(keys, webhook={"platform": "form", "mapping": "google.yaml"})
    address = f"{stack.collector}/v1/hooks/google"
    assert wait_until(lambda: httpx.post(address).status_code == 401, 10, every=0.1)
    for _ in range(2):
        answered = httpx.post(address, content=request["payload"].encode(), headers={"X-Portrait-Key": key})
        assert answered.json() == {"accepted": 1, "rejected": [], "left_out": 0}
    (registered,) = stack.submitted("google")
    assert registered["customer"]["full_name"] == "Lê Thị Hoà"
    assert registered["customer"]["consent"] == {"email": True, "zalo": True}
    assert registered["answers"] == {"Bạn thấy thế nào?": ["Tốt", None]}


def test_the_script_for_google_forms_tries_again_and_says_when_it_fails(stack: Stack) -> None:
    asked, threw = told_by_script(stack, [503, None, 200])
    assert (len(asked), threw) == (3, None)
    asked, threw = told_by_script(stack, [503, 503, 503, 401])
    assert (len(asked), threw) == (4, "Portrait did not take an answer: 401 {}")


def configured(keys: Path, **said: Any) -> None:
    """The last source of the file, with more said of it."""
    entries = yaml.safe_load(keys.read_text("utf-8"))
    entries["sources"][-1] |= said
    keys.write_text(yaml.safe_dump(entries, allow_unicode=True), "utf-8")


def test_the_page_of_plain_forms_does_what_it_says(stack: Stack) -> None:
    printed = run_blocks(PAGE, stack.place)
    assert "303 https://cuahang.example/cam-on" in printed
    (asked,) = stack.submitted("lien-he")
    assert (asked["customer"]["full_name"], asked["answers"]) == ("Nguyễn Thị Lan", {"message": "Cho tôi hỏi giá sỉ."})


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, as Playwright drives it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="SKIPPED THE FORM IN A BROWSER: no playwright here")
    if not CHROMIUM:
        pytest.skip("SKIPPED THE FORM IN A BROWSER: there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def on_page(stack: Stack, browser: Any, directory: Path, name: str, **attributes: str) -> Iterator[Any]:
    """The form of the docs, of a source `name`, on a page that a visitor has opened. It thanks on another page."""
    with site(directory) as address:
        keys = stack.portrait.home / "keys.yaml"
        add_source(keys, name, public=True)
        configured(keys, form={"thanks": f"{address}/cam-on.html"})
        action = f"{stack.collector}/v1/forms/{name}"
        assert wait_until(lambda: httpx.post(action, data={"_gotcha": "x"}).status_code == 303, 10, every=0.1)
        form = block(PAGE, "html").replace("PORTRAIT_COLLECTOR_URL/v1/forms/lien-he", action)
        more = "".join(f'{attribute}="{value}" ' for attribute, value in attributes.items())
        form = form.replace("<form ", f"<form {more}")
        (directory / "lien-he.html").write_text(f'<!doctype html><meta charset="utf-8">{form}', "utf-8")
        (directory / "cam-on.html").write_text('<!doctype html><meta charset="utf-8"><p>Cảm ơn bạn!</p>', "utf-8")
        visitor = browser.new_context(java_script_enabled=name != "no-script")
        page = visitor.new_page()
        page.goto(f"{address}/lien-he.html?utm_source=zalo&redirect=https://evil.example")
        yield page
        visitor.close()


def type_in(page: Any, email: str, message: str) -> None:
    page.get_by_label("Họ và tên").fill("Trần Thị Nguyệt Ánh")
    page.get_by_label("E-mail").first.fill(email)
    page.get_by_label("Số điện thoại").fill("0912 304 557")
    page.get_by_label("Lời nhắn").fill(message)
    page.get_by_label("Zalo").check()


def thanked(page: Any) -> None:
    page.get_by_text("Cảm ơn bạn!").wait_for()


@pytest.mark.parametrize("enctype", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_visitor_is_thanked_and_becomes_a_customer(stack: Stack, browser: Any, tmp_path: Path, enctype: str) -> None:
    name = f"anh-{enctype[0]}"
    with on_page(stack, browser, tmp_path, name, enctype=enctype) as page:
        address = page.url
        type_in(page, f"{name}@example.com", "Đặt bàn & hỏi giá\ncho hai người")
        page.get_by_role("button", name="Gửi").click()
        thanked(page)
    (sent,) = stack.submitted(name)
    assert sent["customer"] == {
        "full_name": "Trần Thị Nguyệt Ánh",
        "email": f"{name}@example.com",
        "phone": "0912 304 557",
    }
    assert sent["answers"] == {"message": "Đặt bàn & hỏi giá\r\ncho hai người", "consent": "zalo"}
    assert sent["page"] == {"url": address, "utm": {"source": "zalo"}}


def test_a_double_click_counts_once_and_a_form_that_is_changed_counts_again(
    stack: Stack, browser: Any, tmp_path: Path
) -> None:
    with on_page(stack, browser, tmp_path, "twice") as page:
        type_in(page, "hai@example.com", "một")
        page.get_by_role("button", name="Gửi").dblclick()
        thanked(page)
        page.go_back()
        type_in(page, "hai@example.com", "hai")
        page.get_by_role("button", name="Gửi").click()
        thanked(page)
    sent = stack.submitted("twice", 2)
    assert [each["answers"]["message"] for each in sent] == ["một", "hai"]


def test_without_a_script_the_form_works_as_well(stack: Stack, browser: Any, tmp_path: Path) -> None:
    with on_page(stack, browser, tmp_path, "no-script") as page:
        type_in(page, "khong@example.com", "Chào")
        page.get_by_role("button", name="Gửi").click()
        thanked(page)
    (sent,) = stack.submitted("no-script")
    assert sent["answers"] == {"message": "Chào", "consent": "zalo"}


def test_a_machine_that_fills_in_everything_is_thanked_and_not_kept(stack: Stack, browser: Any, tmp_path: Path) -> None:
    with on_page(stack, browser, tmp_path, "machine") as page:
        type_in(page, "may@example.com", "Rẻ!")
        page.locator("[name=_gotcha]").fill("https://spam.example")
        page.get_by_role("button", name="Gửi").click()
        thanked(page)
    assert '{source="machine",what="honeypot"} 2.0' in httpx.get(f"{stack.collector}/metrics").text
    assert wait_until(lambda: '"caught_up": true' in stack.portrait.run("status", "--json"), 30, every=0.1)
    assert stack.ask("select 1 from crm.customer_identifiers where value = %s", "may@example.com") == []
