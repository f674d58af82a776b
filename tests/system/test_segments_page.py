"""docs/segments.md does what it says, and the commands say what is wrong with segments, on a stack that runs all the time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.local.records import wait_until
from tests.system.command import ROOT, Portrait, form
from tests.system.page import put_commands, run_blocks

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "segments.md").read_text("utf-8")


def paid(card: str, amount: int) -> dict[str, Any]:
    """A purchase of just now."""
    return {
        "specversion": "1.0",
        "id": f"paid-{card}",
        "source": "/test/till",
        "type": "loyalty.card_scanned.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "customer": {"card_no": card},
            "store_id": "S1",
            "basket": {"id": card, "total": {"amount": str(amount), "currency": "VND"}},
        },
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    portrait = Portrait(put_commands(tmp_path_factory.mktemp("segments")) / ".portrait")
    portrait.run("up", "--detach", "--workers", "1", "--partitions", "2")
    try:
        portrait.send(paid("844", 25_000_000), paid("845", 6_000_000), paid("846", 10_000), form(1, phone="0901234567"))
        portrait.wait_caught_up(4)
        yield portrait
    finally:
        portrait.run("down")


def pids(stack: Portrait) -> dict[str, int]:
    return {each["name"]: each["pid"] for each in stack.ask("status")["processes"]}


def test_the_page_does_what_it_says_and_nothing_is_stopped_for_it(stack: Portrait) -> None:
    before = pids(stack)
    _, _, tutorial = PAGE.partition("## Add a segment")
    (stack.home.parent / "vip.yaml").write_text(re.findall(r"```yaml\n(.*?)```", tutorial, re.DOTALL)[0], "utf-8")
    said = run_blocks(PAGE, stack.home.parent)
    assert re.search(r"✗ not in at_risk, but in potential", said)
    assert re.search(r"✓ 114 segments in 28 families; yours: vip.yaml", said)
    assert re.search(r"^vip_gold +0 +1 +1 +0", said, re.MULTILINE)
    assert re.search(r"^vip_silver +0 +1 +1 +0", said, re.MULTILINE)
    assert re.search(r"^vip +vip_gold +1 ", said, re.MULTILINE)
    assert pids(stack) == before
    shown = stack.run("customer", "card_no:844")
    assert 'because revenue_in("365d") >= 10000000 (revenue_in("365d") is 25000000)' in " ".join(shown.split())
    shown = stack.ask("customer", "card_no:844")
    assert [each["segment"] for each in shown["segments_left"]] == ["external", "key_account"], (
        "it was assigned for a moment"
    )
    assert {each["until"] for each in shown["segments"]} == {None}
    tried = stack.ask("segments", "try", "vip_silver", "card_no:844")
    assert (tried["holds"], tried["in"], tried["instead"]) == (True, False, ["vip_gold"])


def test_files_that_go_wrong_while_it_runs_are_told_by_status_and_change_nothing(stack: Portrait) -> None:
    file = stack.home / "segments" / "odd.yaml"
    file.write_text(
        "family: odd\nabout: x\nversion: 1\nsegments:\n  - segment: odd\n    about: x\n    when: orders = 1\n"
    )
    try:
        assert wait_until(lambda: bool(stack.ask("status")["problems"]), 30, every=0.3)
        (problem,) = stack.ask("status")["problems"]
        assert problem.startswith("segments: their files cannot be used, those of before are: ")
        assert f"{file}:7: odd: 'orders = 1' cannot be read" in problem
        stack.send(paid("847", 1_000))
        stack.wait_caught_up(5)
        assert "new" in stack.ask("customer", "card_no:847")["lifecycle"]
    finally:
        file.unlink()
    assert wait_until(lambda: not stack.ask("status")["problems"], 30, every=0.3)


def test_a_rule_that_fails_is_told_by_status_and_harms_nobody_else(stack: Portrait) -> None:
    head = "family: odd\nabout: x\nversion: 1\nchoose: every\nsegments:\n"
    file = stack.home / "segments" / "odd.yaml"
    file.write_text(
        f"{head}  - {{segment: odd, about: x, when: 100 / returns > 1}}\n"
        "  - {segment: bomb, about: x, when: 'purpose.matches(\"^(a+)+$\")'}\n"
    )
    try:
        assert wait_until(lambda: bool(stack.ask("status")["problems"]), 30, every=0.3)
        (problem,) = stack.ask("status")["problems"]
        assert problem.startswith("segment odd: its rule failed for ")
        assert "division by zero" in problem.lower()
        stack.send(paid("848", 30_000_000))
        stack.wait_caught_up(6)
        held = {each["segment"] for each in stack.ask("customer", "card_no:848")["segments"]}
        assert held == {"new", "frequency_low", "vip_gold"}
        assert "fails for" in stack.refused("segments", "try", "odd", "card_no:848")
    finally:
        file.unlink()
    assert wait_until(lambda: not stack.ask("status")["problems"], 30, every=0.3)


WRONG = {
    ("check", "wrong.yaml"): 'wrong.yaml:7: x: \'orders == "3"\': orders is a whole number, and "3" is a text',
    ("preview", "wrong.yaml"): 'wrong.yaml:7: x: \'orders == "3"\': orders is a whole number, and "3" is a text',
    ("check", "latin"): "latin/a.yaml:2: this is not UTF-8",
    ("preview", "latin/a.yaml"): "latin/a.yaml:2: this is not UTF-8",
    ("preview", "latin"): "latin: Is a directory",
    ("preview", "nowhere.yaml"): "nowhere.yaml: No such file or directory",
    ("check", "nowhere"): "nowhere: No such file or directory",
    ("explain", "rich"): "there is no segment rich. List them: portrait segments ls",
    ("try", "rich", "card_no:844"): "there is no segment rich. List them: portrait segments ls",
    ("try", "loyal", "card_no:0"): "nobody is known as 'card_no:0'",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_in_one_line(stack: Portrait, arguments: tuple[str, ...]) -> None:
    place = stack.home.parent
    (place / "wrong.yaml").write_text(
        'family: x\nabout: x\nversion: 1\nsegments:\n  - segment: x\n    about: x\n    when: orders == "3"\n'
    )
    (place / "latin").mkdir(exist_ok=True)
    (place / "latin" / "a.yaml").write_bytes(b"family: x\nabout: caf\xe9\n")
    assert stack.refused("segments", *arguments).startswith(f"portrait: {WRONG[arguments]}")


def test_a_stack_does_not_come_up_with_segments_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.yaml").write_text("family: a\nabout: x\nversion: one\nsegments: []\n")
    portrait = Portrait(tmp_path / "home", {"PORTRAIT_SEGMENTS": str(tmp_path / "own")})
    assert portrait.refused("up", "--detach") == (
        f"portrait: {tmp_path}/own/a.yaml:3: version is a whole number from 1 on, not 'one'"
    )


def test_a_customer_shows_in_which_segments_it_was_and_until_when(stack: Portrait) -> None:
    used = stack.home / "segments" / "soon.yaml"
    used.write_text(
        "family: soon\nabout: x\nversion: 2\nsegments:\n  - {segment: soon, about: Everybody., when: revenue > 0}\n"
    )

    def held() -> bool:
        return "soon" in [each["segment"] for each in stack.ask("customer", "card_no:845")["segments"]]

    assert wait_until(held, 30, every=0.3)
    used.unlink()
    assert wait_until(lambda: not held(), 30, every=0.3)
    (left,) = stack.ask("customer", "card_no:845")["segments_left"]
    assert (left["segment"], left["reason"], left["rule_version"]) == ("soon", "revenue > 0 (revenue is 6000000)", 2)
    assert left["since"] < left["until"]
    assert re.search(r"soon from \S+ until \S+, because revenue > 0", stack.run("customer", "card_no:845"))
