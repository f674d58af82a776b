"""Who a call of the Segment API is about."""

from __future__ import annotations

from typing import Any

import pytest

from producers.segment_api.customer import Found, company, identifiers, profile, who


def found(call: dict[str, Any], context: dict[str, Any] | None = None, traits: dict[str, Any] | None = None) -> Found:
    return identifiers(call, context or {}, traits or {})


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (1234, [("customer_no", "1234")]),
        (" u-7 ", [("customer_no", "u-7")]),
        ("Lan@example.com", [("email", "Lan@example.com")]),
        ("@handle", [("customer_no", "@handle")]),
        (None, []),
        ("", []),
        (True, []),
        ({"id": 1}, []),
    ],
)
def test_a_user_id_is_a_customer_number_or_an_address(stated: Any, expected: Found) -> None:
    assert found({"userId": stated, "anonymousId": None}) == expected


def test_traits_may_name_any_identifier_of_ours_but_not_who_signed_in() -> None:
    traits = {"email": "a@b.vn", "phone": 84901, "cardNo": "C1", "zalo_id": "z", "customer_no": "x", "anonymousId": "y"}
    assert sorted(found({}, traits=traits)) == [
        ("card_no", "C1"),
        ("email", "a@b.vn"),
        ("phone", "84901"),
        ("zalo_id", "z"),
    ]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"id": "D", "advertisingId": "A", "token": "T"}, ["D", "A", "T"]),
        ({"id": "D", "advertisingId": "A", "adTrackingEnabled": False}, ["D"]),
        ({"advertisingId": "00000000-0000-0000-0000-000000000000"}, []),
        ({"id": "D", "advertisingId": "D"}, ["D"]),
        ("phone", []),
    ],
)
def test_devices_are_known_by_all_their_ids_but_not_by_one_that_was_switched_off(
    device: Any, expected: list[str]
) -> None:
    assert found({}, {"device": device}) == [("device_id", each) for each in expected]


def test_external_ids_are_taken_by_their_type_unless_they_are_encoded() -> None:
    external = [
        {"id": "lan@example.com", "type": "email", "collection": "users", "encoding": "none"},
        {"id": "abc", "type": "email", "encoding": "sha256"},
        {"id": 1000123, "type": "facebook_id"},
        {"id": "IDFA", "type": "ios.idfa"},
        {"id": "x", "type": "ga4_client_id"},
        {"type": "phone"},
        None,
    ]
    assert found({}, {"externalIds": external}) == [
        ("email", "lan@example.com"),
        ("facebook_id", "1000123"),
        ("device_id", "IDFA"),
    ]


def test_an_event_takes_one_of_each_kind_and_the_others_are_left() -> None:
    told = who([("email", "a@b.vn"), ("device_id", "D"), ("email", "c@d.vn")])
    assert told.customer == {"email": "a@b.vn", "device_id": "D"}
    assert told.others == [("email", "c@d.vn")]


@pytest.mark.parametrize(
    ("trait", "fields"),
    [
        ({"name": "Lan"}, {"full_name": "Lan"}),
        ({"first_name": "Lan", "lastName": "Nguyễn"}, {"given_name": "Lan", "family_name": "Nguyễn"}),
        ({"title": "kế toán"}, {"occupation": "kế toán"}),
        ({"locale": "vi-VN"}, {"language": "vi-VN"}),
        ({"maritalStatus": "married"}, {"marital_status": "married"}),
        ({"address": "12 Lê Lợi"}, {"address": {"street": "12 Lê Lợi"}}),
        (
            {
                "address": {
                    "city": "Huế",
                    "state": "Thừa Thiên",
                    "postalCode": 530000,
                    "country": None,
                    "planet": "Earth",
                }
            },
            {"address": {"city": "Huế", "province": "Thừa Thiên", "postcode": 530000}},
        ),
        ({"company": "Hoa Sen"}, {"company": {"name": "Hoa Sen"}}),
        (
            {"company": {"name": "Hoa Sen", "industry": "retail", "employee_count": 5}},
            {"company": {"name": "Hoa Sen", "sector": "retail", "staff": 5}},
        ),
        ({"company": ["Hoa Sen"]}, {"company": ["Hoa Sen"]}),
        ({"consent": {"email": True}}, {"consent": {"email": True}}),
        ({"email": "a@b.vn"}, {}),
    ],
)
def test_reserved_traits_and_those_with_our_names_have_a_field(trait: dict[str, Any], fields: dict[str, Any]) -> None:
    assert profile(trait) == (fields, {})


@pytest.mark.parametrize(
    "trait", [{"verified": ["email"]}, {"avatar": "x"}, {"createdAt": "2026"}, {"customerNo": "7"}]
)
def test_other_traits_stay_as_they_are(trait: dict[str, Any]) -> None:
    assert profile(trait) == ({}, trait)


def test_a_company_is_named_by_its_traits_or_else_by_its_id() -> None:
    assert company("g", {"name": "Hoa Sen", "phone": "028", "founded": 1999}) == {"name": "Hoa Sen", "founded": 1999}
    assert company("g", {"industry": "retail"}) == {"name": "g", "sector": "retail"}
    assert company(None, {}) == {}
