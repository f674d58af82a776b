"""Where a page of the docs is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.page import put_commands


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a `bin` in which the commands are that the page takes for granted."""
    return put_commands(tmp_path)
