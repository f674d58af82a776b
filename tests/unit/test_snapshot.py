"""Snapshots: what is in the file, what a spreadsheet makes of it, and that it is whole."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from schemas import portrait
from schemas.portrait import Portrait
from sinks.activation.snapshot import harmless, write_snapshot
from sinks.activation.targets import CsvSettings
from sinks.postgres.targets import Membership
from tests.unit.test_webhook import AN

AT = datetime(2026, 11, 26, 18, 42, 7, tzinfo=UTC)
HANOI = timezone(timedelta(hours=7))
STATE = portrait.encode(
    Portrait(stated={"e": (0, {"full_name": "Trần Thị An", "points": -5, "children": ["Bi"], "note": "=1+1"})})
).decode()
MEMBER = Membership(AN, "birthday_soon", datetime(2026, 11, 26, 7, 0, tzinfo=HANOI), '@reason, "quoted"\nhere', STATE)


def settings(directory: Path, **changed: Any) -> CsvSettings:
    return CsvSettings(directory=str(directory), **changed)


def test_a_file_has_a_line_for_each_membership(tmp_path: Path) -> None:
    wanted = settings(tmp_path, traits=("full_name", "points", "children", "nickname", "note"))
    file = write_snapshot("crm", wanted, [MEMBER], AT)
    assert file == tmp_path / "crm-20261126T184207Z.csv"
    with open(file, encoding="utf-8", newline="") as opened:
        assert list(csv.reader(opened)) == [
            ["customer_id", "segment", "since", "reason", "full_name", "points", "children", "nickname", "note"],
            [
                AN,
                "birthday_soon",
                "2026-11-26T00:00:00Z",
                '\'@reason, "quoted"\nhere',
                "Trần Thị An",
                "-5",
                '["Bi"]',
                "",
                "'=1+1",
            ],
        ]


@pytest.mark.parametrize("bom", [False, True])
def test_excel_knows_utf_8_by_a_mark_that_is_there_when_it_is_wanted(tmp_path: Path, bom: bool) -> None:
    file = write_snapshot("crm", settings(tmp_path, bom=bom), [], AT)
    assert file.read_bytes() == (b"\xef\xbb\xbf" if bom else b"") + b"customer_id,segment,since,reason\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+84901234567",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\rx",
        "\nx",
        "＝1",
        '=HYPERLINK("http://x")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_text_that_would_be_a_formula_is_none(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [("Trần Thị An", "Trần Thị An"), ("a=b", "a=b"), (-5, "-5"), (2.5, "2.5"), (True, "true"), (None, ""), ("", "")],
)
def test_anything_else_is_as_it_is(value: Any, cell: str) -> None:
    assert harmless(value) == cell


def test_who_looks_sees_a_whole_file_or_none(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def members() -> Iterator[Membership]:
        yield MEMBER
        seen.append([file.name for file in tmp_path.glob("*.csv")])
        raise ConnectionError("the database went away")

    with pytest.raises(ConnectionError):
        write_snapshot("crm", settings(tmp_path), members(), AT)
    assert (seen, list(tmp_path.iterdir())) == ([[]], [])


def test_the_newest_files_are_kept_and_those_of_others_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("crm-2-20200101T000000Z.csv", "crm.csv", "crm-20200101.csv", "notes.txt")]
    for file in others:
        file.touch()
    written = [
        write_snapshot("crm", settings(tmp_path, keep=2), [], AT + timedelta(minutes=number)) for number in range(4)
    ]
    assert set(tmp_path.iterdir()) == {*others, *written[-2:]}
