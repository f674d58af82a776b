"""Where a page of the docs is run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ops.local.postgres import find_binaries


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
