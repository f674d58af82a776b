"""Importing files, with a destination in memory: nothing lost, nothing twice, every bad row named."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from producers.files.cells import Cell
from producers.files.destinations import ImportStopped, Ready, Refusal
from producers.files.importer import ImportReport, Progress, RejectedRow, import_file
from producers.files.mapping import FileMapping, MappingError
from producers.files.rows import FileError

MAPPING = FileMapping.model_validate(
    {
        "type": "loyalty.card_scanned.v1",
        "source": "/tests",
        "time": {"column": "at", "timezone": "UTC"},
        "data": {
            "customer": {"card_no": "{card}", "full_name": "{name}"},
            "store_id": "1",
            "basket": {"total": {"amount": {"column": "amount", "decimal": "point"}, "currency": "USD"}},
        },
    }
)
HEADER = "at,card,name,amount\n"


class InMemory:
    """A destination that keeps what it is sent. `fail_at`: the batch, from 0, that it does not take."""

    def __init__(self, fail_at: int | None = None, refuse: str | None = None) -> None:
        self.sent: list[Ready] = []
        self._fail_at = fail_at
        self._refuse = refuse
        self._batches = 0

    def begin(self, batch: Sequence[Ready]) -> Callable[[], Sequence[Refusal]]:
        number = self._batches
        self._batches += 1

        def finish() -> Sequence[Refusal]:
            if self._fail_at is not None and number >= self._fail_at:
                raise ImportStopped("Kafka does not answer")
            refused = [
                Refusal(ready, "x", "$.y", "z") for ready in batch if self._refuse and self._refuse in self.text(ready)
            ]
            self.sent += [ready for ready in batch if ready not in [refusal.ready for refusal in refused]]
            return refused

        return finish

    @staticmethod
    def text(ready: Ready) -> str:
        return ready.record.value.decode()

    def cards(self) -> list[str]:
        return [json.loads(ready.record.value)["data"]["customer"]["card_no"] for ready in self.sent]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[ImportReport, InMemory, list[RejectedRow]]]:
    def import_text(
        content: str | bytes, name: str = "rows.csv", to: InMemory | None = None, **options: Any
    ) -> tuple[ImportReport, InMemory, list[RejectedRow]]:
        destination = to or InMemory()
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        rejects = tmp_path / "rejects.jsonl"
        options = {"home": tmp_path / "home", "rejects": rejects} | options
        mapping = options.pop("mapping", MAPPING)
        report = import_file(path, mapping, destination, **options)
        lines = rejects.read_text().splitlines() if rejects.exists() else []
        return report, destination, [RejectedRow(**json.loads(line)) for line in lines]

    return import_text


def rows(*cards: object, amount: str = "1.50") -> str:
    return "".join(f"2026-11-23,{card},Ánh,{amount}\n" for card in cards)


def shown(bad: Sequence[RejectedRow]) -> list[tuple[int, int, str, str]]:
    return [(row.row, row.line, row.column, row.message) for row in bad]


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_row_is_sent_once_in_order(run: Any, tmp_path: Path, gzipped: bool, mark: bytes) -> None:
    content = mark + (HEADER + rows(*range(2_500))).encode()
    name = "rows.csv.gz" if gzipped else "rows.csv"
    report, destination, bad = run(gzip.compress(content) if gzipped else content, name)
    assert report == ImportReport(2_500, 2_500, 0, 0, tmp_path / "rejects.jsonl")
    assert destination.cards() == [str(number) for number in range(2_500)]
    assert len({ready.id for ready in destination.sent}) == 2_500
    assert bad == []
    assert json.loads(destination.sent[0].record.value)["data"] == {
        "customer": {"card_no": "0", "full_name": "Ánh"},
        "store_id": "1",
        "basket": {"total": {"amount": "1.50", "currency": "USD"}},
    }
    assert destination.sent[0].record[:2] == ("events.loyalty", b"card_no:0")


def test_bad_rows_are_named_by_line_and_column_and_the_rest_goes_on(run: Any) -> None:
    content = (
        HEADER
        + rows("good-1")
        + "2026-11-23,2,Ánh,much\n"
        + 'never,3,"two\nlines",1\n'
        + "2026-11-23,4,Ánh\n"
        + "\n"
        + rows("good-2")
        + "2026-11-23,,,5\n"
    ).encode() + b"2026-11-23,6,\xc1nh,1\n"
    report, destination, bad = run(content)
    assert destination.cards() == ["good-1", "good-2"]
    assert (report.rows, report.sent, report.rejected) == (7, 2, 5)
    assert shown(bad) == [
        (2, 3, "amount", "'much' is not an amount"),
        (3, 4, "at", "'never' is not a time like iso"),
        (4, 6, "", "has 3 columns, the header has 4"),
        (
            6,
            9,
            "",
            "give at least one of customer_no, card_no, email, phone, facebook_id, zalo_id, tiktok_id, "
            "instagram_id, device_id, anonymous_id",
        ),
        (7, 10, "name", "is not utf-8-sig"),
    ]
    assert [(row.code, row.path) for row in bad][3:4] == [("no_identifier", "$.data.customer")]
    assert "Ánh" in bad[0].text


def test_a_quote_that_never_closes_costs_its_own_row(run: Any) -> None:
    content = HEADER + rows("first") + '2026-11-23,2,"open,1\n' + rows(*("x" * 200 for _ in range(6_000)))
    report, destination, bad = run(content)
    assert destination.cards()[0] == "first"
    assert [(each.row, each.line) for each in bad] == [(2, 3)]
    assert (report.rows, report.sent) == (6_002, 6_001)


def test_json_lines_are_rows_too(run: Any) -> None:
    lines = [
        b'{"at": "2026-11-23", "card": 7, "name": "\xc3\x81nh", "amount": 1.10}',
        b"",
        b'{"at": "2026-11-23", "card": "8", "amount": "2"}',
        b'{"at": "2026-11-23", "card": "9", "card": "9", "amount": "2"}',
        b"[1]",
        b'{"at": ',
    ]
    report, destination, bad = run(b"\n".join(lines), "rows.jsonl")
    assert destination.cards() == ["7", "8"]
    assert json.loads(destination.sent[0].record.value)["data"]["basket"]["total"]["amount"] == "1.10"
    assert [(row.row, row.line) for row in bad] == [(3, 4), (4, 5), (5, 6)]
    assert report.rejected == 3


def test_inner_objects_are_columns_with_a_dot(run: Any) -> None:
    mapping = MAPPING.model_copy(update={"data": {"customer": {"card_no": "{who.card}"}, "store_id": "{who.shop.no}"}})
    mapping = FileMapping.model_validate(mapping.model_dump())
    line = '{"at": "2026-11-23", "who": {"card": "7", "shop": {"no": 12}, "tags": ["a"]}}'
    _, destination, _ = run(line, "rows.ndjson", mapping=mapping)
    assert json.loads(destination.sent[0].record.value)["data"] == {"customer": {"card_no": "7"}, "store_id": "12"}


def test_an_interrupted_import_goes_on_after_what_was_acknowledged(run: Any) -> None:
    content = HEADER + rows(*range(3_000)) + "bad,1,1,1\n" + rows(*range(3_000, 5_500))
    first = InMemory(fail_at=2)
    with pytest.raises(ImportStopped, match="Kafka does not answer"):
        run(content, to=first)
    assert first.cards() == [str(number) for number in range(2_000)]
    second = InMemory(fail_at=3)
    with pytest.raises(ImportStopped):
        run(content, to=second)
    report, third, bad = run(content)
    assert first.cards() + second.cards() + third.cards() == [str(number) for number in range(5_500)]
    assert (report.rows, report.sent, report.rejected, report.resumed_at) == (5_501, 5_500, 1, 5_000)
    assert [row.row for row in bad] == [3_001]


def test_what_a_killed_run_wrote_after_its_checkpoint_is_not_there_twice(run: Any, tmp_path: Path) -> None:
    content = HEADER + "bad,1,1,1\n" + rows(*range(2_500))
    with pytest.raises(ImportStopped):
        run(content, to=InMemory(fail_at=1))
    with open(tmp_path / "rejects.jsonl", "a") as file:
        file.write('{"half a li')
    _, _, bad = run(content)
    assert [row.row for row in bad] == [1]


def test_a_finished_import_is_not_run_again_unless_asked(run: Any) -> None:
    content = HEADER + rows(1, 2)
    first_report, first, _ = run(content)
    again_report, nothing, _ = run(content)
    assert (nothing.sent, again_report.rows, again_report.resumed_at) == ([], 2, 2)
    _, second, _ = run(content, again=True)
    assert [ready.id for ready in second.sent] == [ready.id for ready in first.sent]
    _, other, _ = run(content, source="/elsewhere")
    assert {ready.id for ready in other.sent}.isdisjoint(ready.id for ready in first.sent)
    assert first_report.resumed_at == 0


def test_it_stops_at_as_many_bad_rows_as_it_is_told(run: Any) -> None:
    with pytest.raises(ImportStopped, match="3 rows are bad; the import stops at 3 of them"):
        run(HEADER + rows(1) + "bad,1,1,1\n" * 3 + rows(2), stop_after=3)


def test_what_the_destination_refuses_is_a_bad_row(run: Any) -> None:
    report, destination, bad = run(HEADER + rows("a", "b", "c"), to=InMemory(refuse='"b"'))
    assert destination.cards() == ["a", "c"]
    assert [(row.row, row.line, row.code, row.path, row.message) for row in bad] == [(2, 3, "x", "$.y", "z")]
    assert (report.sent, report.rejected) == (2, 1)


def test_progress_is_told(run: Any) -> None:
    seen: list[Progress] = []
    run(HEADER + rows(*range(2_500)), progress=seen.append)
    assert [step.rows for step in seen] == [1_000, 2_000, 2_500]
    assert seen[-1].bytes_read == seen[-1].bytes_total


def test_a_file_that_breaks_off_gives_what_it_has(run: Any) -> None:
    whole = gzip.compress((HEADER + rows(*(f"{number}-{number**7}" for number in range(5_000)))).encode())
    destination = InMemory()
    with pytest.raises(FileError, match=r"rows\.csv\.gz cannot be read to its end"):
        run(whole[: len(whole) // 2], "rows.csv.gz", to=destination)
    assert 500 < len(destination.sent) < 5_000


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        ("", "rows.csv", "is empty"),
        ("a,a\n", "rows.csv", "a column without a name, or one twice"),
        ("no gzip", "rows.csv.gz", "has no header that can be read"),
    ],
)
def test_a_file_that_is_none_is_explained(run: Any, content: str, name: str, problem: str) -> None:
    with pytest.raises(FileError, match=problem):
        run(content, name)


def test_a_mapping_that_does_not_fit_or_has_no_source_is_explained(run: Any) -> None:
    with pytest.raises(MappingError, match="the file has no column amount, name"):
        run("at,card\n")
    with pytest.raises(MappingError, match="name the source of the events"):
        run(HEADER, mapping=FileMapping.model_validate(MAPPING.model_dump() | {"source": None}))


def test_other_delimiters_and_encodings_are_read(run: Any) -> None:
    mapping = FileMapping.model_validate(MAPPING.model_dump() | {"delimiter": ";", "encoding": "windows-1258"})
    content = "at;card;name;amount\n2026-11-23;7;Đức;1,234.50\n".encode("windows-1258", errors="replace")
    _, destination, bad = run(content, mapping=mapping)
    assert bad == []
    assert json.loads(destination.sent[0].record.value)["data"]["basket"]["total"]["amount"] == "1234.50"


def test_the_rejects_can_be_read_by_their_owner_alone(run: Any, tmp_path: Path) -> None:
    run(HEADER + "bad,1,1,1\n")
    assert (tmp_path / "rejects.jsonl").stat().st_mode & 0o777 == 0o600


def test_cells_survive_being_written_out() -> None:
    assert FileMapping.model_validate(MAPPING.model_dump()).model_dump_json() == MAPPING.model_dump_json()
    assert Cell(column="a").read({}) is None
