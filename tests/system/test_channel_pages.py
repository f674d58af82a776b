"""The pages of channels do what they say: their blocks are run as they stand on one stack, the snippet in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ops.local.home import COLLECTOR_URL, DATABASE_URL
from ops.local.records import wait_until
from tests.system.chromium import chromium, site
from tests.system.command import ROOT, Portrait
from tests.system.page import put_commands, run_blocks

pytestmark = pytest.mark.integration

CHANNELS = ROOT / "docs" / "channels"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    portrait = Portrait(put_commands(tmp_path_factory.mktemp("channels")) / ".portrait")
    portrait.run("up", "--detach", "--workers", "1", "--partitions", "2")
    try:
        yield portrait
    finally:
        portrait.run("down")


def test_the_page_of_files_does_what_it_says(stack: Portrait) -> None:
    said = run_blocks((CHANNELS / "pos-files.md").read_text("utf-8"), stack.home.parent)
    assert "somebody has to look" in said
    assert "  line 4: data.basket.items[0].quantity: " in said
    assert "counted now:              1\n  counted before, the same: 2\n" in said
    assert "Trần Văn Đức" in said
    with closing(psycopg2.connect(stack.settings[DATABASE_URL])) as opened, opened.cursor() as at:
        at.execute("select full_name, orders, revenue::int from crm.customers order by full_name")
        assert at.fetchall() == [("Nguyễn Thị Ánh", 1, 530_000), ("Trần Văn Đức", 1, 45_000)]


def test_the_page_of_sites_does_what_it_says(stack: Portrait, tmp_path: Path) -> None:
    page = (CHANNELS / "web-page.md").read_text("utf-8")
    place = stack.home.parent
    first, found, rest = page.partition("## 5. Look at what came")
    assert found
    said = run_blocks(f"{first}\n```sh\necho key: $WRITE_KEY\n```\n", place)
    (key,) = re.findall(r"^key: (\S+)$", said, re.MULTILINE)
    (snippet,) = _blocks("html")
    snippet = snippet.replace("https://events.example.com", stack.settings[COLLECTOR_URL])
    snippet = snippet.replace('data-key="WRITE_KEY"', f'data-key="{key}"')
    consent, more = _blocks("js")
    (tmp_path / "giày.html").write_text(
        f'<!doctype html><html><head><meta charset="utf-8"><title>Giày</title>{snippet}</head></html>', "utf-8"
    )
    known = stack.settings[COLLECTOR_URL] + f"/v1/projects/{key}/settings"
    with chromium() as browser, site(tmp_path) as address:
        tab = browser.tab()
        tab.go(f"{address}/giày.html")
        tab.until(f"fetch('{known}').then(answer => answer.ok)")
        tab.until("!!portrait.on")
        agreed, withdrawn = consent.splitlines()
        tab.run(agreed)
        tab.run(more)
        stored = "select count(*) from crm.events where source = '/segment/my-site'"
        with closing(psycopg2.connect(stack.settings[DATABASE_URL])) as opened, opened.cursor() as at:
            opened.autocommit = True

            def count() -> int:
                at.execute(stored)
                return int((at.fetchone() or (0,))[0])

            assert wait_until(lambda: count() == 4, 30, every=0.1)
        assert [cookie["name"] for cookie in tab.until_cookies(1)] == ["portrait_id"]
        tab.run(withdrawn)
        tab.until_cookies(0)
    said = run_blocks(_addresses() + rest, place)
    assert said.count("/gi%C3%A0y.html | Giày") == 2
    assert "Nguyễn Thị Lan" in said


def _blocks(language: str) -> list[str]:
    page = (CHANNELS / "web-page.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def _addresses() -> str:
    """A reader's shell knows them since the first block."""
    return "```sh\nset -a; . .portrait/portrait.env; set +a\n```\n"
