"""A record in the form in which it is compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.suggest.records import LONGEST, Compared, Record, compared


def test_a_record_is_compared_without_accents_and_case_and_its_name_in_three_orders() -> None:
    record = Record(
        "1",
        full_name="  NGUYỄN Văn\u200b Đình ",
        birthday="1990-03-12",
        street="Số 12/3B, đường Lê Lợi",
        ward="Phường Bến Nghé",
        district="Q. 1",
        city="TP. Hồ Chí Minh",
        province="Tỉnh Đồng Nai",
        postcode=" 700 000",
    )

    assert compared(record) == Compared(
        id="1",
        shown="NGUYỄN Văn Đình",
        name="nguyen van dinh",
        sorted="dinh nguyen van",
        turned="dinh nguyen van",
        birthday="19900312",
        number="12/3b",
        road="le loi",
        ward="ben nghe",
        district="1",
        city="ho chi minh",
        province="dong nai",
        postcode="700000",
    )


def test_nothing_known_is_nothing_compared() -> None:
    blank = Record("1", *[" \u200b "] * 10)
    assert compared(blank) == compared(Record("1")) == Compared("1", *[None] * 12)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (Record("1", given_name="Văn An", family_name="Nguyễn"), "nguyen van an"),
        (Record("1", given_name="An"), "an"),
        (Record("1", family_name="O'Brien-Smith"), "o brien smith"),
        (Record("1", full_name="An", family_name="Nguyễn"), "an"),
    ],
)
def test_the_name_is_the_full_one_or_made_of_its_parts(record: Record, name: str) -> None:
    assert compared(record).name == name


@pytest.mark.parametrize("stated", ["1990-03", "12/03/1990", "yesterday", "١٩٩٠٠٣١٢", ""])
def test_a_birthday_that_is_no_date_is_none(stated: str) -> None:
    assert compared(Record("1", birthday=stated)).birthday is None


@pytest.mark.parametrize(
    ("street", "number", "road"),
    [
        ("6 tullaroop street", "6", "tullaroop street"),
        ("Nguyễn Huệ 45A", "45a", "nguyen hue"),
        ("Lê Lợi", None, "le loi"),
        ("123", "123", None),
        ("", None, None),
    ],
)
def test_a_street_is_a_number_and_a_road(street: str, number: str | None, road: str | None) -> None:
    assert compared(Record("1", street=street))[6:8] == (number, road)


@given(st.lists(st.text(), min_size=10, max_size=10))
def test_any_text_has_a_form_that_a_database_can_keep(stated: list[str]) -> None:
    for value in compared(Record("1", *stated))[2:]:
        assert value is None or (value and value == value.strip() and value.encode() and len(value) <= LONGEST)
