"""What fuzzing found, and what each format begins with, is read by every run of the tests."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_reader_was_given_before_breaks_no_promise(name: str) -> None:
    target = TARGETS[name]
    begin = target.begin()
    assert begin
    for content in (*begin, *(path.read_bytes() for path in seeds(name))):
        target.read(content)
