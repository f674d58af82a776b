"""Files of segments that change while a worker runs: when they are read anew, and what happens when they are wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from processors.segments.own import FILES, OwnSegments

NOBODY = 65534
VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")


def write(file: Path, segment: str, when: str = "orders > 1") -> None:
    """A family of the file's name, of one segment."""
    head = f"family: {file.stem}\nabout: x\nversion: 1\nsegments:\n"
    file.write_text(f'{head}  - segment: {segment}\n    about: x\n    when: "{when}"\n', "utf-8")
    at = file.stat().st_mtime_ns + 1_000_000 * len(when)  # clocks of file systems are coarse
    os.utime(file, ns=(at, at))


def test_files_are_read_anew_when_they_are_others_and_were_left_alone_for_a_while(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "one")
    own = OwnSegments(VIET_NAM, tmp_path)
    used = own.read()
    assert "one" in used.rule_of
    assert own.fresh(used) is None
    write(tmp_path / "a.yaml", "two", "orders > 20")
    assert own.fresh(used) is None, "somebody may be writing"
    write(tmp_path / "b.yaml", "three")
    assert own.fresh(used) is None, "and still is"
    fresh = own.fresh(used)
    assert fresh is not None
    assert {"two", "three", "loyal"} <= fresh.rule_of.keys()
    assert "one" not in fresh.rule_of
    assert own.fresh(fresh) is None, "once"
    (tmp_path / "b.yaml").unlink()
    assert own.fresh(fresh) is None
    less = own.fresh(fresh)
    assert less is not None
    assert "three" not in less.rule_of


def test_files_that_are_wrong_change_nothing_and_are_told(tmp_path: Path) -> None:
    own = OwnSegments(VIET_NAM, tmp_path)
    used = own.read()
    write(tmp_path / "a.yaml", "one", "ordres > 1")
    assert [own.fresh(used), own.fresh(used), own.fresh(used)] == [None] * 3
    assert used.failing == {
        FILES: (f"{tmp_path}/a.yaml:7: one: there is no field ordres; is orders meant?", 1),
    }
    write(tmp_path / "a.yaml", "one", "orders > 10")
    assert own.fresh(used) is None
    mended = own.fresh(used)
    assert mended is not None
    assert mended.failing == {}
    assert "one" in mended.rule_of


def test_a_directory_that_vanishes_changes_nothing_and_is_told(tmp_path: Path) -> None:
    directory = tmp_path / "segments"
    directory.mkdir()
    write(directory / "a.yaml", "one")
    own = OwnSegments(VIET_NAM, directory)
    used = own.read()
    (directory / "a.yaml").unlink()
    directory.rmdir()
    assert [own.fresh(used), own.fresh(used)] == [None, None]
    assert used.failing[FILES].message.startswith(f"{directory} is no directory")


def test_a_directory_that_nobody_may_read_changes_nothing_and_is_told(tmp_path: Path) -> None:
    directory = tmp_path / "segments"
    directory.mkdir()
    write(directory / "a.yaml", "one")
    own = OwnSegments(VIET_NAM, directory)
    used = own.read()
    with unreadable(directory):
        assert [own.fresh(used), own.fresh(used)] == [None, None]
    assert used.failing == {FILES: (f"{directory}: Permission denied", 1)}
    assert own.fresh(used) is None
    again = own.fresh(used)
    assert again is not None
    assert (again.digest, again.failing) == (used.digest, {})


@contextmanager
def unreadable(directory: Path) -> Iterator[None]:
    """Nobody may list this directory but root, who is somebody else meanwhile."""
    mode, user = directory.stat().st_mode, os.geteuid()
    directory.chmod(0)
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        directory.chmod(mode)


def test_without_own_segments_there_is_nothing_to_look_at() -> None:
    own = OwnSegments(VIET_NAM, None)
    used = own.read()
    assert [own.fresh(used), own.fresh(used)] == [None, None]
