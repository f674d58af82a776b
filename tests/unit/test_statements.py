"""What every statement is held to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATEMENTS = sorted([*(ROOT / "sinks/postgres/sql").glob("*.sql"), *(ROOT / "ops").rglob("*.sql")])


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: file.name)
def test_nothing_is_ordered_by_the_text_of_a_column_where_the_column_is_meant(file: Path) -> None:
    """`select id::text … order by id` means the text, which no index has: all rows are read and sorted for the first few."""
    text = re.sub(r"--.*", "", file.read_text("utf-8"))
    cast = set(re.findall(r"(?:\bselect\b|\)|,)\s*(?:\w+\.)?(\w+)::text(?=\s*(?:,|\bfrom\b))", text))
    ordered = re.findall(r"(?:order by|distinct on \()([^()]*?)(?:\blimit\b|\bfor\b|\)|$)", text, re.DOTALL)
    bare = {name for each in ordered for name in re.findall(r"(?<![\w.])\w+", each)}
    assert sorted(cast & bare) == []
