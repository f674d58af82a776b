"""First access keys: made once, and never given back to somebody who took them away."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local.home import LocalStackError
from ops.preparation import first_key
from producers.keys import read_sources
from producers.keys.changes import add_source, disable


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def known(keys: Path) -> list[tuple[str, bool, bool]]:
    return [(each.name, each.traces, each.disabled) for each in read_sources(keys)]


def test_a_key_is_made_once(keys: Path) -> None:
    sends, traces = first_key(keys, "demo", ""), first_key(keys, "demo-trace", "", traces=True)
    assert first_key(keys, "demo", sends) == sends
    assert first_key(keys, "demo-trace", traces, traces=True) == traces
    assert known(keys) == [("demo", False, False), ("demo-trace", True, False)]


def test_one_that_was_disabled_stays_so(keys: Path) -> None:
    made = first_key(keys, "demo-trace", "", traces=True)
    disable(keys, "demo-trace", True)
    assert first_key(keys, "demo-trace", made, traces=True) == made
    assert known(keys) == [("demo-trace", True, True)]


def test_one_whose_key_nobody_remembers_is_left_alone_and_another_one_is_made(keys: Path) -> None:
    add_source(keys, "demo")
    assert first_key(keys, "demo", first_key(keys, "demo", "")) != ""
    assert known(keys) == [("demo", False, False), ("demo-1", False, False)]


def test_a_key_that_sends_is_not_taken_for_one_that_traces(keys: Path) -> None:
    sends = first_key(keys, "demo", "")
    assert first_key(keys, "demo-trace", sends, traces=True) != sends
    assert known(keys) == [("demo", False, False), ("demo-trace", True, False)]


def test_a_file_that_cannot_be_read_is_named(keys: Path) -> None:
    keys.write_text("sources: what?\n")
    with pytest.raises(LocalStackError, match=r"keys\.yaml: sources: .*; mend or delete that file"):
        first_key(keys, "demo", "")
