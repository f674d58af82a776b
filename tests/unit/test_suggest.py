"""Pairs of customers that look like one person: which are suggested, which are not, and what is said of it."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from ops.demo import names
from ops.suggest.blocks import LARGEST_BLOCK
from ops.suggest.febrl import Quality, quality, read_febrl
from ops.suggest.learning import FEWEST
from ops.suggest.pairs import THRESHOLD, Pair, suggest
from ops.suggest.records import Record

ROOT = Path(__file__).parents[2]

AN = Record("a", "Nguyễn Văn An", birthday="1990-03-12", street="12 Lê Lợi", ward="Phường Thuận Hóa", city="Huế")


def person(chance: random.Random, number: int) -> Record:
    """Somebody: names as common as they are in Viet Nam, every tenth one of them Nguyễn Thị Hoa."""
    family = chance.choices(list(names.FAMILY_NAMES), list(names.FAMILY_NAMES.values()))[0]
    given = f"{chance.choice(names.WOMEN_MIDDLE)} {chance.choice(names.WOMEN_GIVEN)}"
    _, wards, _ = chance.choice(names.PLACES)
    return Record(
        f"crowd-{number:05}",
        full_name="Nguyễn Thị Hoa" if number % 10 == 0 else f"{family} {given}",
        birthday=f"{chance.randint(1950, 2006)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
        street=f"{chance.randint(1, 480)} {chance.choice(names.STREETS)}",
        ward=chance.choice(wards),
        province=wards[0],
    )


def crowd(people: int) -> list[Record]:
    chance = random.Random("crowd")
    return [person(chance, number) for number in range(people)]


TWICE: dict[str, tuple[Record, Record]] = {
    "without accents": (
        Record("1a", "Đặng Quốc Khánh", birthday="1987-11-02", street="8 Bạch Đằng", ward="Phường Hải Châu"),
        Record("1b", "dang quoc khanh", birthday="1987-11-02", street="8 Bach Dang", ward="P. Hai Chau"),
    ),
    "given name first": (
        Record("2a", "Bùi Hữu Nghĩa", birthday="1979-01-30", province="Cần Thơ"),
        Record("2b", "Nghĩa Bùi Hữu", birthday="1979-01-30", province="Cần Thơ"),
    ),
    "two letters swapped": (
        Record("3a", "Trịnh Công Vinh", birthday="1993-08-21", street="77 Hoàng Diệu"),
        Record("3b", "Trịnh Cnôg Vinh", birthday="1993-08-21", street="77 Hoàng Diệu"),
    ),
    "day and month swapped": (
        Record("4a", "Lý Gia Phúc", birthday="1984-05-09", street="15 Nguyễn Trãi", ward="Phường Ba Đình"),
        Record("4b", "Ly Gia Phuc", birthday="1984-09-05", street="Số 15 Nguyễn Trãi", ward="Phường Ba Đình"),
    ),
    "a digit of the birthday wrong": (
        Record("5a", "Võ Xuân Lộc", birthday="1968-12-24", street="301 Lê Duẩn", ward="Phường Nha Trang"),
        Record("5b", "Võ Xuân Lộc", birthday="1986-12-24", street="301 Lê Duẩn", ward="Phường Nha Trang"),
    ),
    "moved house": (
        Record("6a", "Ngô Đức Thịnh", birthday="1971-06-15", street="5 Lê Lợi", province="Huế"),
        Record("6b", "Ngô Đức Thịnh", birthday="1971-06-15", street="210 Trường Chinh", province="Hà Nội"),
    ),
    "parts of the name and the whole": (
        Record("7a", given_name="Minh Quân", family_name="Huỳnh", birthday="2001-02-17"),
        Record("7b", "Huỳnh Minh Quân", birthday="2001-02-17"),
    ),
}
"""What happens to records of one person."""

TWO_PEOPLE: dict[str, tuple[Record, Record]] = {
    "a very common name": (
        Record("11a", "Nguyễn Thị Hoa", birthday="1960-04-04", province="Hà Nội"),
        Record("11b", "Nguyễn Thị Hoa", birthday="1999-10-23", province="Hà Nội"),
    ),
    "a very common name and nothing else": (Record("12a", "Nguyễn Thị Hoa"), Record("12b", "Nguyen Thi Hoa")),
    "father and son": (
        Record("13a", "Phan Văn Long", birthday="1958-07-07", street="9 Võ Văn Tần", ward="Phường Tân Định"),
        Record("13b", "Phan Gia Huy", birthday="1989-02-11", street="9 Võ Văn Tần", ward="Phường Tân Định"),
    ),
    "neighbours of one age": (
        Record("14a", "Trần Thu Hà", birthday="1990-01-01", street="60 Lê Lợi", ward="Phường Vỹ Dạ"),
        Record("14b", "Lê Kim Yến", birthday="1990-01-01", street="62 Lê Lợi", ward="Phường Vỹ Dạ"),
    ),
}
"""What two people have in common."""


ONE_DOOR: dict[str, tuple[Record, Record]] = {
    name: (Record(f"{number}a", name, street="91 Bạch Đằng"), Record(f"{number}b", name, street="91 Bạch Đằng"))
    for number, name in ((21, "Đoàn Phương Uyên"), (22, "Nguyễn Thị Hoa"))
}
"""The same of a rare name and of a very common one."""


@pytest.fixture(scope="module")
def among_many() -> dict[tuple[str, str], Pair]:
    """What is suggested when all these are among two thousand others."""
    planted = [record for pair in (*TWICE.values(), *TWO_PEOPLE.values(), *ONE_DOOR.values()) for record in pair]
    return {(pair.a, pair.b): pair for pair in suggest([*crowd(2_000), *planted])}


@pytest.mark.parametrize("what", TWICE)
def test_one_person_twice_is_suggested(what: str, among_many: dict[tuple[str, str], Pair]) -> None:
    left, right = TWICE[what]
    pair = among_many[left.id, right.id]
    assert THRESHOLD <= pair.score <= 1
    assert pair.reasons


@pytest.mark.parametrize("what", TWO_PEOPLE)
def test_two_people_are_not_suggested(what: str, among_many: dict[tuple[str, str], Pair]) -> None:
    left, right = TWO_PEOPLE[what]
    assert (left.id, right.id) not in among_many


def test_a_rare_name_says_more_than_a_common_one(among_many: dict[tuple[str, str], Pair]) -> None:
    found = [name for name, (left, right) in ONE_DOOR.items() if (left.id, right.id) in among_many]
    assert found == ["Đoàn Phương Uyên"]


def test_a_crowd_of_strangers_gives_next_to_nothing(among_many: dict[tuple[str, str], Pair]) -> None:
    strangers = [pair for pair in among_many.values() if pair.a.startswith("crowd") or pair.b.startswith("crowd")]
    assert len(strangers) <= 2, strangers


def test_the_likeliest_come_first_and_each_pair_once(among_many: dict[tuple[str, str], Pair]) -> None:
    pairs = list(among_many.values())
    assert pairs == sorted(pairs, key=lambda pair: (-pair.score, pair.a, pair.b))
    assert all(pair.a < pair.b for pair in pairs)


@pytest.mark.parametrize("what", TWICE)
def test_two_records_alone_are_enough(what: str) -> None:
    left, right = TWICE[what]
    ((a, b, score, reasons),) = suggest([right, left])
    assert (a, b) == (left.id, right.id)
    assert score >= THRESHOLD
    assert reasons


@pytest.mark.parametrize("what", TWO_PEOPLE)
def test_two_people_alone_are_none(what: str) -> None:
    assert suggest(TWO_PEOPLE[what]) == []


def test_the_reasons_are_said() -> None:
    other = Record("b", "Nguyen Vna An", birthday="1990-12-03", street="12 Le Loi", city="TP Huế")
    assert suggest([AN, other])[0].reasons == (
        "names differ by one letter: Nguyễn Văn An / Nguyen Vna An",
        "birthdays with day and month swapped: 1990-03-12 / 1990-12-03",
        "same street and house number",
    )


NOTHING: dict[str, list[Record]] = {
    "no record": [],
    "one record": [AN],
    "nothing known": [Record("a"), Record("b"), Record("c")],
    "nothing in common": [AN, Record("b", postcode="700000")],
}


@pytest.mark.parametrize("what", NOTHING)
def test_where_there_is_nothing_to_suggest_nothing_is(what: str) -> None:
    assert suggest(NOTHING[what]) == []


def test_columns_that_are_empty_or_the_same_throughout_teach_nothing_wrong() -> None:
    places = [Record(each.id, each.full_name, city="Huế", province="Huế") for each in crowd(FEWEST * 2)]
    assert suggest(places) == []


def test_an_id_stands_for_one_record() -> None:
    with pytest.raises(ValueError, match="two records have the id 'a'"):
        suggest([AN, AN])


@pytest.mark.parametrize("size", [25, 120, LARGEST_BLOCK + 1, 3_000])
def test_placeholders_are_left_out_and_that_is_said(size: int) -> None:
    said: list[str] = []
    same = [Record(f"p{number}", "Khách Lẻ", birthday="1990-01-01", city="Huế") for number in range(size)]
    assert suggest(same, say=said.append) == []
    assert said


def test_progress_goes_from_step_to_step() -> None:
    told: list[tuple[int, int]] = []
    suggest([AN, Record("b", "An")], progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 4) for done in range(1, 5)]


def test_nothing_is_printed_logged_or_warned_of(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = (logging.getLogger("splink").level, list(logging.getLogger("splink").handlers), warnings.filters[:])
    with caplog.at_level(logging.DEBUG):
        suggest(crowd(FEWEST))
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert (
        logging.getLogger("splink").level,
        list(logging.getLogger("splink").handlers),
        warnings.filters[:],
    ) == before


def test_importing_is_quick_and_a_network_is_not_used() -> None:
    program = """
import sys
from ops.suggest import pairs, febrl, customers
assert not {"splink", "duckdb", "pyarrow"} & set(sys.modules), "they are slow to import"

def watch(event, arguments):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system"}:
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(watch)
from ops.suggest.records import Record
print(len(pairs.suggest([Record("a", "Le Van Long", birthday="1990-01-02"), Record("b", "Le Van Long", birthday="1990-01-02")])))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr) == ("1\n", "")


def test_it_says_what_to_install_where_splink_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from ops.local.home import LocalStackError

    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(LocalStackError, match=r"pip install 'portrait\[suggest\]'"):
        suggest([AN])


FILE = """rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id
rec-1-org, ann, lee, 6, high street, , perth, 6000, wa, 19081209, 1
rec-1-dup-0, lee, ann, , , , , , , , 2
rec-2-org, , , 6, , , , , , , 3
"""


def test_a_file_of_registrations_is_read_and_scored(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(FILE, "utf-8")
    records = read_febrl(tmp_path / "f.csv")
    assert records == [
        Record(
            "rec-1-org",
            given_name="ann",
            family_name="lee",
            birthday="19081209",
            street="6 high street",
            city="perth",
            province="wa",
            postcode="6000",
        ),
        Record("rec-1-dup-0", given_name="lee", family_name="ann"),
        Record("rec-2-org", street="6"),
    ]
    suggested = [Pair("rec-1-dup-0", "rec-1-org", 0.9, ()), Pair("rec-1-org", "rec-2-org", 0.9, ())]
    told = quality(records, suggested)
    assert told == Quality(true=1, suggested=2, right=1)
    assert (told.precision, told.recall) == (0.5, 1.0)
