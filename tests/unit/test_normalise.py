"""What people type becomes one form that can be compared, or is left out with a reason."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest

from processors.normalise import Normalised, normalise, read_identifier
from processors.reference import load_reference
from processors.text import clean_text, fold_accents
from schemas.events import Customer
from schemas.identifiers import Identifier
from tests.payloads import REFERENCE

TODAY = date(2026, 11, 23)


def read(**stated: Any) -> Normalised:
    return normalise(Customer(**stated), TODAY, REFERENCE)


def trait(field: str, stated: Any) -> Any:
    """The trait as read, or the code of the problem."""
    outcome = read(**{field: stated})
    return outcome.problems[0][1] if outcome.problems else outcome.traits.get(field)


def identifier(kind: str, stated: str) -> str | None:
    """The identifier as read, or the code of the problem."""
    found, problem = read_identifier(kind, stated, REFERENCE)
    return found.value if found else problem


@pytest.mark.parametrize(
    "stated",
    [
        "0901234567",
        "0901 234 567",
        "0901.234.567",
        "090-123-4567",
        "(090) 123 4567",
        "+84901234567",
        "+84 (0)90-123-45-67",
        "84901234567",
        "840901234567",
        "0084 901 234 567",
        "901234567",
        "901234567.0",
        "'0901234567",
        "tel:+84901234567",
        "０９０１２３４５６７",
        "+８４ 901 234 567",
        "\u200e0901\u00a0234\u00a0567\u202c",
        "0901234567 ext 5",
    ],
)
def test_one_phone_in_every_spelling_is_one_phone(stated: str) -> None:
    assert identifier("phone", stated) == "+84901234567"


@pytest.mark.parametrize(("old", "new"), REFERENCE.moved_mobile_prefixes.items())
def test_a_mobile_number_of_before_2018_is_its_number_of_today(old: str, new: str) -> None:
    for stated in (f"0{old}1234567", f"+84{old}1234567", f"84 {old} 123 4567", f"+84 (0){old}-1234567"):
        assert identifier("phone", stated) == f"+84{new}1234567"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("028 3822 1234", "+842838221234"),
        ("+84 236 3822 123", "+842363822123"),
        ("+1 212-555-0100", "+12125550100"),
        ("0065 6123 4567", "+6561234567"),
        ("12345", "unreadable_phone"),
        ("call me", "unreadable_phone"),
        ("0901234567 / 0912345678", "unreadable_phone"),
        ("9" * 400, "placeholder"),
        ("1" + "2" * 399, "unreadable_phone"),
        ("+999 123 456 789", "unreadable_phone"),
        ("0000000000", "placeholder"),
        ("0900000000", "placeholder"),
        ("+84 900 000 000", "placeholder"),
        ("0123456789", "placeholder"),
        ("0999999999", "placeholder"),
        ("1900 1234", "placeholder"),
        ("khách lẻ", "placeholder"),
        ("N/A", "placeholder"),
        ("---", "placeholder"),
        ("", None),
        (" \u200b ", None),
    ],
)
def test_a_phone_is_read_in_international_form_or_not_at_all(stated: str, expected: str | None) -> None:
    assert identifier("phone", stated) == expected


def test_numbers_without_a_country_belong_to_the_region_of_the_installation() -> None:
    singapore = load_reference({"PORTRAIT_REGION": "SG"})
    assert read_identifier("phone", "6123 4567", singapore) == (Identifier("phone", "+6561234567"), None)
    assert read_identifier("phone", "+84 0162 123 4567", singapore) == (Identifier("phone", "+84321234567"), None)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("An.Nguyen@Gmail.COM", "an.nguyen@gmail.com"),
        (" an@example.com\n", "an@example.com"),
        ("an @example.com", "an@example.com"),
        ("mailto:an@example.com", "an@example.com"),
        ("an+tet@example.com", "an+tet@example.com"),
        ("ａｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "an@example.com"),
        ("an@Công-Ty.vn", "an@công-ty.vn"),
        (unicodedata.normalize("NFD", "ân@example.com"), "ân@example.com"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("an@example", "unreadable_email"),
        ("an.example.com", "unreadable_email"),
        (".an@example.com", "unreadable_email"),
        ("an..binh@example.com", "unreadable_email"),
        ("an@@example.com", "unreadable_email"),
        ("an@exam_ple.com", "unreadable_email"),
        ("an@example.com, binh@example.com", "unreadable_email"),
        ("a" * 250 + "@example.com", "unreadable_email"),
        ("test@test.com", "placeholder"),
        ("Test@Test.com", "placeholder"),
        ("a@a.a", "placeholder"),
        ("aaa@aaa", "placeholder"),
        ("no-reply@shop.vn", "placeholder"),
        ("noreply@shop.vn", "placeholder"),
        ("khachle@gmail.com", "placeholder"),
        ("null", "placeholder"),
        ("", None),
    ],
)
def test_an_email_is_read_in_lower_case_or_not_at_all(stated: str, expected: str | None) -> None:
    assert identifier("email", stated) == expected


@pytest.mark.parametrize(
    ("kind", "stated", "expected"),
    [
        ("card_no", " vn 0012-3456 ", "VN00123456"),
        ("card_no", "VN–0012—3456", "VN00123456"),
        ("card_no", "ＶＮ００１２３４５６", "VN00123456"),
        ("card_no", "0001", "0001"),
        ("card_no", "0000-0000", "placeholder"),
        ("card_no", "111111", "placeholder"),
        ("card_no", "Khách lẻ", "placeholder"),
        ("card_no", "\u3164", None),
        ("customer_no", "kh-000-17", "KH00017"),
        ("customer_no", "-1", "placeholder"),
        ("customer_no", "True", "placeholder"),
        ("card_no", "false", "placeholder"),
        ("customer_no", "0", "placeholder"),
        ("customer_no", "1", "1"),
        ("customer_no", "K" + "7" * 300, "unreadable_customer_no"),
        ("facebook_id", " 1000123 ", "1000123"),
        ("zalo_id", "aBc\u200b-1", "aBc-1"),
        ("tiktok_id", "guest", "placeholder"),
        ("anonymous_id", "undefined", "placeholder"),
        ("device_id", "00000000-0000-0000-0000-000000000000", "placeholder"),
        ("device_id", "3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
    ],
)
def test_ids_keep_what_tells_people_apart(kind: str, stated: str, expected: str | None) -> None:
    assert identifier(kind, stated) == expected


def test_the_identifiers_of_an_event_are_sorted_and_phone_and_email_are_traits_too() -> None:
    assert read(zalo_id="z1", phone="0901234567", email="An@x.vn", card_no="c-1") == (
        (
            Identifier("card_no", "C1"),
            Identifier("email", "an@x.vn"),
            Identifier("phone", "+84901234567"),
            Identifier("zalo_id", "z1"),
        ),
        (),
        {"email": "an@x.vn", "phone": "+84901234567"},
        [],
    )


@pytest.mark.parametrize(
    ("stated", "verified", "expected"),
    [
        ({"phone": "0901234567", "email": "an@x.vn"}, ("phone", "email"), ("email", "phone")),
        ({"phone": "0901234567", "email": "an@x.vn"}, ("phone", "phone"), ("phone",)),
        ({"phone": "0901234567"}, ("phone", "email"), ("phone",)),
        ({"phone": "0000000000", "email": "an@x.vn"}, ("phone", "email"), ("email",)),
        ({"phone": "call me"}, ("phone",), ()),
        ({"phone": " "}, ("phone",), ()),
        ({"phone": "0901234567"}, (), ()),
        ({"phone": "0901234567"}, None, ()),
        ({"full_name": "An"}, ("phone",), ()),
    ],
)
def test_only_what_an_event_names_and_what_can_be_read_is_verified(
    stated: dict[str, Any], verified: tuple[str, ...] | None, expected: tuple[str, ...]
) -> None:
    assert read(**stated, verified=verified).verified == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("  Nguyễn\t Đình\u00a0 Ngọc ", "Nguyễn Đình Ngọc"),
        (unicodedata.normalize("NFD", "Nguyễn Đình Ngọc"), "Nguyễn Đình Ngọc"),
        ("Ng\u00aduyễn\u200b \ufeffAn\x07", "Nguyễn An"),
        ("\u202eAn\u202c", "An"),
        ("Na", "Na"),
        ("N/A", "placeholder"),
        ("Khách Lẻ", "placeholder"),
        ("???", "placeholder"),
        ("12345", "placeholder"),
    ],
)
def test_a_name_keeps_its_accents_and_loses_what_cannot_be_seen(stated: str, expected: str) -> None:
    assert trait("full_name", stated) == expected


def test_folding_leaves_scripts_without_accents_whole() -> None:
    assert fold_accents("김민준 Ωμέγα 阮") == "김민준 ωμεγα 阮"


def test_a_folded_name_is_the_same_however_it_was_typed() -> None:
    typed = ("Nguyễn Đình Đức", "NGUYỄN ĐÌNH ĐỨC", "nguyen dinh duc", unicodedata.normalize("NFD", "Nguyễn Đình Đức"))
    assert {fold_accents(name) for name in typed} == {"nguyen dinh duc"}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, "Nguyễn Ân"),
        ({"language": "vi"}, "Nguyễn Ân"),
        ({"language": "en"}, "Ân Nguyễn"),
        ({"address": {"country": "Việt Nam"}}, "Nguyễn Ân"),
        ({"address": {"country": "US"}}, "Ân Nguyễn"),
        ({"language": "vi", "address": {"country": "US"}}, "Nguyễn Ân"),
    ],
)
def test_a_full_name_is_made_in_the_order_of_the_language_else_the_country(
    stated: dict[str, Any], expected: str
) -> None:
    traits = read(given_name="Ân", family_name="Nguyễn", **stated).traits
    assert (traits["full_name"], traits["given_name"], traits["family_name"]) == (expected, "Ân", "Nguyễn")
    assert traits["name_key"] == fold_accents(expected)


def test_a_stated_full_name_wins_over_its_parts_and_one_part_is_enough() -> None:
    assert read(full_name="Ân N.", given_name="Ân", family_name="Nguyễn").traits["full_name"] == "Ân N."
    assert read(given_name="Ân").traits == {"given_name": "Ân", "full_name": "Ân", "name_key": "an"}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("1996-02-05", "1996-02-05"),
        ("1996-2-5", "1996-02-05"),
        ("1996/02/05", "1996-02-05"),
        ("05/02/1996", "1996-02-05"),
        ("5/2/1996", "1996-02-05"),
        ("05-02-1996", "1996-02-05"),
        ("05.02.1996", "1996-02-05"),
        ("19960205", "1996-02-05"),
        ("1996-02-05T00:00:00Z", "1996-02-05"),
        ("1996-02-04T17:00:00.000Z", "1996-02-05"),
        ("1996-02-04 17:00:00+00:00", "1996-02-05"),
        ("1996-02-05T00:00:00+07:00", "1996-02-05"),
        ("1996-02-05T23:30:00+07:00", "1996-02-05"),
        ("1970-05-04T16:00:00.000Z", "1970-05-05"),
        ("1996-02-04T17:00:00", "1996-02-04"),
        ("9999-12-31T23:00:00Z", "unreadable_birthday"),
        ("０５/０２/１９９６", "1996-02-05"),
        (19960205, "1996-02-05"),
        ("29/02/2000", "2000-02-29"),
        ("2026-11-23", "2026-11-23"),
        ("29/02/1999", "unreadable_birthday"),
        ("31/04/1999", "unreadable_birthday"),
        ("02/25/1996", "unreadable_birthday"),
        ("1899-12-31", "unreadable_birthday"),
        ("2026-11-24", "unreadable_birthday"),
        ("05/02/96", "unreadable_birthday"),
        ("199625", "unreadable_birthday"),
        ("05/02-1996", "unreadable_birthday"),
        ("tết", "unreadable_birthday"),
        ("00/00/0000", "placeholder"),
        ("0000-00-00 00:00:00", "placeholder"),
        ("1900-01-01", "placeholder"),
        ("", None),
    ],
)
def test_a_birthday_is_a_date_that_can_be(stated: Any, expected: str | None) -> None:
    assert trait("birthday", stated) == expected


@pytest.mark.parametrize(
    ("field", "stated", "expected"),
    [
        ("gender", "Nam", "male"),
        ("gender", "M", "male"),
        ("gender", "Mr.", "male"),
        ("gender", "Nữ", "female"),
        ("gender", unicodedata.normalize("NFD", "nữ"), "female"),
        ("gender", "FEMALE", "female"),
        ("gender", "Khác", "other"),
        ("gender", "unknown", "placeholder"),
        ("gender", "cao", "unreadable_gender"),
        ("household_size", "4", 4),
        ("household_size", 4, 4),
        ("household_size", "4 người", 4),
        ("household_size", "5+", 5),
        ("household_size", "30", 30),
        ("household_size", "31", "unreadable_household_size"),
        ("household_size", "0", "placeholder"),
        ("household_size", "-2", "unreadable_household_size"),
        ("household_size", "many", "unreadable_household_size"),
        ("language", "vi-VN", "vi"),
        ("language", "EN_us", "en"),
        ("language", "Tiếng Việt", "vi"),
        ("language", "klingon", "unreadable_language"),
        ("age_band", " 15-22 ", "15-22"),
        ("income_band", "10–20 triệu", "10–20 triệu"),
        ("occupation", "Giáo  viên", "Giáo viên"),
        ("occupation", "n/a", "placeholder"),
        ("marital_status", "Độc thân", "Độc thân"),
        ("purpose", "Quà tặng", "gift"),
        ("purpose", "Gia  đình", "personal"),
        ("purpose", "Từ thiện", "Từ thiện"),
        ("proficiency", "Mới bắt đầu", "beginner"),
        ("proficiency", "Khá", "intermediate"),
        ("proficiency", "PRO", "expert"),
        ("proficiency", "12 kg", "unreadable_proficiency"),
        ("proficiency", "null", "placeholder"),
    ],
)
def test_a_trait_is_read_or_its_problem_is_named(field: str, stated: Any, expected: Any) -> None:
    assert trait(field, stated) == expected


def test_address_and_company_are_read_part_by_part() -> None:
    outcome = read(
        address={"street": " 12  Lê Lợi", "city": "null", "country": "viet nam", "postcode": " 71 000 ", "ward": ""},
        company={"name": "Hoa\u200b Sen", "size": "N/A"},
    )
    assert outcome == (
        (),
        (),
        {"address": {"street": "12 Lê Lợi", "country": "VN", "postcode": "71000"}, "company": {"name": "Hoa Sen"}},
        [("$.data.customer.address.city", "placeholder"), ("$.data.customer.company.size", "placeholder")],
    )


@pytest.mark.parametrize(
    ("field", "stated", "expected"),
    [
        ("staff", "42", 42),
        ("staff", 42, 42),
        ("staff", "1.200 nhân viên", 1200),
        ("staff", "50+", 50),
        ("staff", "42.0", 42),
        ("staff", "0", "placeholder"),
        ("staff", "11-50", "unreadable_staff"),
        ("staff", "9" * 40, "unreadable_staff"),
        ("founded", "2015", 2015),
        ("founded", "2015-03-01", 2015),
        ("founded", "15", "unreadable_founded"),
        ("founded", "n/a", "placeholder"),
    ],
)
def test_of_a_company_numbers_are_read_or_their_problem_is_named(field: str, stated: Any, expected: Any) -> None:
    _, _, traits, problems = read(company={"name": "Hoa Sen", field: stated})
    assert traits["company"].get(field, problems and problems[0][1]) == expected


@pytest.mark.parametrize("text", ["a\u200db", "\ufeff", "\u3164\u2800", "a\u0301\u200b", "a\x00b\x1f", "e\ufe0f"])
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert once.isprintable()
