"""docs/getting-started.md does what it says: its blocks are run as they stand, one after the other, in one shell."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.system.command import ROOT
from tests.system.page import run_page

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs" / "getting-started.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl, which is not on this machine")
def test_the_page_does_what_it_says(place: Path) -> None:
    said = run_page(PAGE.read_text("utf-8"), place)
    assert '{"accepted":1,"rejected":[]}' in said
    assert "Nguyễn Thị An" in said
    assert "N. T. A." in said  # as the reader's login sees it
    assert "form-1 of /web/shop: stored for customer" in said
    assert '{"id":"receipt-4711","found":true,"complete":true,' in said
    assert '▶         "amount": "92,50"' in said
    assert re.search(r"sent as events\.loyalty/\d+/\d+", said)
    assert "2 rows: 2 sent, 0 rejected" in said
    assert "✓ equal: 2 customers of 5 events" in said
