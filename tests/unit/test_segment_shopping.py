"""The e-commerce events of the Segment API: orders, refunds, interests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from producers.segment_api.shopping import interests, shopped


def order(event: str, properties: dict[str, Any]) -> dict[str, Any] | None:
    return shopped(event, properties).order


def others(event: str, properties: dict[str, Any]) -> dict[str, Any]:
    return shopped(event, properties).rest


SHOES = {
    "product_id": "p-1",
    "sku": "G-1",
    "name": "Giày",
    "category": "Giày",
    "price": 440_000,
    "quantity": 2,
    "brand": "Bước",
}
ONE = {name: value for name, value in SHOES.items() if name != "quantity"}
DONE: dict[str, Any] = {"order_id": 50314, "total": 880_000, "currency": "vnd", "products": [SHOES]}
LINE = {"sku": "G-1", "name": "Giày", "category": "Giày", "quantity": "2", "amount": "880000"}


def test_an_order_completed_is_an_order_with_its_lines() -> None:
    assert order("Order Completed", DONE | {"discount": 35_000, "coupon": "TET", "tax": 1}) == {
        "id": "50314",
        "items": [LINE],
        "total": {"amount": "880000", "currency": "VND"},
        "discount": "35000",
        "coupons": ["TET"],
    }


@pytest.mark.parametrize("name", ["Order Refunded", "order_refunded", "orderRefunded", "Refunded Order"])
def test_an_order_refunded_is_negative_whatever_sign_it_has(name: str) -> None:
    back = {
        "id": "50314",
        "items": [LINE | {"quantity": "-2", "amount": "-880000"}],
        "total": {"amount": "-880000", "currency": "VND"},
    }
    assert order(name, DONE | {"discount": 1, "coupon": "TET"}) == back
    assert order(name, DONE | {"total": -880_000}) == back


@pytest.mark.parametrize(
    ("stated", "total"),
    [
        ({"total": "12.50"}, "12.50"),
        ({"total": Decimal("0.30000000000000004")}, "0.300000"),
        ({"revenue": 90, "subtotal": 80}, "90"),
        ({"value": 90}, "90"),
        ({"total": 5, "revenue": 90}, "5"),
        ({"products": [SHOES, ONE], "discount": 10}, "1319990"),
        ({"subtotal": 80}, "80"),
        ({"total": "1,200"}, "1,200"),
    ],
)
def test_the_total_is_what_was_paid_or_what_the_lines_come_to(stated: dict[str, Any], total: str) -> None:
    made = order("Order Completed", {"currency": "USD"} | stated)
    assert made is not None
    assert made["total"] == {"amount": total, "currency": "USD"}


@pytest.mark.parametrize(
    ("stated", "currency", "total"),
    [
        ("880.000", "vnd", "880.000 VND"),
        ("-880.000", "VND", "-880.000 VND"),
        ("880.00", "VND", "880.00"),
        ("880000.000", "VND", "880000.000"),
        (Decimal("880.000"), "VND", "880.000"),
        ("1.200", "EUR", "1.200"),
        ("1.200", None, "1.200"),
    ],
)
def test_text_that_may_be_a_thousand_times_more_is_left_to_be_refused(stated: Any, currency: Any, total: str) -> None:
    made = order("Order Completed", {"total": stated, "currency": currency})
    assert made is not None
    assert made["total"]["amount"] == total


def test_prices_and_discounts_that_may_be_a_thousand_times_more_are_left_to_be_refused() -> None:
    made = order("Order Completed", DONE | {"products": [ONE | {"price": "440.000"}], "discount": "35.000"})
    assert made is not None
    assert (made["items"][0]["amount"], made["discount"]) == ("440.000 VND", "35.000 VND")


def test_money_that_is_missing_is_left_out_to_be_refused_and_money_that_is_nothing_is_no_refund() -> None:
    assert order("Order Completed", {"order_id": "1"}) == {"id": "1", "total": {}}
    assert order("Order Completed", {}) == {"total": {}}
    assert order("Order Refunded", {"order_id": "1", "currency": "USD"}) == {"id": "1", "total": {"currency": "USD"}}
    assert order("Order Refunded", {"order_id": "1", "total": 0, "currency": "USD"}) is None


def test_a_line_without_a_number_goes_by_another_name() -> None:
    made = order("Order Completed", DONE | {"products": [{"product_id": 7}, {"name": "Mũ"}, {}, "x"]})
    assert made is not None
    assert [line["sku"] for line in made["items"]] == ["7", "Mũ", "unknown", "unknown"]


@pytest.mark.parametrize("name", ["Order Updated", "Order Cancelled", "Checkout Started", "Signed Up", ""])
def test_other_events_are_no_orders(name: str) -> None:
    assert order(name, DONE) is None
    assert others(name, DONE) == DONE


def test_what_an_order_has_no_field_for_is_kept() -> None:
    assert others("Order Completed", DONE | {"tax": 1.5}) == {"tax": 1.5}


@pytest.mark.parametrize(
    ("event", "stated", "kept"),
    [
        ("Order Completed", {"revenue": 800_000, "value": 1}, {"revenue": 800_000, "value": 1}),
        ("Order Completed", {"total": None, "revenue": 800_000}, {"total": None}),
        ("Order Completed", {"coupon": ["TET", "HE"], "discount": 5}, {"coupon": ["TET", "HE"]}),
        ("Order Completed", {"coupon": "T" * 201}, {"coupon": "T" * 201}),
        ("Order Completed", {"products": "G-1", "orderId": 7}, {"products": "G-1", "orderId": 7}),
        ("Order Refunded", {"coupon": "TET", "discount": 5}, {"coupon": "TET", "discount": 5}),
    ],
)
def test_only_what_the_order_has_used_is_taken_out(event: str, stated: dict[str, Any], kept: dict[str, Any]) -> None:
    assert others(event, DONE | stated) == kept


def test_a_refund_of_nothing_is_no_order_and_all_of_it_is_kept() -> None:
    said = DONE | {"total": 0, "discount": 1}
    assert shopped("Order Refunded", said) == (None, said)


def test_looking_at_products_is_an_interest_in_them() -> None:
    shown = {"sku": "G-1", "name": "Giày", "category": "Giày", "brand": "Bước"}
    assert interests("Product Viewed", SHOES) == [shown]
    assert interests("Cart Viewed", {"products": [SHOES, {}]}) == [shown]
    assert interests("Product List Viewed", {"category": "Mũ", "products": [SHOES]}) == [{"category": "Mũ"}]
    assert interests("Product Removed", SHOES) == []
    assert interests("Order Completed", DONE) == []
