"""The e-commerce events of the Segment API: orders, refunds, interests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from producers.segment_api.shopping import interests, order, others

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


@pytest.mark.parametrize("name", ["Order Refunded", "order_refunded", "orderRefunded", "Order Cancelled"])
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


def test_money_that_is_missing_is_left_out_to_be_refused_and_money_that_is_nothing_is_no_refund() -> None:
    assert order("Order Completed", {"order_id": "1"}) == {"id": "1"}
    assert order("Order Refunded", {"order_id": "1", "currency": "USD"}) == {"id": "1", "total": {"currency": "USD"}}
    assert order("Order Refunded", {"order_id": "1", "total": 0, "currency": "USD"}) is None


def test_a_line_without_a_number_goes_by_another_name() -> None:
    made = order("Order Completed", DONE | {"products": [{"product_id": 7}, {"name": "Mũ"}, {}, "x"]})
    assert made is not None
    assert [line["sku"] for line in made["items"]] == ["7", "Mũ", "unknown", "unknown"]


@pytest.mark.parametrize("name", ["Order Updated", "Checkout Started", "Signed Up", ""])
def test_other_events_are_no_orders(name: str) -> None:
    assert order(name, DONE) is None
    assert others(name, DONE) == DONE


def test_what_an_order_has_no_field_for_is_kept() -> None:
    assert others("Order Completed", DONE | {"tax": 1.5}) == {"tax": 1.5}


def test_looking_at_products_is_an_interest_in_them() -> None:
    shown = {"sku": "G-1", "name": "Giày", "category": "Giày", "brand": "Bước"}
    assert interests("Product Viewed", SHOES) == [shown]
    assert interests("Cart Viewed", {"products": [SHOES, {}]}) == [shown]
    assert interests("Product List Viewed", {"category": "Mũ", "products": [SHOES]}) == [{"category": "Mũ"}]
    assert interests("Product Removed", SHOES) == []
    assert interests("Order Completed", DONE) == []
