"""What a clean event says beyond the customer's words, type by type."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from processors.reference import load_reference
from schemas.clean import CleanEvent, Purchase
from schemas.events import EVENT_MODELS
from schemas.identifiers import Identifier
from schemas.ids import event_key
from schemas.rejected import Reason, Rejected
from tests.payloads import RECEIVED, REFERENCE, clean, event, form, prepared, scan

VND = {"amount": "100000", "currency": "VND"}


def bought(reference: Any = REFERENCE, **basket: Any) -> Purchase:
    outcome = clean(scan(**basket), reference)
    assert outcome.purchase is not None
    return outcome.purchase


def traits(**customer: Any) -> dict[str, Any]:
    return clean(form({"customer_no": "K1", **customer})).traits


def test_a_form_is_enriched_whole() -> None:
    outcome = clean(event("web.form_submitted.v1"))
    assert outcome.key == event_key("/test", "e-1")
    assert (outcome.source, outcome.id, outcome.type) == ("/test", "e-1", "web.form_submitted.v1")
    assert (outcome.channel, outcome.time, outcome.received) == ("web", RECEIVED - 1000, RECEIVED)
    assert outcome.origin == "events.web/0/7"
    assert outcome.identifiers == (Identifier("email", "an.nguyen@gmail.com"), Identifier("phone", "+84901234567"))
    assert outcome.traits == {
        "email": "an.nguyen@gmail.com",
        "phone": "+84901234567",
        "full_name": "Nguyễn Ân",
        "given_name": "Ân",
        "family_name": "Nguyễn",
        "name_key": "nguyen an",
        "birthday": "1996-02-25",
        "age_band": "22-50",
        "gender": "female",
        "address": {"street": "12 Lê Lợi", "city": "TP.HCM", "country": "VN"},
        "province": "TP. Hồ Chí Minh",
        "area": "southeast",
        "household_size": 4,
        "language": "vi",
        "company": {"name": "Công ty Hoa Sen", "tax_code": "0301442989"},
    }
    assert (outcome.statuses, outcome.counts) == ({}, {"form:registration": 1})
    assert outcome.purchase == Purchase(
        amount=45000,
        currency="VND",
        base=45000,
        order_id="W-1",
        store="web",
        categories={"drinks": 45000},
        hour=9,
        weekday=0,
        month="2026-11",
    )
    assert (outcome.points, outcome.acquisition, outcome.problems) == (0, "web:facebook", ())


def test_a_scan_is_enriched_whole() -> None:
    outcome = clean(event("loyalty.card_scanned.v1"))
    assert outcome.identifiers == (Identifier("card_no", "VN00123456"),)
    assert (outcome.traits, outcome.statuses) == ({}, {})
    assert outcome.counts == {"scan": 1, "coupon_purchase": 1, "discounted_purchase": 1}
    assert outcome.purchase == Purchase(
        amount=95000,
        currency="VND",
        base=95000,
        order_id="B-7",
        store="hcm-01",
        discount=5000,
        coupons=1,
        categories={"drinks": 90000, "other": 10000},
        hour=9,
        weekday=0,
        month="2026-11",
    )
    assert (outcome.channel, outcome.points, outcome.acquisition) == ("loyalty", 75, "store:hcm-01")


def test_a_card_is_enrolled_and_cancelled_as_a_status_of_that_card() -> None:
    enrolled, cancelled = clean(event("loyalty.card_enrolled.v1")), clean(event("loyalty.card_cancelled.v1"))
    assert enrolled.statuses == {"card:VN00123456": "enrolled"}
    assert (enrolled.traits, enrolled.counts, enrolled.acquisition) == ({"tier": "gold"}, {}, "store:hcm-01")
    assert cancelled.statuses == {"card:VN00123456": "cancelled"}
    assert (cancelled.traits, cancelled.counts, cancelled.acquisition) == ({}, {}, None)


def test_consent_is_a_status_by_channel() -> None:
    outcome = clean(form({"customer_no": "K1", "consent": {"email": True, "sms": "no", "zalo": 1}}))
    assert outcome.statuses == {"consent:email": "given", "consent:sms": "withdrawn", "consent:zalo": "given"}
    assert "consent" not in outcome.traits
    assert clean(form({"customer_no": "K1", "consent": {}})).statuses == {}


@pytest.mark.parametrize("consent", [{"email": "perhaps"}, [], "yes", {f"way{n}": True for n in range(21)}])
def test_consent_that_cannot_be_read_says_nothing_and_is_noted(consent: Any) -> None:
    outcome = clean(form({"customer_no": "K1", "consent": consent}))
    assert outcome.statuses == {}
    assert [code for path, code in outcome.problems if path.startswith("$.data.customer.consent")] == ["unreadable"]


def test_a_way_to_write_to_somebody_is_a_word() -> None:
    outcome = prepared(form({"customer_no": "K1", "consent": {"E-Mail": True}}))
    assert isinstance(outcome, Rejected)
    assert outcome.path.startswith("$.data.customer.consent.E-Mail")


@pytest.mark.parametrize(
    ("action", "statuses"),
    [
        ("follow", {"follow:facebook": "followed"}),
        ("unfollow", {"follow:facebook": "unfollowed"}),
        ("comment", {}),
    ],
)
def test_an_interaction_is_counted_and_following_is_a_status(action: str, statuses: dict[str, str]) -> None:
    document = event("social.interacted.v1")
    document["data"]["action"] = action
    outcome = clean(document)
    assert (outcome.statuses, outcome.counts) == (statuses, {f"social:facebook:{action}": 1})
    assert (outcome.channel, outcome.acquisition) == ("social", "social:facebook")


@pytest.mark.parametrize(
    ("page", "acquisition"),
    [
        (None, "web"),
        ({}, "web"),
        ({"utm": {"medium": "cpc"}}, "web"),
        ({"utm": {"source": " \u200b"}}, "web"),
        ({"utm": {"source": " Zalo "}}, "web:zalo"),
    ],
)
def test_a_form_tells_where_the_visitor_came_from(page: Any, acquisition: str) -> None:
    assert clean(form({"customer_no": "K1"}, page=page)).acquisition == acquisition


def test_what_else_a_platform_tells_is_counted_by_its_own_name() -> None:
    told = clean(event("social.tracked.v1"))
    assert (told.counts, told.statuses, told.acquisition, told.channel) == (
        {"social:zalo:user_click_chatnow": 1},
        {},
        "social:zalo",
        "social",
    )


def tracked(name: str, **data: Any) -> CleanEvent:
    return clean(event("web.tracked.v1", data={"customer": {"anonymous_id": "a-1"}, "event": name, **data}))


def test_a_view_of_a_page_or_a_screen_is_counted_and_tells_where_the_visitor_came_from() -> None:
    page = clean(event("web.page_viewed.v1"))
    assert (page.counts, page.acquisition, page.channel) == ({"page_view": 1}, "web:zalo", "web")
    screen = clean(event("web.page_viewed.v1", data={"kind": "screen", "customer": {"device_id": "d-1"}}))
    assert (screen.counts, screen.acquisition) == ({"screen_view": 1}, "web")


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("Signed Up", "track:signed_up"),
        ("signed_up", "track:signed_up"),
        ("Đã đặt   lịch!", "track:da_dat_lich"),
        ("???", "track:_"),
    ],
)
def test_what_is_tracked_is_counted_by_its_name_as_one_word(name: str, counted: str) -> None:
    assert tracked(name).counts == {counted: 1}


def test_products_tell_of_an_interest_in_each_of_their_categories_once_an_event() -> None:
    products = [
        {"sku": "S-1", "category": "Giày"},
        {"sku": "S-2", "category": "Giày"},
        {"category": "Mũ"},
        {"sku": "S-3"},
    ]
    assert tracked("Product Viewed", products=products).counts == {
        "track:product_viewed": 1,
        "interest:Giày": 1,
        "interest:Mũ": 1,
    }


def test_what_is_tracked_of_an_order_is_a_purchase_or_a_return() -> None:
    total = {"amount": "120000", "currency": "VND"}
    done = tracked("Order Completed", order={"id": "W-1", "total": total, "coupons": ["TET"]})
    assert done.purchase is not None
    assert (done.purchase.amount, done.purchase.order_id, done.purchase.store) == (120_000, "W-1", "web")
    assert done.counts == {"track:order_completed": 1, "coupon_purchase": 1}
    back = tracked("Order Refunded", order={"id": "W-1", "total": total | {"amount": "-20000"}})
    assert back.purchase is not None
    assert (back.purchase.amount, back.counts) == (-20_000, {"track:order_refunded": 1, "return": 1})
    lost = prepared(
        event(
            "web.tracked.v1",
            data={"customer": {"anonymous_id": "a"}, "event": "e", "order": {"total": total | {"currency": "XXX"}}},
        )
    )
    assert isinstance(lost, Rejected)
    assert (lost.reason, lost.path) == (Reason.INVALID_VALUE, "$.data.order.total.currency")


def test_an_age_is_of_use_when_no_birthday_is_known() -> None:
    def identified(**customer: Any) -> CleanEvent:
        who = {"customer_no": "u-7"} | customer
        return clean(event("web.identified.v1", data={"call": "identify", "customer": who, "age": 30}))

    assert identified().traits["age_band"] == REFERENCE.age_band(30)
    assert identified(birthday="1950-01-01").traits["age_band"] == REFERENCE.age_band(76)
    assert identified(age_band="18-24").traits["age_band"] == "18-24"
    assert identified().counts == {"identify": 1}


@pytest.mark.parametrize("model", EVENT_MODELS, ids=lambda model: model.__name__)
def test_data_is_kept_as_the_channel_sent_it_but_only_what_is_declared(model: Any) -> None:
    kind = model.model_fields["type"].annotation.__args__[0]
    document = event(kind)
    sent = json.loads(json.dumps(document["data"]))
    document["data"]["undeclared"] = "x"
    kept = json.loads(bytes(clean(document).data))
    assert kept.keys() == sent.keys()
    assert kept["customer"].keys() == sent["customer"].keys()


def test_a_time_far_ahead_is_clamped_and_a_late_one_is_not() -> None:
    ahead = clean(event(time="2026-11-23T09:36:00+07:00"))
    assert (ahead.time, ahead.problems) == (RECEIVED + 300_000, (("$.time", "time_clamped"),))
    within = clean(event(time="2026-11-23T09:35:01+07:00"))
    assert (within.time, within.problems) == (RECEIVED + 300_000, ())
    late = clean(event(time="1999-12-31T23:59:59.9999Z"))
    assert (late.time, late.problems) == (946_684_799_999, ())


def test_a_time_at_the_end_of_time_is_clamped_too() -> None:
    assert clean(event(time="9999-12-31T23:59:59-14:00")).time == RECEIVED + 300_000


@pytest.mark.parametrize(
    ("birthday", "band"),
    [
        ("2011-11-24", "<15"),
        ("2011-11-23", "15-22"),
        ("2004-11-24", "15-22"),
        ("2004-11-23", "22-50"),
        ("1976-11-23", "22-50"),
        ("1975-11-23", ">50"),
    ],
)
def test_the_age_band_is_that_of_the_day_of_the_event(birthday: str, band: str) -> None:
    assert traits(birthday=birthday)["age_band"] == band


def test_a_stated_age_band_wins_over_the_birthday() -> None:
    assert traits(birthday="1976-11-23", age_band="35-44")["age_band"] == "35-44"


HCM, DN = ("TP. Hồ Chí Minh", "southeast"), ("Đà Nẵng", "south-central-coast-and-central-highlands")


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ({"address": {"province": "Bình Dương"}}, HCM),
        ({"address": {"city": "Quận 1, Sài Gòn"}}, HCM),
        ({"address": {"province": "?", "city": "HCMC"}}, HCM),
        ({"address": {"province": "Mien Nam", "city": "HCMC"}}, HCM),
        ({"address": {"province": "Da Nang"}, "phone": "028 3822 1234"}, DN),
        ({"phone": "028 3822 1234"}, HCM),
        ({"phone": "0236 3822 123"}, DN),
        ({"phone": "0235 3822 123", "address": {"postcode": "70000"}}, DN),
        ({"address": {"postcode": "71 000"}}, HCM),
        ({"address": {"postcode": "550000"}}, DN),
        ({"address": {"postcode": "55000"}}, ("Gia Lai", "south-central-coast-and-central-highlands")),
        ({"address": {"country": "VN", "postcode": "01000"}}, ("Quảng Ninh", "red-river-delta")),
        ({"address": {"country": "US", "province": "California", "postcode": "90210"}}, ("California", None)),
        ({"address": {"country": "US", "city": "Vinh"}}, (None, None)),
        ({"address": {"province": "Bavaria"}, "phone": "0236 3822 123"}, ("Bavaria", None)),
        ({"phone": "0901234567", "address": {"postcode": "1000"}}, (None, None)),
    ],
)
def test_province_and_area_come_from_address_else_phone_else_postcode(
    customer: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    found = traits(**customer)
    assert (found.get("province"), found.get("area")) == expected


def test_an_unknown_province_of_vietnam_is_kept_and_noted() -> None:
    outcome = clean(form({"customer_no": "K1", "address": {"country": "VN", "province": "Atlantis"}}))
    assert outcome.traits["province"] == "Atlantis"
    assert outcome.problems == (("$.data.customer.address.province", "unknown_province"),)


def test_a_return_is_negative_counted_and_no_order() -> None:
    outcome = clean(
        scan(
            id="B-7",
            items=[{"sku": "A1", "category": "Sách", "quantity": -1, "amount": -30000}],
            total={"amount": "-30000", "currency": "VND"},
            discount="1000",
            coupons=["X"],
        )
    )
    assert outcome.counts == {"scan": 1, "return": 1}
    assert outcome.purchase == Purchase(
        amount=-30000,
        currency="VND",
        base=-30000,
        store="s-1",
        discount=1000,
        coupons=1,
        categories={"Sách": -30000},
        hour=9,
        month="2026-11",
    )


def test_a_foreign_purchase_is_kept_in_its_currency_and_converted_exactly() -> None:
    reference = dataclasses.replace(REFERENCE, rates={"VND": Decimal(1), "USD": Decimal("25400.5")})
    purchase = bought(
        reference,
        items=[
            {"sku": "A", "category": "x", "quantity": 1, "amount": "0.01"},
            {"sku": "B", "category": "x", "quantity": 1, "amount": "0.02"},
        ],
        total={"amount": "12.35", "currency": "USD"},
        discount={"amount": "1000.5", "currency": "VND"},
    )
    # 12.35 × 25400.5 = 313696.175; 0.03 × 25400.5 = 762.015; half a dong goes to the even one
    assert (purchase.amount, purchase.currency, purchase.base) == (1235, "USD", 313696)
    assert (purchase.discount, purchase.categories) == (1000, {"x": 762})


def test_the_base_currency_may_be_any_with_a_rate() -> None:
    reference = load_reference({"PORTRAIT_CURRENCY": "USD"})
    assert bought(reference, total={"amount": "254000", "currency": "VND"}).base == 1000
    assert bought(reference, total={"amount": "10.005", "currency": "USD"}).base == 1000


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "noted"),
    [
        ("1000.50", "VND", 1000, True),
        ("1000.00", "VND", 1000, False),
        ("10.005", "USD", 1000, True),
        ("-0.10", "USD", -10, False),
    ],
)
def test_what_is_rounded_off_an_amount_is_noted(amount: str, currency: str, minor: int, noted: bool) -> None:
    outcome = clean(scan(total={"amount": amount, "currency": currency}))
    assert outcome.purchase is not None
    assert outcome.purchase.amount == minor
    assert (("$.data.basket.total.amount", "rounded_amount") in outcome.problems) is noted


def test_without_a_rate_the_amount_stays_and_the_base_is_unknown() -> None:
    item = {"sku": "A", "quantity": 1, "amount": "7"}
    outcome = clean(scan(items=[item], total={"amount": "7", "currency": "CHF"}, discount="1"))
    assert outcome.purchase == Purchase(amount=700, currency="CHF", store="s-1", hour=9, weekday=0, month="2026-11")
    assert outcome.counts == {"scan": 1, "discounted_purchase": 1}
    assert outcome.problems == (
        ("$.data.basket.total.currency", "no_rate"),
        ("$.data.basket.discount", "no_rate"),
    )


@pytest.mark.parametrize(
    ("basket", "path"),
    [
        ({"total": {"amount": "1", "currency": "XXX"}}, "$.data.basket.total.currency"),
        ({"total": {"amount": "-10000000000000", "currency": "USD"}}, "$.data.basket.total.amount"),
        ({"total": {"amount": "100000000000", "currency": "USD"}}, "$.data.basket.total.amount"),
        ({"total": VND, "discount": {"amount": "1", "currency": "ABC"}}, "$.data.basket.discount.currency"),
        ({"total": VND, "discount": {"amount": "99999999999999", "currency": "USD"}}, "$.data.basket.discount"),
        (
            {"total": VND, "items": [{"sku": "A", "quantity": 1, "amount": "999999999999999"}] * 2},
            "$.data.basket.items",
        ),
    ],
)
def test_money_that_cannot_be_kept_refuses_the_event(basket: dict[str, Any], path: str) -> None:
    outcome = prepared(scan(**basket))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.path, outcome.event_id) == (Reason.INVALID_VALUE, path, "e-1")


def test_money_in_a_form_is_refused_at_the_path_of_its_order() -> None:
    outcome = prepared(form({"customer_no": "K1"}, order={"total": {"amount": "1", "currency": "ZZZ"}}))
    assert isinstance(outcome, Rejected)
    assert outcome.path == "$.data.order.total.currency"


@pytest.mark.parametrize(
    ("item", "category"),
    [
        ({"sku": "GIFT-CARD", "category": "Sách"}, "gift cards"),
        ({"sku": "A", "category": "ĐỒ  UỐNG"}, "drinks"),
        ({"sku": "A", "category": " Sách\u200b cũ "}, "Sách cũ"),
        ({"sku": "A", "category": "\u200b"}, "other"),
        ({"sku": "A"}, "other"),
    ],
)
def test_an_item_counts_for_its_category(item: dict[str, str], category: str) -> None:
    purchase = bought(items=[item | {"quantity": 1, "amount": "5"}], total=VND)
    assert purchase.categories == {category: 5}


def test_a_basket_without_an_id_is_an_order_of_its_own() -> None:
    assert bought(total=VND).order_id is None
    assert bought(id=" \u200b", total=VND).order_id is None
    assert bought(id=12345, total=VND).order_id == "12345"


def test_hours_and_months_are_those_of_the_store() -> None:
    reference = dataclasses.replace(REFERENCE, store_timezones={"s-1": ZoneInfo("America/New_York")})
    document = scan(total=VND) | {"time": "2026-11-01T03:30:00Z"}
    there, here = clean(document, reference).purchase, clean(document).purchase
    assert there is not None
    assert here is not None
    assert (there.hour, there.weekday, there.month) == (23, 5, "2026-10")
    assert (here.hour, here.weekday, here.month) == (10, 6, "2026-11")
