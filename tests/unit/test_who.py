"""Whose name is noted with a deed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ops.who import who_works


def test_it_is_the_name_that_this_machine_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "lan")
    assert who_works() == "lan"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody whom nobody knows")
def test_where_it_knows_none_it_is_the_number() -> None:
    code = "import os; os.environ.clear(); os.setuid(54321); from ops.who import who_works; print(who_works())"
    code = f"import sys; sys.path[:] = {sys.path!r}; import ops.who; {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "uid 54321\n"
