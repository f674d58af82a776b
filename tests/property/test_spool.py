"""The law of the spool: what was acknowledged is read in order by whoever comes after any crash, and nothing else is."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.record import Record
from producers.spool.format import Entry, encode_entry, frame
from producers.spool.keep import Spool

LIMIT = 64 * 1024 * 1024

keeps = st.tuples(st.just("keep"), st.lists(st.integers(0, 40_000), min_size=1, max_size=6))
drains = st.tuples(st.just("drain"), st.integers(1, 200_000))
crashes = st.tuples(st.just("crash"), st.floats(0, 1))


class Life:
    """One spool through its lives, each in a directory that is a copy of the one before at the instant of the crash."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lives = 0
        self.spool = Spool(root / "0", LIMIT)
        self.number = 0
        self.acknowledged: list[Entry] = []
        self.perhaps: list[Entry] = []
        self.read: list[Entry] = []

    def entry(self, size: int) -> Entry:
        self.number += 1
        source = f"s{self.number % 3}"
        return Entry(self.number, source, (Record("events.web", b"%d" % self.number, b"x" * size),))

    def keep(self, sizes: list[int]) -> None:
        sent = [self.entry(size) for size in sizes]
        for result in [self.spool.append(each.source, each.records, each.ms) for each in sent]:
            result.result(timeout=10)
        self.acknowledged += sent

    def drain(self, limit: int) -> None:
        batch = self.spool.read(limit)
        self.spool.drained(batch)
        self.read += [each.entry for each in batch]

    def crash(self, written: float) -> None:
        """kill -9 in the middle of a write, of which so much had come to the disk; nobody was told that it was kept."""
        here, self.lives = self.root / str(self.lives), self.lives + 1
        after = self.root / str(self.lives)
        shutil.copytree(here, after)
        self.spool.close()
        segments = sorted(after.glob("*.seg"))
        if segments:
            salt = bytes.fromhex(segments[-1].stem.partition("-")[2])
            unsure = self.entry(5_000)
            whole = frame(encode_entry(unsure), salt)
            with open(segments[-1], "ab") as file:
                file.write(whole[: round(written * len(whole))])
            self.perhaps.append(unsure)
        self.spool = Spool(after, LIMIT)

    def end(self) -> None:
        while batch := self.spool.read(LIMIT):
            self.spool.drained(batch)
            self.read += [each.entry for each in batch]


@given(st.lists(keeps | drains | crashes, max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_crash_loses_nothing_that_was_acknowledged_changes_no_order_and_invents_nothing(steps: list) -> None:
    with tempfile.TemporaryDirectory(prefix="portrait-spool-") as root:
        life = Life(Path(root))
        try:
            for what, told in steps:
                getattr(life, what)(told)
            life.end()
        finally:
            life.spool.close()
    assert [each for each in life.read if each not in life.perhaps] == life.acknowledged
    assert [each.ms for each in life.read] == sorted(each.ms for each in life.read)
