"""docs/channels/facebook.md and zalo.md do what they say, one after the other on one stack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.system.command import ROOT
from tests.system.page import run_page

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl, which is not on this machine"),
]

PAGES = "\n".join((ROOT / "docs/channels" / name).read_text("utf-8") for name in ("facebook.md", "zalo.md"))


def test_the_pages_do_what_they_say(place: Path) -> None:
    said = run_page(PAGES, place, "portrait up --detach --workers 1 --partitions 2\n")
    assert "1158201444" in said
    tried, _, rest = said.partition("--- block 4")
    assert (
        '"accepted":1,"rejected":[{"index":1,"id":"lead:444000111","path":"$.data.customer","code":"no_identifier"'
        in tried
    )
    for told in ("6789012345678901", "Nguyễn Thị Lan", "no_identifier", "Trần Văn Minh", "+84912304556", "Hà Nội"):
        assert told in rest
    assert '{"accepted":1,"rejected":[],"left_out":0}' in rest
