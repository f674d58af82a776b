"""What fuzzing found, and what each format begins with, is read by every run of the tests."""

from __future__ import annotations

import pytest

from tests.fuzz.corpus import unpacked
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_reader_was_given_before_breaks_no_promise(name: str) -> None:
    target = TARGETS[name]
    begin = target.begin()
    assert begin
    for content in (*begin, *(path.read_bytes() for path in seeds(name)), *unpacked(name)):
        target.read(content)


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_learnt_of_each_format_is_kept(name: str) -> None:
    kept = list(unpacked(name))
    assert kept == sorted(set(kept), key=lambda content: (len(content), content))
    assert max(map(len, kept)) <= 4_096
