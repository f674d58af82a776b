"""A drop folder, seen again and again by a clock of the test: a file is taken when it is whole, and by one watcher."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from producers.drop_folder.folder import LOCK, DropFolder, FileReplaced, FolderAway, FolderTaken, Seen


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> DropFolder:
    return DropFolder(tmp_path, 10.0, clock)


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_a_file_is_whole_when_it_has_not_changed_for_so_long(folder: DropFolder, clock: Clock) -> None:
    file = folder.path / "Quét thẻ 23-11.csv"
    file.write_text("a\n")
    assert folder.look() == Seen((), (file,), ())
    clock.now += 9.9
    with open(file, "a") as more:
        more.write("b\n")
    assert folder.look() == Seen((), (file,), ())
    clock.now += 9.9
    assert folder.look() == Seen((), (file,), ())
    clock.now += 0.1
    assert folder.look() == Seen((file,), (), ())
    assert folder.is_unchanged(file)
    with open(file, "a") as more:
        more.write("c\n")
    assert not folder.is_unchanged(file)
    assert folder.look() == Seen((), (file,), ())


def test_a_file_that_was_replaced_by_one_as_large_and_as_old_is_another(folder: DropFolder, clock: Clock) -> None:
    file, other = folder.path / "a.csv", folder.path / "b.csv.part"
    file.write_text("a\n")
    folder.look()
    clock.now += 10
    other.write_text("b\n")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.rename(file)
    assert folder.look() == Seen((), (file,), ())


def test_a_marker_says_that_a_file_is_whole_at_once_and_goes_with_it(folder: DropFolder) -> None:
    file, marker = folder.path / "a.csv", folder.path / "a.csv.done"
    file.write_text("a\n")
    marker.touch()
    assert folder.look() == Seen((file,), (), ())
    assert folder.move(file, "done", "good\n") == folder.path / "done" / "a.csv"
    assert sorted(os.listdir(folder.path)) == ["done"]
    assert (folder.path / "done" / "a.csv.report.txt").read_text() == "good\n"


def test_a_marker_that_was_left_over_says_nothing_of_a_file_that_is_written_later(folder: DropFolder) -> None:
    file, marker = folder.path / "a.csv", folder.path / "a.csv.done"
    marker.touch()
    os.utime(marker, (1_000, 1_000))
    file.write_text("a\n")
    assert folder.look() == Seen((), (file,), ())


@pytest.mark.parametrize("name", ["a.csv.part", "a.csv.tmp", "a.csv.filepart", "a.csv.crdownload", ".a.csv", "a.csv~"])
def test_a_name_of_a_file_that_is_being_written_is_not_seen_until_it_is_renamed(
    folder: DropFolder, clock: Clock, name: str
) -> None:
    (folder.path / name).write_text("a\n")
    folder.look()
    clock.now += 60
    assert folder.look() == Seen((), (), ())
    (folder.path / name).rename(folder.path / "a.csv")
    folder.look()
    clock.now += 10
    assert names(folder.look().whole) == ["a.csv"]


def test_the_oldest_file_comes_first(folder: DropFolder, clock: Clock) -> None:
    for number, name in enumerate(("c.csv", "a.TXT", "b.jsonl.gz")):
        (folder.path / name).write_text("a\n")
        os.utime(folder.path / name, (1_000 + number, 1_000 + number))
    folder.look()
    clock.now += 10
    assert names(folder.look().whole) == ["c.csv", "a.TXT", "b.jsonl.gz"]


def test_what_is_no_file_of_lines_is_left_alone(folder: DropFolder, tmp_path: Path) -> None:
    (folder.path / "book.xlsx").write_text("a")
    (folder.path / "link.csv").symlink_to("/etc/passwd")
    (folder.path / "Thumbs.db").write_text("a")
    (folder.path / "folder.csv").mkdir()
    os.mkfifo(folder.path / "pipe.csv")
    seen = folder.look()
    assert (seen.whole, seen.growing, names(seen.strange)) == ((), (), ["book.xlsx", "link.csv", "pipe.csv"])


def test_nothing_in_done_is_ever_replaced(folder: DropFolder) -> None:
    for text in ("1", "2", "3"):
        (folder.path / "a.csv.gz").write_text(text)
        folder.look()
        folder.move(folder.path / "a.csv.gz", "done", f"report {text}")
    assert {path.name: path.read_text() for path in (folder.path / "done").iterdir()} == {
        "a.csv.gz": "1",
        "a.csv.gz.report.txt": "report 1",
        "a (2).csv.gz": "2",
        "a (2).csv.gz.report.txt": "report 2",
        "a (3).csv.gz": "3",
        "a (3).csv.gz.report.txt": "report 3",
    }


def test_a_file_that_comes_in_the_last_moment_under_the_same_name_is_not_taken_for_the_one_that_was_read(
    folder: DropFolder,
) -> None:
    file, other = folder.path / "a.csv", folder.path / "b.csv.part"
    file.write_text("old")
    folder.look()
    other.write_text("new")
    other.rename(file)
    with pytest.raises(FileReplaced):
        folder.move(file, "done", "of the old one")
    assert file.read_text() == "new"
    assert os.listdir(folder.path / "done") == []


def test_a_report_does_not_replace_a_file_that_was_put_there(folder: DropFolder) -> None:
    for name in ("a.csv.report.txt", "a.csv"):
        (folder.path / name).write_text(name)
        folder.look()
        folder.move(folder.path / name, "failed", f"report of {name}")
    assert {path.name: path.read_text() for path in (folder.path / "failed").iterdir()} == {
        "a.csv.report.txt": "a.csv.report.txt",
        "a.csv.report.txt.report.txt": "report of a.csv.report.txt",
        "a (2).csv": "a.csv",
        "a (2).csv.report.txt": "report of a.csv",
    }


def test_a_name_that_is_too_long_for_more_behind_is_cut(folder: DropFolder) -> None:
    file = folder.path / f"{'ế' * 82}.csv.GZ"
    file.write_text("a")
    folder.look()
    moved = folder.move(file, "done", "report")
    assert moved.name == f"{'ế' * 74}.csv.GZ"
    assert moved.with_name(f"{moved.name}.report.txt").read_text() == "report"


def test_a_link_that_somebody_put_there_leads_nowhere(
    folder: DropFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    precious = tmp_path_factory.mktemp("elsewhere") / "precious"
    precious.write_text("kept")
    (folder.path / LOCK).symlink_to(precious)
    with pytest.raises(FolderAway, match=f"{LOCK} is a link"), folder.locked():
        pass
    (folder.path / "done").mkdir()
    for name in (".a.csv.report.txt.new", "a.csv", "a.csv.report.txt"):
        (folder.path / "done" / name).symlink_to(precious)
    (folder.path / "done" / ".a (2).csv.report.txt.new").symlink_to(precious)
    (folder.path / "a.csv").write_text("a")
    folder.look()
    assert folder.move(folder.path / "a.csv", "done", "report").name == "a (2).csv"
    assert precious.read_text() == "kept"


def test_who_may_read_the_file_may_read_its_report(folder: DropFolder) -> None:
    file = folder.path / "a.csv"
    file.write_text("a")
    file.chmod(0o640)
    folder.look()
    moved = folder.move(file, "failed", "x")
    assert moved.with_name("a.csv.report.txt").stat().st_mode & 0o777 == 0o640


def test_one_watcher_has_a_folder(folder: DropFolder) -> None:
    other = DropFolder(folder.path, 1.0)
    with folder.locked() as still:
        assert still()
        with (
            pytest.raises(FolderTaken, match=rf"is watched already, by process {os.getpid()} on "),
            other.locked(),
        ):
            pass
    with other.locked() as still:
        assert still()
        folder.path.rename(folder.path.with_name("moved"))
        folder.path.mkdir()
        assert not still()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    away = DropFolder(tmp_path / "away", 1.0)
    with pytest.raises(FolderAway, match="away: No such file or directory"):
        away.look()
    with pytest.raises(FolderAway, match="away: No such file or directory"), away.locked():
        pass
