"""docs/getting-started.md does what it says: its blocks are run as they stand, one after the other, in one shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.postgres import find_binaries
from tests.system.command import ROOT, Portrait

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs" / "getting-started.md"
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script(page: str) -> str:
    """All blocks as one program for bash. Before each it waits, as a reader does, until the last one has had its effect."""
    settled = "for _ in $(seq 300); do portrait status --json | grep -q '\"caught_up\": true' && break; sleep 0.2; done"
    parts = ["set -euo pipefail"]
    for number, (language, block) in enumerate(_BLOCK.findall(page), 1):
        run = block if language == "sh" else f"python - <<'PYTHON'\n{block}PYTHON\n"
        parts += [f"echo '--- block {number}'", run if number == 1 or "portrait down" in block else f"{settled}\n{run}"]
    return "\n".join(parts)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a `bin` in which the commands are that the page takes for granted."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "portrait").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ops.cli "$@"\n')
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    if shutil.which("psql") is None:
        (programs / "psql").symlink_to(find_binaries().bin / "psql")
    return tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl, which is not on this machine")
def test_the_page_does_what_it_says(place: Path) -> None:
    portrait = Portrait(place / ".portrait")
    environment = portrait.environment()
    del environment["PORTRAIT_HOME"]  # the page relies on the default
    environment["PATH"] = f"{place / 'bin'}:{environment['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-c", script(PAGE.read_text("utf-8"))],
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
    assert '{"accepted":1,"rejected":[]}' in said
    assert "Nguyễn Thị An" in said
    assert "N. T. A." in said  # as the reader's login sees it
    assert '▶         "amount": "92,50"' in said
    assert re.search(r"sent as events\.loyalty/\d+/\d+", said)
    assert "2 rows: 2 sent, 0 rejected" in said
    assert "✓ equal: 2 customers of 5 events" in said
