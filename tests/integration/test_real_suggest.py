"""Suggestions on real registrations, of which it is known who is who."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.suggest.febrl import quality, read_febrl
from ops.suggest.pairs import suggest

pytestmark = pytest.mark.integration

DATA = Path(os.environ.get("PORTRAIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")

FILES = {
    "febrl_dataset1.csv": (1_000, 500, 0.99, 0.95),
    "febrl_dataset2.csv": (5_000, 1_934, 0.98, 0.90),
}
"""Name → records, pairs of one person, and the precision and recall that are wanted, with one threshold for both."""


@pytest.mark.parametrize("name", FILES)
def test_people_registered_twice_are_found_and_others_are_not(name: str) -> None:
    file, (records, pairs, precision, recall) = DATA / name, FILES[name]
    if not file.exists():
        pytest.skip(f"{file} is not here: put the research data there, or set PORTRAIT_TEST_DATA")

    registered = read_febrl(file)
    told = quality(registered, suggest(registered))

    assert (len(registered), told.true) == (records, pairs)
    assert told.precision >= precision, told
    assert told.recall >= recall, told
