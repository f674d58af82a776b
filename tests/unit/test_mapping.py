"""What a mapping makes of a row, and how a wrong one is explained."""

from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import yaml
from pydantic import ValidationError

from producers.files.cells import Cell, Unreadable
from producers.files.mapping import FileMapping, MappingError, builtin_kinds, load_mapping
from producers.files.rows import Row

BASE: dict[str, Any] = {
    "type": "loyalty.card_scanned.v1",
    "time": {"column": "at", "timezone": "Asia/Ho_Chi_Minh"},
    "data": {"customer": {"card_no": "{card}"}, "store_id": "s-{store}"},
}


def mapping(**changes: Any) -> FileMapping:
    return FileMapping.model_validate(BASE | changes)


def row(number: int = 1, **values: str) -> Row:
    values = {"at": "2026-11-23 09:30", "card": "7", "store": "1"} | values
    return Row(number, number + 1, values, "\x1f".join(values.values()).encode())


def data(tree: dict[str, Any], **values: str) -> Any:
    made = mapping(data={"customer": {"card_no": "{card}"}} | tree).event(row(1, **values), "/s")["data"]
    return {name: part for name, part in made.items() if name != "customer"}


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_a_letter_is_the_same_however_it_was_typed(typed: Any, written: Any) -> None:
    told = {normalize(written, text): meant for text, meant in {"Nữ": "female", "Có": "true"}.items()}
    cell = Cell(column="a", map=told, strict=True, empty=[normalize(written, "không rõ")], default="Nữ")
    assert cell.read({"a": normalize(typed, "Nữ")}) == "female"
    assert cell.read({"a": normalize(typed, "không rõ")}) == "female"
    for text, meant in (("Có", True), ("KHÔNG", False)):
        assert Cell(column="a", to="boolean").read({"a": normalize(typed, text)}) is meant


def test_a_box_that_is_ticked_is_true() -> None:
    """A browser sends `on` for a box without a value of its own."""
    assert [Cell(column="a", to="boolean").read({"a": text}) for text in ("on", "off")] == [True, False]


@pytest.mark.parametrize(
    "said",
    [
        {"map": {"M": "male"}, "strict": True, "default": "X"},
        {"dates": ["%d/%m/%Y"], "default": "khi nào"},
        {"decimal": "comma", "default": "nhiều"},
        {"to": "boolean", "default": "có thể"},
        {"to": "integer", "default": "1,5"},
    ],
)
def test_a_default_that_cannot_be_read_is_told_when_the_mapping_is_read(said: dict[str, Any]) -> None:
    """And not for each row in which nothing stands."""
    with pytest.raises(ValidationError, match="default: "):
        Cell.model_validate({"column": "a"} | said)


def test_a_row_becomes_an_event() -> None:
    assert mapping(id="{store}/{card}").event(row(), "/import") == {
        "specversion": "1.0",
        "id": "1/7",
        "source": "/import",
        "type": "loyalty.card_scanned.v1",
        "time": "2026-11-23T02:30:00Z",
        "data": {"customer": {"card_no": "7"}, "store_id": "s-1"},
    }


def test_the_id_tells_rows_apart_and_is_the_same_every_time() -> None:
    one = mapping().event(row(1), "/s")["id"]
    assert one == mapping().event(row(1), "/s")["id"]
    others = {
        mapping().event(made, source)["id"]
        for made, source in [(row(2), "/s"), (row(1, card="8"), "/s"), (row(1), "/t")]
    }
    assert len(others | {one}) == 4


def test_an_id_made_of_an_empty_column_is_no_id() -> None:
    with pytest.raises(Unreadable, match="card: is empty, and the event's id is made of it"):
        mapping(id="{card}").event(row(card=" "), "/s")


@pytest.mark.parametrize(
    ("formats", "zone", "text", "time"),
    [
        (["iso"], None, "2026-11-23T09:30:00+07:00", "2026-11-23T02:30:00Z"),
        (["iso"], "UTC", "2026-11-23", "2026-11-23T00:00:00Z"),
        (["iso"], "UTC", " 2026-11-23T09:30:00.5Z ", "2026-11-23T09:30:00.500000Z"),
        (["%d/%m/%Y %H:%M", "%d/%m/%Y"], "Asia/Ho_Chi_Minh", "23/11/2026", "2026-11-22T17:00:00Z"),
        (["%Y-%m-%d %H:%M %z"], None, "2026-11-23 09:30 +0700", "2026-11-23T02:30:00Z"),
        (["iso"], "Europe/Berlin", "2026-07-01 12:00", "2026-07-01T10:00:00Z"),
    ],
)
def test_times_become_utc(formats: list[str], zone: str | None, text: str, time: str) -> None:
    made = mapping(time={"column": "at", "formats": formats, "timezone": zone})
    assert made.event(row(at=text), "/s")["time"] == time


@pytest.mark.parametrize(
    ("time", "text", "message"),
    [
        ({"column": "at"}, "2026-11-23 09:30", "at: the time '2026-11-23 09:30' has no zone"),
        ({"column": "at", "timezone": "UTC"}, "yesterday", "at: 'yesterday' is not a time like iso"),
        ({"column": "at", "timezone": "UTC"}, "", "at: '' is not a time"),
        ({"column": "at"}, "0001-01-01T00:00:00+14:00", "at: the time '0001-01-01T00:00:00.14:00' is not in any year"),
    ],
)
def test_a_time_that_is_none_names_its_column(time: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        mapping(time=time).event(row(at=text), "/s")


def test_a_constant_time_is_the_time_of_every_row() -> None:
    made = mapping(time={"constant": "2026-01-01T00:00:00+07:00"})
    assert made.event(row(), "/s")["time"] == "2026-01-01T00:00:00+07:00"


def test_what_is_empty_is_left_out_and_so_is_an_object_without_any_column_filled() -> None:
    tree = {
        "a": {"x": "{a}", "currency": "USD", "deep": {"y": "{b}"}},
        "b": {"x": "{b}", "currency": "USD"},
        "list": [{"c": "{a}"}, {"c": "{b}"}, "constant"],
        "none": ["{b}"],
        "both": "{a} {b}",
        "always": {"currency": "USD", "count": 3, "yes": True},
    }
    assert data(tree, a=" 1 ", b=" ") == {
        "a": {"x": "1", "currency": "USD"},
        "list": [{"c": "1"}, "constant"],
        "both": "1 ",
        "always": {"currency": "USD", "count": 3, "yes": True},
    }


@pytest.mark.parametrize(
    ("cell", "text", "value"),
    [
        ({}, " Đà Nẵng ", "Đà Nẵng"),
        ({"strip": False}, " a ", " a "),
        ({}, "  ", None),
        ({"empty": ["NA", "0.0"]}, "NA", None),
        ({"empty": ["NA"], "default": "x"}, "NA", "x"),
        ({"case": "lower"}, "ĐÀ", "đà"),
        ({"case": "upper"}, "đà", "ĐÀ"),
        ({"map": {"M": "male"}}, "M", "male"),
        ({"map": {"M": "male"}}, "F", "F"),
        ({"case": "lower", "map": {"m": "male"}, "strict": True}, "M", "male"),
        ({"decimal": "comma"}, "1.234.567,50", "1234567.50"),
        ({"decimal": "comma"}, "12", "12"),
        ({"decimal": "point"}, "1,234.5", "1234.5"),
        ({"decimal": "point"}, "1 234.5", "1234.5"),
        ({"decimal": "point"}, "+.5", "0.5"),
        ({"negate": True}, "12.50", "-12.50"),
        ({"negate": True}, "-12.50", "12.50"),
        ({"negate": True}, "0.00", "0.00"),
        ({"dates": ["%d/%m/%Y", "%d.%m.%y"]}, "1.2.99", "1999-02-01"),
        ({"to": "integer"}, "12.0", 12),
        ({"to": "integer"}, "-3", -3),
        ({"to": "boolean"}, "Yes", True),
        ({"to": "boolean"}, "không", False),
    ],
)
def test_a_cell_is_read_as_it_is_told(cell: dict[str, Any], text: str, value: Any) -> None:
    assert Cell.model_validate({"column": "c"} | cell).read({"c": text}) == value


@pytest.mark.parametrize(
    ("cell", "text", "message"),
    [
        ({"map": {"M": "male"}, "strict": True}, "X", "c: 'X' is none of M"),
        ({"decimal": "comma"}, "12,5,0", "c: '12,5,0' is not an amount"),
        ({"decimal": "point"}, "12 USD", "is not an amount"),
        ({"negate": True}, "-", "is not an amount"),
        ({"dates": ["%d/%m/%Y"]}, "31/02/2026", "is not a date like %d/%m/%Y"),
        ({"to": "integer"}, "1.5", "is not a whole number"),
        ({"to": "boolean"}, "maybe", "is not true or false"),
    ],
)
def test_a_cell_that_cannot_be_read_names_its_column(cell: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message) as caught:
        Cell.model_validate({"column": "c"} | cell).read({"c": text})
    assert caught.value.column == "c"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "loyalty.unheard_of.v1"}, "type: Value error, 'loyalty.unheard_of.v1' is none of"),
        ({"tipe": 1}, "tipe: Extra inputs"),
        ({"time": {}}, "time: Value error, give either a column or a constant"),
        ({"time": {"column": "at", "timezone": "Saigon"}}, "'Saigon' is not a time zone"),
        ({"time": {"constant": "2026-01-01"}}, "time.constant: Input should"),
        ({"encoding": "utf-9"}, "'utf-9' is not an encoding"),
        ({"data": {"a": {"column": "c", "strp": True}}}, r"data\.a: strp: Extra inputs"),
        ({"data": {"a": [{"b": 1.5}]}}, r"data\.a\[0\]\.b: write 1\.5 as text"),
        ({"data": {"a": {"column": "c", "strict": True}}}, "strict needs a map"),
        ({"data": {"a": {"column": "c", "dates": ["%d"], "negate": True}}}, "a date is not an amount"),
    ],
)
def test_a_wrong_mapping_is_explained(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(yaml.safe_dump(BASE | changes))
    with pytest.raises(MappingError, match=problem):
        load_mapping(file)


def test_a_file_that_is_no_mapping_is_explained(tmp_path: Path) -> None:
    broken = tmp_path / "map.yaml"
    for text, problem in (
        ("a: [", "is not YAML"),
        ("receipt;when", "map.yaml: a mapping has `type`, `time` and `data`, each with a colon"),
        ("a: !!bool x", "is not YAML"),
        ("- a", "a mapping has `type`"),
        ("\x00", "is not YAML"),
    ):
        broken.write_text(text)
        with pytest.raises(MappingError, match=problem):
            load_mapping(broken)
    with pytest.raises(MappingError, match="built-in are cdnow, contacts, loyalty_scans"):
        load_mapping("unheard-of")


def test_columns_that_the_file_lacks_are_named() -> None:
    with pytest.raises(MappingError, match="the file has no column at, store; it has card, shop"):
        mapping().check_columns(["card", "shop"])
    mapping(columns="optional").check_columns(["at", "card"])
    with pytest.raises(MappingError, match="the file has no column at;"):
        mapping(columns="optional").check_columns(["card"])


def test_the_built_in_mappings_can_be_read() -> None:
    assert {kind: load_mapping(kind).type for kind in builtin_kinds()} == {
        "cdnow": "web.form_submitted.v1",
        "contacts": "web.form_submitted.v1",
        "loyalty_scans": "loyalty.card_scanned.v1",
    }
