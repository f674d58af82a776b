"""What a stray quotation mark costs: its own line, and never the lines behind it."""

from __future__ import annotations

import csv
import gzip
import io
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.files.csv_records import MAX_LINES, BadRecord, CsvRecord, CsvRecords
from producers.files.rows import BadRow, Row, open_rows

NOT_CLOSED = "has a quotation mark that is not closed, or that stands in the middle of a text and is not doubled"


def read(text: str, columns: int) -> list[CsvRecord | tuple[int, str]]:
    """Records, and for each bad one its line and what is said of it."""
    records = CsvRecords(io.StringIO(text, newline=""), ",")
    found: list[CsvRecord | tuple[int, str]] = []
    while True:
        try:
            record = records.next(columns)
        except BadRecord as error:
            found.append((error.line, str(error)))
            continue
        if record is None:
            return found
        found.append(record)


def lines(found: list[CsvRecord | tuple[int, str]]) -> tuple[list[int], list[int]]:
    """Of the records, and of the bad ones."""
    good = [each.line for each in found if isinstance(each, CsvRecord)]
    return good, [each[0] for each in found if not isinstance(each, CsvRecord)]


def test_a_text_of_several_lines_is_one_record() -> None:
    found = read('1,a,b,"12 Lê Lợi,\r\nQuận 1"\r\n2,a,b,c\r\n\r\n3,"nói ""chào""",b,c', 4)
    assert found == [
        CsvRecord(1, ["1", "a", "b", "12 Lê Lợi,\r\nQuận 1"]),
        CsvRecord(3, ["2", "a", "b", "c"]),
        CsvRecord(4, []),
        CsvRecord(5, ["3", 'nói "chào"', "b", "c"]),
    ]


@pytest.mark.parametrize("mark", ['"x', '"', '"x"y'], ids=["before a text", "ditto", "inside"])
@pytest.mark.parametrize("bad", [[3], [3, 4], [3, 900], [1, 999], [999]])
def test_a_mark_that_is_not_closed_costs_its_own_line(mark: str, bad: list[int]) -> None:
    text = "".join(f"{number},1,{mark if number in bad else 'x'},10.000\n" for number in range(1, 1_000))
    found = lines(read(text, 4))
    assert found == ([number for number in range(1, 1_000) if number not in bad], bad)


def test_the_message_says_what_to_look_for() -> None:
    assert read('1,1,",5\n2,1,x,5\n3,1,",5\n', 4) == [
        (1, f"{NOT_CLOSED}: the next one stands on line 3, and these look like lines of their own"),
        CsvRecord(2, ["2", "1", "x", "5"]),
        (3, f"{NOT_CLOSED}: unexpected end of data"),
    ]


def test_a_record_has_so_many_lines_at_most() -> None:
    text = '1,1,"\n' + "x\n" * MAX_LINES + '",2\n'
    found = read(text, 4)
    assert found[0] == (1, f"{NOT_CLOSED}: the text would have more than 500 lines or 1048576 characters")
    assert len(found) == MAX_LINES + 2


def test_marks_that_open_on_every_line_take_time_by_the_line() -> None:
    before = time.process_time()
    assert len(read('a","\n' * 8_000, 4)) > 7_000
    assert time.process_time() - before < 8  # some 1 s; without a bound on the lines of a record, 10 s


@given(st.lists(st.lists(st.text('ab "\n,é', max_size=6), min_size=1, max_size=3), max_size=6))
def test_what_a_spreadsheet_writes_comes_back(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [each.fields for each in read(file.getvalue(), 3) if isinstance(each, CsvRecord)] == rows


@given(st.text('ab",\n', max_size=60))
def test_every_line_is_in_a_record_or_is_told(text: str) -> None:
    found = read(text, 4)
    begun = sorted(each.line if isinstance(each, CsvRecord) else each[0] for each in found)
    assert begun == [each.line if isinstance(each, CsvRecord) else each[0] for each in found]
    assert len(set(begun)) == len(begun)
    taken = sum(1 + sum(field.count("\n") for field in each.fields) for each in found if isinstance(each, CsvRecord))
    assert taken + sum(not isinstance(each, CsvRecord) for each in found) == len(text.splitlines())


def test_a_line_without_end_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"a,b\n1,2\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\n3,4\n")
    tracemalloc.start()
    with open_rows(path) as rows:
        found = list(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(each.number, each.line, isinstance(each, Row)) for each in found] == [
        (1, 2, True),
        (2, 3, False),
        (3, 4, True),
    ]
    assert isinstance(found[1], BadRow)
    assert found[1].message == "is longer than 4194304 characters"
    assert peak < 40_000_000
