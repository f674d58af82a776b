"""One file of a drop folder: what counts, what the report says, where the file is afterwards."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from producers.drop_folder.folder import DropFolder
from producers.drop_folder.one_file import DropImport, Held
from producers.drop_folder.report import Outcome
from producers.drop_folder.sent_lines import KEPT_DAYS, SentLines
from producers.drop_folder.watch import Watcher
from producers.files.destinations import Destination, Ready, Refusal
from producers.files.mapping import FileMapping, MappingError
from tests.legacy_text import tcvn3, windows_1258
from tests.small_disk import mounted_disk
from tests.unit.test_importer import InMemory

SCANS: dict[str, Any] = {
    "type": "loyalty.card_scanned.v1",
    "source": "/tills",
    "id": "{receipt}-{line}",
    "time": {"column": "at", "formats": ["%d/%m/%Y %H:%M"], "timezone": "Asia/Ho_Chi_Minh"},
    "data": {
        "customer": {"card_no": "{thẻ}", "full_name": "{tên}"},
        "store_id": "1",
        "basket": {"id": "{receipt}", "total": {"amount": {"column": "amount", "decimal": "comma"}, "currency": "VND"}},
    },
}
HEADER = "receipt,line,at,thẻ,tên,amount\n"
FIRST = "5001,1,21/11/2026 10:00,9001,Nguyễn Thị Ánh,120.000\n"
SECOND = "5001,2,21/11/2026 10:00,9001,Nguyễn Thị Ánh,80.500\n"


class Place:
    """A folder, a home, and what was sent from there."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.sent: list[Ready] = []

    def take(self, name: str, content: str | bytes, to: Destination | None = None, **mapping: Any) -> Outcome:
        """Put a file there, and import it at once."""
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        dropped = DropFolder(self.folder, 0.0)
        dropped.look()
        kept = InMemory()
        importer = DropImport(dropped, FileMapping.model_validate(SCANS | mapping), "/tills", to or kept, self.home)
        try:
            return importer.take(self.folder / name)
        finally:
            self.sent += kept.sent

    def amounts(self) -> list[str]:
        return [json.loads(ready.record.value)["data"]["basket"]["total"]["amount"] for ready in self.sent]

    def names(self) -> list[str]:
        return [json.loads(ready.record.value)["data"]["customer"]["full_name"] for ready in self.sent]

    def report(self, name: str) -> str:
        text = (self.folder / f"{name}.report.txt").read_text("utf-8")
        return re.sub(r"\d{4}-\d\d-\d\d at \d\d:\d\d", "TODAY", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TODAY", text))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "tills"
    folder.mkdir()
    return Place(folder, tmp_path / "home")


def test_a_good_file_is_done_and_its_report_says_so(place: Place) -> None:
    outcome = place.take("Quét thẻ 21-11.csv", HEADER + FIRST + SECOND)
    assert outcome == Outcome("Quét thẻ 21-11.csv", 2, 2, 0, 0, "UTF-8")
    assert outcome.line() == "Quét thẻ 21-11.csv: 2 lines, 2 new, 0 sent before, 0 refused"
    assert place.amounts() == ["120000", "80500"]
    assert sorted(os.listdir(place.folder)) == ["done"]
    assert sorted(os.listdir(place.folder / "done")) == ["Quét thẻ 21-11.csv", "Quét thẻ 21-11.csv.report.txt"]
    assert place.report("done/Quét thẻ 21-11.csv") == (
        "Quét thẻ 21-11.csv\n"
        "Read by Portrait on TODAY UTC.\n"
        "\n"
        "Lines (without the header): 2\n"
        "  counted now:              2\n"
        "  counted before, the same: 0\n"
        "  refused:                  0\n"
        "The letters were read as UTF-8.\n"
    )


def test_bad_lines_are_told_in_words_and_the_others_count(place: Place) -> None:
    bad = "5002,1,tomorrow,9001,Ánh,1\n5003,1,21/11/2026 10:00,,,1\n5004,1\n,9,21/11/2026 10:00,9,A,1\n"
    outcome = place.take("a.csv", HEADER + FIRST + bad + SECOND)
    assert outcome == Outcome("a.csv", 6, 2, 0, 4, "UTF-8")
    assert place.amounts() == ["120000", "80500"]
    said = place.report("failed/a.csv")
    assert "  line 3: column at: 'tomorrow' is not a time like %d/%m/%Y %H:%M\n" in said
    assert "  line 4: data.customer: give at least one of customer_no, card_no" in said
    assert "  line 5: has 2 columns, the header has 6\n" in said
    assert "  line 6: column receipt: is empty, and the event's id is made of it\n" in said
    assert "Mend these lines and put the whole file" in said
    assert "now says something else" not in said


def test_a_mended_file_counts_what_is_new_in_it(place: Place) -> None:
    place.take("a.csv", HEADER + FIRST + SECOND.replace("80.500", "much"))
    outcome = place.take("a.csv", HEADER + FIRST + SECOND)
    assert outcome == Outcome("a.csv", 2, 1, 1, 0, "UTF-8")
    assert sorted({ready.id for ready in place.sent}) == ["5001-1", "5001-2"]


def test_the_same_file_under_another_name_counts_nothing(place: Place) -> None:
    place.take("a.csv", HEADER + FIRST)
    outcome = place.take("b.csv", HEADER + FIRST)
    assert replace(outcome, earlier=None) == Outcome("b.csv", 1, 0, 1, 0, "UTF-8")
    assert outcome.earlier is not None
    assert outcome.earlier[0] == "a.csv"
    assert "A file with exactly this content was read before: a.csv, on TODAY UTC." in place.report("done/b.csv")
    assert len(place.sent) == 1


def test_a_line_that_comes_again_changed_is_refused_and_the_first_one_counts(place: Place) -> None:
    place.take("a.csv", HEADER + FIRST + SECOND)
    outcome = place.take("b.csv", HEADER + SECOND.replace("80.500", "90.500") + FIRST)
    assert outcome == Outcome("b.csv", 2, 0, 1, 1, "UTF-8")
    assert sorted(place.amounts()) == ["120000", "120000", "80500"]
    said = place.report("failed/b.csv")
    wrong = "'5001-2' was sent before and said something else (line 3 of a.csv, TODAY); what was sent first counts"
    assert f"  line 2: {wrong}\n" in said
    assert "Portrait never changes what it has counted." in said


def test_two_lines_of_one_file_with_one_id_are_one_or_are_told(place: Place) -> None:
    outcome = place.take("a.csv", HEADER + FIRST + FIRST + FIRST.replace("120", "130"))
    assert outcome == Outcome("a.csv", 3, 1, 1, 1, "UTF-8")
    assert "  line 4: '5001-1' was sent before and said something else (line 2 of this file)" in place.report(
        "failed/a.csv"
    )


def test_what_means_the_same_is_no_change(place: Place) -> None:
    place.take("a.csv", HEADER + FIRST)
    more = HEADER.replace("amount", "amount,note") + FIRST.replace("120.000", " 120000 ,seen by Đức")
    assert place.take("b.csv", more) == Outcome("b.csv", 1, 0, 1, 0, "UTF-8")


class Refusing(InMemory):
    """A collector whose key may not send, once."""

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        return lambda: [Refusal(ready, "source_not_allowed", "$.source", "may not send") for ready in batch]


def test_what_the_collector_did_not_take_is_no_first_line_and_may_come_again(place: Place) -> None:
    assert place.take("a.csv", HEADER + FIRST, to=Refusing()) == Outcome("a.csv", 1, 0, 0, 1, "UTF-8")
    changed = place.take("b.csv", HEADER + FIRST.replace("120", "130"), to=Refusing())
    assert changed.refused == 1
    assert "may not send" in place.report("failed/b.csv")
    again = place.take("a.csv", HEADER + FIRST)
    assert (again.new, again.repeated, again.refused) == (1, 0, 0)
    assert place.amounts() == ["120000"]


TEXT = HEADER + FIRST + "5002,1,21/11/2026 11:00,9002,Trần Văn Đức,1\n5003,1,21/11/2026 11:00,9003,Lê Hữu Phước,1\n"
PEOPLE = ["Nguyễn Thị Ánh", "Trần Văn Đức", "Lê Hữu Phước"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.encode("utf-8-sig"), "UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16, as Excel writes “Unicode Text”"),
        (TEXT.replace(",", "\t").encode("utf-16"), "UTF-16, as Excel writes “Unicode Text”"),
        (TEXT.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig"), "UTF-8"),
        (windows_1258(TEXT), "Windows-1258 (Vietnamese), accents joined to their letters"),
        (gzip.compress(windows_1258(TEXT)), "Windows-1258 (Vietnamese), accents joined to their letters"),
    ],
    ids=["bom", "utf-16", "excel-unicode-text", "semicolons", "windows-1258", "windows-1258-gzip"],
)
def test_names_come_out_as_they_were_written(place: Place, content: bytes, told: str) -> None:
    name = "a.csv.gz" if content.startswith(b"\x1f\x8b") else "a.csv"
    assert place.take(name, content) == Outcome(name, 3, 3, 0, 0, told)
    assert place.names() == PEOPLE  # composed, letter for letter


def test_tcvn3_is_reported_and_not_read(place: Place) -> None:
    outcome = place.take("a.csv", tcvn3(TEXT))
    assert (outcome.rows, outcome.good, place.sent) == (0, False, [])
    said = place.report("failed/a.csv")
    assert "Nothing of this file was counted. It is in TCVN3, the encoding of the fonts .VnTime" in said
    assert "UniKey Toolkit" in said
    assert outcome.line().startswith("a.csv: not read. It is in TCVN3")


def test_the_encoding_that_the_mapping_names_wins(place: Place) -> None:
    outcome = place.take("a.csv", tcvn3(HEADER + FIRST), encoding="windows-1258")
    assert "The mapping does not fit: the file has no column thẻ, tên" in outcome.whole
    text = (HEADER + FIRST.replace("Nguyễn Thị Ánh", "São")).replace("thẻ", "card").replace("tên", "name")
    data = json.loads(json.dumps(SCANS["data"]).replace("th\\u1ebb", "card").replace("t\\u00ean", "name"))
    outcome = place.take("b.csv", text.encode("cp1252"), encoding="windows-1252", data=data)
    assert (outcome.new, outcome.read_as) == (1, "windows-1252, as the mapping says")
    assert place.names() == ["São"]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "There is nothing in it: 0 bytes."),
        (b"\n", "a.csv", "the first line is empty; it must be the header"),
        (b"a,,b\n", "a.csv", "the header has a column without a name, or one twice"),
        (b"card,when\n1,2\n", "a.csv", "The mapping does not fit: the file has no column amount, at, line, receipt"),
        (b"no gzip", "a.csv.gz", "has no header that can be read"),
        (b"PK\x03\x04rest", "a.csv", "It is an Excel workbook"),
    ],
)
def test_a_file_that_is_none_fails_as_a_whole(place: Place, content: bytes, name: str, says: str) -> None:
    outcome = place.take(name, content)
    assert (outcome.rows, outcome.good) == (0, False)
    assert says in outcome.whole
    assert says in place.report(f"failed/{name}")


def test_a_file_without_a_header_has_its_first_line_in_the_report_and_not_in_the_log(place: Place) -> None:
    outcome = place.take("a.csv", FIRST + SECOND)
    assert outcome.line() == (
        "a.csv: not read. The mapping does not fit: the file has no column amount, at, line, receipt, thẻ, tên."
    )
    first = "5001, 1, 21/11/2026 10:00, 9001, Nguyễn Thị Ánh, 120.000"
    assert f"Its first line, which must name the columns, is: {first}\n" in place.report("failed/a.csv")


def test_a_name_that_is_no_unicode_is_no_hindrance(place: Place) -> None:
    name = os.fsdecode("Quét.csv".encode("latin-1"))
    outcome = place.take(name, HEADER + FIRST + "bad\n")
    assert outcome == Outcome("Qu\ufffdt.csv", 2, 1, 0, 1, "UTF-8")
    assert sorted(map(os.fsencode, os.listdir(place.folder / "failed"))) == [b"Qu\xe9t.csv", b"Qu\xe9t.csv.report.txt"]


def test_a_header_with_broken_bytes_fails_as_a_whole(place: Place) -> None:
    outcome = place.take(
        "a.csv", (HEADER.strip() + ",ghi ch").encode() + b"\xff\n" + FIRST.strip().encode() + b",\xff\n"
    )
    assert "a.csv: the header is not utf-8-sig, in column 7" in outcome.whole
    assert outcome.whole in place.report("failed/a.csv")


def test_a_report_lists_so_many_lines_and_counts_the_others(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.drop_folder.report.MOST_LINES", 3)
    place.take("a.csv", HEADER + "bad\n" * 5)
    said = place.report("failed/a.csv")
    assert said.count("has 1 columns, the header has 6") == 3
    assert "  … and 2 more\n" in said


def test_a_file_with_nothing_but_a_header_is_done(place: Place) -> None:
    assert place.take("a.csv", HEADER) == Outcome("a.csv", 0, 0, 0, 0, "UTF-8")
    assert "Lines (without the header): 0" in place.report("done/a.csv")


def test_a_gzip_that_breaks_off_counts_as_far_as_it_goes_and_whole_it_counts_the_rest(place: Place) -> None:
    rows = [FIRST.replace("5001", str(number)).replace("9001", str(number**7)) for number in range(6_000, 11_000)]
    whole = gzip.compress((HEADER + "".join(rows)).encode())
    first = place.take("a.csv.gz", whole[: len(whole) // 2])
    assert "cannot be read to its end" in first.whole
    assert 0 < first.rows == first.new < 5_000
    assert "It was not read to its end." in place.report("failed/a.csv.gz")
    second = place.take("a.csv.gz", whole)
    assert (second.rows, second.new, second.repeated) == (5_000, 5_000 - first.new, first.new)


def test_a_file_that_grows_while_it_is_read_stays(place: Place) -> None:
    file = place.folder / "a.csv"

    class Growing(InMemory):
        def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
            with open(file, "a") as more:
                more.write(SECOND)
            return super().begin(batch)

    with pytest.raises(Held, match=r"a\.csv: was written to while it was read"):
        place.take("a.csv", HEADER + FIRST, to=Growing())
    assert place.take("a.csv", HEADER + FIRST + SECOND).good


def test_what_kafka_does_not_take_stays_and_goes_on_where_it_was(place: Place) -> None:
    content = HEADER + "".join(FIRST.replace("5001", str(number)) for number in range(2_500))
    first = InMemory(fail_at=1)
    with pytest.raises(Held, match=r"a\.csv: Kafka does not answer"):
        place.take("a.csv", content, to=first)
    assert (place.folder / "a.csv").exists()
    assert place.take("a.csv", content) == Outcome("a.csv", 2_500, 2_500, 0, 0, "UTF-8")
    assert (len(first.sent), len(place.sent)) == (1_000, 1_500)


def test_a_file_that_is_corrected_while_kafka_is_away_counts_as_corrected(place: Place) -> None:
    with pytest.raises(Held, match=r"a\.csv: Kafka does not answer"):
        place.take("a.csv", HEADER + FIRST + SECOND, to=InMemory(fail_at=0))
    assert place.take("a.csv", HEADER + FIRST.replace("120", "130") + SECOND) == Outcome("a.csv", 2, 2, 0, 0, "UTF-8")
    assert place.amounts() == ["130000", "80500"]
    late = place.take("b.csv", HEADER + FIRST + SECOND)
    assert (late.new, late.repeated, late.refused) == (0, 1, 1)
    assert "(line 2 of a.csv, TODAY); what was sent first counts" in place.report("failed/b.csv")


def test_what_was_acknowledged_before_kafka_went_away_stands(place: Place) -> None:
    content = HEADER + "".join(FIRST.replace("5001", str(number)) for number in range(2_500))
    first = InMemory(fail_at=1)
    with pytest.raises(Held):
        place.take("a.csv", content, to=first)
    outcome = place.take("a.csv", content.replace("120.000", "130.000"))
    assert (outcome.new, outcome.refused) == (1_500, len(first.sent)) == (1_500, 1_000)


def test_json_lines_are_read_as_well(place: Place) -> None:
    line = {"receipt": 1, "line": 1, "at": "21/11/2026 10:00", "thẻ": "9", "tên": "Ánh", "amount": "1"}
    assert place.take("a.jsonl", json.dumps(line)) == Outcome("a.jsonl", 1, 1)
    assert place.names() == ["Ánh"]


def test_a_mapping_must_say_what_a_line_is_known_by(tmp_path: Path) -> None:
    mapping = FileMapping.model_validate({name: part for name, part in SCANS.items() if name != "id"})
    with pytest.raises(MappingError, match=r"a folder needs a mapping with an id"):
        DropImport(DropFolder(tmp_path, 1.0), mapping, "/tills", InMemory(), tmp_path)


def test_lines_are_forgotten_after_their_time(place: Place) -> None:
    place.take("a.csv", HEADER + FIRST)
    lines = SentLines(place.home)
    try:
        lines.forget_old(1e9 + KEPT_DAYS * 86_400)
        assert place.take("b.csv", HEADER + FIRST.replace("120", "130")).refused == 1
        lines.forget_old(4e9)
    finally:
        lines.close()
    assert place.take("c.csv", HEADER + FIRST.replace("120", "140")).new == 1


def test_a_full_disk_holds_a_file_up_and_loses_nothing(tmp_path: Path) -> None:
    with mounted_disk(8) as disk:
        folder, home = tmp_path / "tills", disk / "home"
        folder.mkdir()
        home.mkdir()
        place = Place(folder, home)
        ballast = disk / "ballast"
        with open(ballast, "wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 512)
        with pytest.raises(Held, match=r"a\.csv: .*(No space left|disk is full|disk I/O|unable to open)"):
            place.take("a.csv", HEADER + FIRST)
        assert (folder / "a.csv").exists()
        ballast.unlink()
        assert place.take("a.csv", HEADER + FIRST) == Outcome("a.csv", 1, 1, 0, 0, "UTF-8")


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A directory of a user without rights, who the test is then: root can read everything."""
    if os.geteuid() != 0:
        with tempfile.TemporaryDirectory() as place:
            yield Path(place)
        return
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(place)
        finally:
            os.seteuid(0)


def test_a_file_that_may_not_be_read_stays_is_told_once_and_taken_when_it_may(
    as_nobody: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = as_nobody / "tills"
    folder.mkdir()
    (folder / "a.csv").write_text(HEADER + FIRST, "utf-8")
    (folder / "a.csv").chmod(0)
    (folder / "a.xlsx").touch()
    for may_read in (False, True):
        if may_read:
            (folder / "a.csv").chmod(0o600)
        dropped = DropFolder(folder, 0.0)
        importer = DropImport(dropped, FileMapping.model_validate(SCANS), "/tills", InMemory(), as_nobody / "home")
        watcher = Watcher(dropped, importer, as_nobody / "home")
        watcher.once(0.0, Event())
        assert watcher.good is may_read
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said[:2] == [
        "a.xlsx: left alone; only plain .csv, .txt, .tsv, .jsonl and .ndjson files are read",
        "a.csv: Permission denied. It stays where it is and is tried again",
    ]
    assert (folder / "done" / "a.csv").exists()


def test_to_be_told_to_stop_in_the_middle_of_a_file_loses_nothing(place: Place) -> None:
    content = HEADER + "".join(FIRST.replace("5001", str(number)) for number in range(3_000))
    (place.folder / "a.csv").write_text(content)
    dropped = DropFolder(place.folder, 0.0)
    dropped.look()
    first = InMemory()
    importer = DropImport(
        dropped, FileMapping.model_validate(SCANS), "/tills", first, place.home, lambda: len(first.sent) >= 1_000
    )
    with pytest.raises(Held, match="told to stop"):
        importer.take(place.folder / "a.csv")
    assert place.take("a.csv", content).new == 3_000
    assert len({ready.id for ready in (*first.sent, *place.sent)}) == 3_000
