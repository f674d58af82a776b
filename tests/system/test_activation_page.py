"""docs/activation.md does what it says: its blocks are run as they stand, and what it shows is what is sent."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from schemas.generate import EXAMPLES
from sinks.activation.consent import FLAGS
from tests.receiver import free_port
from tests.system.command import ROOT
from tests.system.page import run_page

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "activation.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl, which is not on this machine")
def test_the_page_does_what_it_says(place: Path) -> None:
    stop = "trap 'kill $receiver 2>/dev/null || true' EXIT; receiver=\n"
    said = run_page(PAGE, place, stop, RECEIVER_PORT=str(free_port()))
    assert "✓ crm: 204 No Content" in said
    assert "test: 00000000-0000-7000-8000-000000000000 entered lifecycle" in said
    assert re.search(r"^[0-9a-f-]{36} entered new because ", said, re.MULTILINE)
    assert re.search(r"^crm +webhook +lifecycle +on ", said, re.MULTILINE)
    assert "✗ crm: no connection to 127.0.0.1:" in said
    assert re.search(r"^crm +webhook +lifecycle +paused ", said, re.MULTILINE)
    assert "crm is removed" in said


def test_the_message_that_the_page_shows_is_the_example_of_the_schema() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert json.loads(shown) == json.loads(
        (EXAMPLES / "SegmentMessage/valid/a-birthday-is-near.json").read_text("utf-8")
    )


def test_the_page_names_the_flags_of_consent() -> None:
    text = " ".join(PAGE.split())
    assert ", ".join(f"`{flag}`" for flag in FLAGS) in text
