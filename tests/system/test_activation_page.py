"""docs/activation.md does what it says: its blocks are run as they stand, and what it shows is what is sent."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.generate import EXAMPLES
from sinks.activation.consent import FLAGS
from tests.receiver import free_port
from tests.system.command import ROOT, Portrait
from tests.system.test_getting_started import place, script

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "activation.md").read_text("utf-8")
__all__ = ["place"]  # a fixture


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl, which is not on this machine")
def test_the_page_does_what_it_says(place: Path) -> None:
    portrait = Portrait(place / ".portrait")
    environment = portrait.environment() | {"RECEIVER_PORT": str(free_port())}
    del environment["PORTRAIT_HOME"]  # the page relies on the default
    environment["PATH"] = f"{place / 'bin'}:{environment['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-c", "trap 'kill $receiver 2>/dev/null || true' EXIT; receiver=\n" + script(PAGE)],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
    finally:
        portrait.run("down")
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
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
