"""The spool on a real disk: what it says is kept is read again by whoever comes next; what it cannot keep it does not take."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from producers.record import Record
from producers.spool.files import SpoolFailed, SpoolUnusable
from producers.spool.format import Entry
from producers.spool.keep import Spool
from tests.small_disk import mounted_disk

MB = 1024 * 1024
NOW = 1_795_000_000_000


@contextmanager
def spooling(path: Path, limit: int = 8 * MB) -> Iterator[Spool]:
    spool = Spool(path, limit)
    try:
        yield spool
    finally:
        spool.close()


def entry(number: int, source: str = "web", size: int = 10) -> Entry:
    return Entry(NOW + number, source, (Record("events.web", b"n:%d" % number, b"%d " % number + b"x" * size),))


def keep(spool: Spool, *entries: Entry) -> None:
    for result in [spool.append(each.source, each.records, each.ms) for each in entries]:
        result.result(timeout=10)


def failure(spool: Spool, each: Entry) -> str | None:
    """Why it is not kept."""
    error = spool.append(each.source, each.records, each.ms).exception(timeout=10)
    return error.code if isinstance(error, SpoolFailed) else None


def drain(spool: Spool, limit: int = MB) -> list[Entry]:
    found = []
    while batch := spool.read(limit):
        found += [each.entry for each in batch]
        spool.drained(batch)
    return found


def segments(path: Path) -> list[Path]:
    return sorted(path.glob("*.seg"))


def aside(path: Path) -> list[Path]:
    return sorted((path / "set-aside").iterdir())


def strike(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def test_what_was_kept_is_read_in_order_and_then_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    sent = [entry(n, source="web" if n % 3 else "till") for n in range(100)]
    with spooling(tmp_path) as spool:
        assert spool.read(MB) == []
        keep(spool, *sent)
        assert (spool.holds("web"), spool.holds("till"), spool.holds("zalo")) == (True, True, False)
        assert drain(spool, limit=300) == sent
        assert (spool.holds("web"), spool.holds("till")) == (False, False)
        assert segments(tmp_path) == []
        keep(spool, entry(100))
        assert drain(spool) == [entry(100)]


def test_what_was_read_and_not_drained_is_read_again(tmp_path: Path) -> None:
    sent = [entry(n) for n in range(10)]
    with spooling(tmp_path) as spool:
        keep(spool, *sent)
        assert [each.entry for each in spool.read(MB)] == sent
        spool.drained(spool.read(MB)[:4])
        assert [each.entry for each in spool.read(MB)] == sent[4:]
        assert spool.holds("web")
    with spooling(tmp_path) as spool:
        assert spool.holds("web")
        assert spool.state().records == 6
        assert drain(spool) == sent[4:]


def test_a_lost_or_damaged_cursor_costs_repetition_and_nothing_else(tmp_path: Path) -> None:
    sent = [entry(n) for n in range(10)]
    with spooling(tmp_path) as spool:
        keep(spool, *sent)
        spool.drained(spool.read(MB)[:9])
    cursor = (tmp_path / "cursor").read_bytes()
    for damaged in (cursor.replace(b".seg ", b".seg 9"), cursor[:-4], b"", b"\0" * 40, None):
        if damaged is None:
            (tmp_path / "cursor").unlink()
        else:
            (tmp_path / "cursor").write_bytes(damaged)
        with spooling(tmp_path) as spool:
            assert [each.entry for each in spool.read(MB)] == sent


def test_it_goes_on_in_several_files_and_deletes_each_when_it_is_drained(tmp_path: Path) -> None:
    sent = [entry(n, size=20_000) for n in range(40)]
    with spooling(tmp_path, limit=MB) as spool:
        keep(spool, *sent[:1])
        for each in sent[1:]:
            keep(spool, each)
        before = len(segments(tmp_path))
        assert before > 8
        spool.drained(spool.read(300_000))
        spool.read(1)
        assert len(segments(tmp_path)) == before - 1
        assert drain(spool) == sent[4:]
        assert segments(tmp_path) == []


def test_what_comes_while_it_is_drained_is_not_forgotten(tmp_path: Path) -> None:
    done = threading.Event()
    found: list[Entry] = []

    def drain_all(spool: Spool) -> None:
        while True:
            last = done.is_set()
            if not spool.wait_for_entries(0.01) and last:
                return
            found.extend(drain(spool, limit=500))

    with spooling(tmp_path) as spool:
        thread = threading.Thread(target=drain_all, args=(spool,))
        thread.start()
        senders = [
            threading.Thread(target=lambda s=s: [keep(spool, entry(n, source=s)) for n in range(150)]) for s in "abcd"
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        done.set()
        thread.join()
        assert {s: [each for each in found if each.source == s] for s in "abcd"} == {
            s: [entry(n, source=s) for n in range(150)] for s in "abcd"
        }
        assert spool.state().records == 0


def test_many_at_once_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = os.fsync
    monkeypatch.setattr("os.fsync", lambda file: (calls.append(file), time.sleep(0.01), real(file)))
    with spooling(tmp_path) as spool:
        keep(spool, *(entry(n) for n in range(1_000)))
    assert len(calls) < 20


def test_a_disk_that_deletes_slowly_holds_up_nobody_who_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deleting, go_on, real = threading.Event(), threading.Event(), Path.unlink

    def slow(path: Path, missing_ok: bool = False) -> None:
        deleting.set()
        assert go_on.wait(10)
        real(path, missing_ok)

    with spooling(tmp_path, limit=MB) as spool:
        keep(spool, entry(1, size=70_000))
        keep(spool, entry(2))
        monkeypatch.setattr(Path, "unlink", slow)
        drained: list[Entry] = []
        thread = threading.Thread(target=lambda: drained.extend(drain(spool)))
        thread.start()
        assert deleting.wait(10)
        keep(spool, entry(3))
        assert failure(spool, entry(4, size=MB - 60_000)) == "spool_full"  # what is not yet deleted takes its room
        go_on.set()
        thread.join()
        keep(spool, entry(4, size=MB - 60_000))
        assert drained + drain(spool) == [entry(1, size=70_000), entry(2), entry(3), entry(4, size=MB - 60_000)]


def test_two_cannot_share_a_directory(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        with pytest.raises(SpoolUnusable, match="used by another collector: give each its own directory"):
            Spool(tmp_path, MB)
        keep(spool, entry(1))
    with spooling(tmp_path) as spool:
        assert drain(spool) == [entry(1)]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolUnusable, match=r"cannot write to the spool .*/file/spool .*PORTRAIT_SPOOL, or `off`"):
        Spool(tmp_path / "file" / "spool", MB)


def test_others_cannot_read_it(tmp_path: Path) -> None:
    with spooling(tmp_path / "spool") as spool:
        keep(spool, entry(1))
        (segment,) = segments(tmp_path / "spool")
        assert (spool.read(1)[0].entry, segment.stat().st_mode & 0o777) == (entry(1), 0o600)
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_when_it_is_full_it_takes_nothing_and_never_is_larger_than_it_may_be(tmp_path: Path) -> None:
    with spooling(tmp_path, limit=MB) as spool:
        taken = []
        while (code := failure(spool, each := entry(len(taken), size=30_000))) is None:
            taken.append(each)
        assert (code, spool.doubtful) == ("spool_full", True)
        assert sum(file.stat().st_size for file in segments(tmp_path)) <= MB
        keep(spool, small := entry(-1))
        assert failure(spool, entry(0, size=MB)) == "spool_full"
        assert drain(spool) == [*taken, small]
        keep(spool, entry(0, size=30_000))


def test_one_source_alone_does_not_fill_it(tmp_path: Path) -> None:
    with spooling(tmp_path, limit=MB) as spool:
        taken = [entry(n, size=30_000) for n in range(30)]
        keep(spool, *taken)
        assert [failure(spool, entry(n, source="web", size=30_000)) for n in range(2)] == ["spool_full"] * 2
        keep(spool, entry(98, source="till", size=30_000))
    with spooling(tmp_path, limit=MB) as spool:
        assert failure(spool, entry(99, size=30_000)) == "spool_full"
        keep(spool, entry(99, source="till", size=30_000))
        assert drain(spool) == [*taken, entry(98, source="till", size=30_000), entry(99, source="till", size=30_000)]
        keep(spool, entry(99, size=30_000))


def test_without_room_for_a_request_it_is_doubtful_before_it_refuses_one(tmp_path: Path) -> None:
    with spooling(tmp_path, limit=MB) as spool:
        keep(spool, entry(0, size=MB - 70_000))
        assert not spool.doubtful
        keep(spool, entry(1, source="till", size=10_000))
        assert spool.doubtful
        drain(spool)
        assert not spool.doubtful


@pytest.mark.parametrize(("mode", "warned"), [(0o777, True), (0o770, False)])
def test_a_directory_that_everybody_may_write_to_is_named(
    tmp_path: Path, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(mode)
    with spooling(tmp_path / "spool"):
        pass
    assert (f"everybody may write to the spool {tmp_path / 'spool'}" in caplog.text) == warned


def test_what_is_torn_at_the_end_is_cut_off(tmp_path: Path) -> None:
    sent = [entry(n) for n in range(5)]
    with spooling(tmp_path) as spool:
        keep(spool, *sent)
    (segment,) = segments(tmp_path)
    whole = segment.read_bytes()
    segment.write_bytes(whole + whole[:50])
    with spooling(tmp_path) as spool:
        assert segment.read_bytes() == whole
        keep(spool, entry(5))
        assert drain(spool) == [*sent, entry(5)]
    assert aside(tmp_path) == []


@pytest.mark.parametrize("how", ["cut", "zeroed"])
def test_an_end_that_is_missing_in_any_but_the_newest_file_was_acknowledged_and_is_damage(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent = [entry(n, size=20_000) for n in range(6)]
    with spooling(tmp_path, limit=MB) as spool:
        for each in sent:
            keep(spool, each)
        last = spool.read(MB)[-1]
    first = segments(tmp_path)[0]
    lost = last.entry
    whole = first.read_bytes()
    assert len(whole) == last.end
    left = whole[:-10] if how == "cut" else whole[: last.offset] + bytes(last.end - last.offset)
    first.write_bytes(left)
    for _ in range(2):
        with spooling(tmp_path, limit=MB) as spool:
            assert (spool.state().records, spool.state().aside_files) == (5, 1)
    assert [file.read_bytes() for file in aside(tmp_path)] == [left[last.offset :]]
    assert ("are damaged; set aside" in caplog.text, "never acknowledged" in caplog.text) == (True, False)
    with spooling(tmp_path, limit=MB) as spool:
        assert drain(spool) == [each for each in sent if each != lost]


def test_what_is_damaged_is_set_aside_once_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent = [entry(n, source=f"s{n}") for n in range(9)]
    with spooling(tmp_path) as spool:
        keep(spool, *sent)
        ends = [each.end for each in spool.read(MB)]
    (segment,) = segments(tmp_path)
    strike(segment, ends[3] + 40)
    struck = segment.read_bytes()[ends[3] : ends[4]]
    for _ in range(2):
        with spooling(tmp_path) as spool:
            state = spool.state()
            assert (state.records, state.aside_files, state.aside_bytes) == (8, 1, len(struck))
            assert (spool.holds("s3"), spool.holds("s4")) == (True, False)
            assert [each.entry for each in spool.read(MB)] == sent[:4] + sent[5:]
    assert [file.read_bytes() for file in aside(tmp_path)] == [struck]
    assert caplog.text.count(f"bytes {ends[3]} to {ends[4]} are damaged; set aside") == 1
    with spooling(tmp_path) as spool:
        assert drain(spool) == sent[:4] + sent[5:]
        assert segments(tmp_path) == []


def test_what_is_damaged_while_it_runs_is_set_aside_as_well_and_does_not_hold_its_source(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        keep(spool, entry(1, source="a"), entry(2, source="b"))
        (segment,) = segments(tmp_path)
        strike(segment, segment.stat().st_size - 1)
        assert drain(spool) == [entry(1, source="a")]
        assert (spool.holds("a"), spool.holds("b"), spool.state().records) == (False, False, 0)
        assert (segments(tmp_path), len(aside(tmp_path))) == ([], 1)


def test_damage_that_a_full_disk_cannot_set_aside_stops_nothing_and_its_file_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("producers.spool.files.Directory.set_aside", full)
    with spooling(tmp_path) as spool:
        keep(spool, *(entry(n) for n in range(3)))
        ends = [each.end for each in spool.read(MB)]
        (segment,) = segments(tmp_path)
        strike(segment, ends[1] - 1)
        struck = segment.read_bytes()
        assert drain(spool) == [entry(0), entry(2)]
        assert (segments(tmp_path), [file.read_bytes() for file in aside(tmp_path)]) == ([], [struck])


def test_a_sector_that_cannot_be_read_costs_its_entry_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [entry(n, source=f"s{n}", size=20_000) for n in range(30)]
    with spooling(tmp_path, limit=64 * MB) as spool:
        keep(spool, *sent)
        offsets = [each.offset for each in spool.read(MB)]
    real = os.pread

    def broken(file: int, size: int, offset: int) -> bytes:
        if offset <= offsets[20] + 10_000 < offset + size:
            raise OSError(errno.EIO, "Input/output error")
        return real(file, size, offset)

    monkeypatch.setattr("os.pread", broken)
    for _ in range(2):
        with spooling(tmp_path, limit=64 * MB) as spool:
            assert (spool.state().records, spool.holds("s20")) == (29, False)
            assert [each.entry for each in spool.read(MB)] == sent[:20] + sent[21:]
    with spooling(tmp_path, limit=64 * MB) as spool:
        assert drain(spool) == sent[:20] + sent[21:]
        assert (segments(tmp_path), len(aside(tmp_path))) == ([], 1)


def test_a_file_that_cannot_be_read_at_all_is_moved_aside_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [entry(n, size=70_000) for n in range(3)]
    with spooling(tmp_path, limit=MB) as spool:
        for each in sent:
            keep(spool, each)
    lost, real = segments(tmp_path)[1], os.open

    def broken(path: os.PathLike[str], *told: int) -> int:
        if path == lost:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *told)

    with monkeypatch.context() as patched:
        patched.setattr("os.open", broken)
        with spooling(tmp_path, limit=MB) as spool:
            assert [file.name for file in aside(tmp_path)] == [f"{lost.name}.unreadable"]
            assert drain(spool) == [sent[0], sent[2]]
    aside(tmp_path)[0].rename(lost)
    with spooling(tmp_path, limit=MB) as spool:
        assert drain(spool) == [sent[1]]


def test_what_kafka_refused_can_be_put_back(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        keep(spool, entry(7))
        (kept,) = spool.read(MB)
        for _ in range(3):
            spool.refuse(kept, 0)
        spool.drained([kept])
        assert drain(spool) == []
        keep(spool, entry(8))
    (refused,) = aside(tmp_path)
    refused.rename(tmp_path / refused.name.removesuffix(".refused"))
    with spooling(tmp_path) as spool:
        assert drain(spool) == [entry(7), entry(8)]


@pytest.mark.parametrize("when", ["at first", "later"])
def test_an_fsync_that_fails_is_no_success_and_its_file_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def broken(file: int) -> None:
        raise OSError(5, "Input/output error")

    with spooling(tmp_path) as spool:
        before = [] if when == "at first" else [entry(1), entry(2)]
        keep(spool, *before)
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", broken)
            assert [failure(spool, entry(n, source="lost")) for n in range(9)] == ["spool_failed"] * 9
        assert (spool.doubtful, spool.holds("lost")) == (True, False)
        assert len(segments(tmp_path)) == (0 if when == "at first" else 1)
        keep(spool, entry(3))
        assert len(segments(tmp_path)) == (1 if when == "at first" else 2)
    with spooling(tmp_path) as spool:
        assert drain(spool) == [*before, entry(3)]


def test_a_disk_that_hangs_is_not_waited_for_and_fills_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()
    real = os.fsync
    monkeypatch.setattr("producers.spool.keep._STALL_SECONDS", 0.5)
    with spooling(tmp_path, limit=64 * MB) as spool:
        monkeypatch.setattr("os.fsync", lambda file: back.wait(20) and real(file))
        results = [spool.append(f"s{n}", entry(n, size=MB).records, NOW) for n in range(30)]
        refused = [result for result in results if result.done()]
        assert (len(refused), spool.doubtful) == (15, True)
        assert {str(result.exception()) for result in refused} == {"the disk of the spool is slower than what comes"}
        monkeypatch.setattr("producers.spool.keep._DOUBT_SECONDS", 0.0)
        while not spool.doubtful:
            time.sleep(0.01)
        late = spool.append("late", entry(99).records, NOW)
        assert (late.done(), str(late.exception())) == (True, "the disk of the spool does not answer")
        assert (spool.holds("s14"), spool.holds("s15"), spool.holds("late")) == (True, False, False)
        back.set()
        assert [result.result(timeout=10) for result in results[:15]] == [None] * 15
        keep(spool, entry(99))
        assert (spool.doubtful, spool.state().records) == (False, 16)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with mounted_disk(2) as place:
        yield place


def test_on_a_full_disk_nothing_is_taken_and_nothing_is_lost(small_disk: Path) -> None:
    sent = [entry(number, size=60_000) for number in range(60)]
    with spooling(small_disk / "spool", limit=64 * MB) as spool:
        codes = [failure(spool, each) for each in sent]
    kept = [each for each, code in zip(sent, codes, strict=True) if code is None]
    assert set(codes) == {None, "spool_failed"}
    with spooling(small_disk / "spool", limit=64 * MB) as spool:
        assert drain(spool) == kept
        keep(spool, entry(99, size=60_000))
        assert drain(spool) == [entry(99, size=60_000)]


def test_it_tells_how_long_the_oldest_has_waited(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        assert spool.state().oldest_seconds == 0.0
        now = time.time_ns() // 1_000_000
        for ms in (now - 90_000, now - 30_000):
            spool.append("web", entry(1).records, ms).result(timeout=10)
        assert 90 <= spool.state().oldest_seconds < 95
        spool.drained(spool.read(1))
        assert 30 <= spool.state().oldest_seconds < 35
        assert spool.state().records == 1
        drain(spool)
        assert (spool.state().oldest_seconds, spool.state().size_bytes) == (0.0, 0)


def test_whoever_gives_up_waiting_disturbs_nobody(tmp_path: Path) -> None:
    with spooling(tmp_path) as spool:
        given_up = spool.append("web", entry(1).records, NOW + 1)
        given_up.cancel()
        keep(spool, entry(2))
        assert drain(spool) == [entry(1), entry(2)]


def test_what_comes_too_late_is_not_taken(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MB)
    spool.close()
    assert failure(spool, entry(1)) == "spool_failed"


def test_a_disk_that_hangs_at_the_end_keeps_the_directory_from_others_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, real = threading.Event(), os.fsync
    monkeypatch.setattr("producers.spool.keep._CLOSE_SECONDS", 0.1)
    spool = Spool(tmp_path, MB)
    monkeypatch.setattr("os.fsync", lambda file: back.wait(20) and real(file))
    kept = spool.append("web", entry(1).records, NOW + 1)
    spool.close()
    monkeypatch.setattr("os.fsync", real)
    with pytest.raises(SpoolUnusable, match="used by another collector"):
        Spool(tmp_path, MB)
    back.set()
    assert kept.result(timeout=10) is None
    spool.close()
    with spooling(tmp_path) as spool:
        assert drain(spool) == [entry(1)]
