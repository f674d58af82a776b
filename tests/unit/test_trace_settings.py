"""`python -m ops.trace_service` says which setting is wrong, and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from producers.keys.changes import add_source
from tests.compose import ROOT


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PORTRAIT_TRACE_PORT": "eighty"}, "PORTRAIT_TRACE_PORT: 'eighty' is not a port"),
        ({"PORTRAIT_TRACE_PORT": "65536"}, "PORTRAIT_TRACE_PORT: '65536' is not a port"),
        ({"PORTRAIT_KEYS": "missing.yaml"}, "missing.yaml: No such file or directory"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, given: dict[str, str], said: str) -> None:
    add_source(tmp_path / "keys.yaml", "portal", traces=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTRAIT_")}
    done = subprocess.run(
        [sys.executable, "-m", "ops.trace_service"],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT), "PORTRAIT_KEYS": "keys.yaml", **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr.rstrip().partition("ERROR ")[2]) == (os.EX_CONFIG, f"__main__: {said}")
