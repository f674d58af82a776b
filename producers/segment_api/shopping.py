"""The e-commerce events of `track`: what was ordered, what was brought back, what somebody was interested in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producers.segment_api.values import amount, clipped, first, number, objects, present, text, word

_BOUGHT = frozenset({"order_completed", "completed_order"})
_BROUGHT_BACK = frozenset({"order_refunded", "refunded_order", "order_cancelled", "cancelled_order", "order_canceled"})
_INTEREST = frozenset(
    {"product_clicked", "clicked_product", "product_viewed", "viewed_product", "product_added", "added_product"}
    | {"product_added_to_wishlist", "wishlist_product_added_to_cart", "product_shared", "product_reviewed"}
    | {"cart_viewed", "viewed_cart", "cart_shared", "checkout_started", "started_checkout"}
)
_LISTS = frozenset(
    {"product_list_viewed", "product_list_filtered", "viewed_product_category", "product_category_viewed"}
)
"""Names of events, as one word; the second edition of the specification turned those of the first around."""

_TOTALS = ("total", "revenue", "value")
_TAKEN = frozenset({"order_id", "currency", "products", "discount", "coupon", *_TOTALS})
_SKUS = ("sku", "product_id", "productId", "id")


def order(event: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was bought, or brought back: then amounts are negative. None when the event is of neither, or of no money.

    Amounts that are no numbers, and a currency that is missing, are left for the one who checks events to refuse.
    """
    name = word(event)
    if name not in _BOUGHT and name not in _BROUGHT_BACK:
        return None
    back = name in _BROUGHT_BACK
    lines = [_line(product) for product in objects(properties.get("products"))]
    stated = first(properties, _TOTALS)
    total = amount(stated) if stated is not None else _sum(lines, properties)
    if back:
        if (found := number(total)) is not None and found == 0:
            return None
        lines = [
            line | {"quantity": _negative(line["quantity"]), "amount": _negative(line["amount"])} for line in lines
        ]
        total = _negative(total)
    currency = properties.get("currency")
    discount, coupon = first(properties, ("discount",)), clipped(properties.get("coupon"), 200)
    return present(
        id=clipped(first(properties, ("order_id", "orderId")), 200),
        items=lines,
        total=present(amount=total, currency=currency.strip().upper() if isinstance(currency, str) else currency),
        discount=None if discount is None or back else amount(discount),
        coupons=[coupon] if coupon and not back else None,
    )


def interests(event: str, properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The products that the event shows an interest in; of a list that was looked through, its category."""
    name = word(event)
    if name in _LISTS:
        category = clipped(properties.get("category"), 200)
        return [{"category": category}] if category else []
    if name not in _INTEREST:
        return []
    listed: list[Mapping[str, Any]] = [*objects(properties.get("products"))] or [properties]
    return [product for each in listed if (product := _product(each))]


def others(event: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that an order has no field for; all of them when it is none."""
    name = word(event)
    taken = _TAKEN if name in _BOUGHT or name in _BROUGHT_BACK else frozenset()
    return {name: value for name, value in properties.items() if name not in taken}


def _product(product: Mapping[str, Any]) -> dict[str, Any]:
    return present(
        sku=clipped(first(product, _SKUS), 200),
        name=clipped(product.get("name"), 300),
        category=clipped(product.get("category"), 200),
        brand=clipped(product.get("brand"), 200),
    )


def _line(product: Mapping[str, Any]) -> dict[str, Any]:
    """One line of an order: its amount is the price of one times the quantity."""
    quantity, price = product.get("quantity", 1), product.get("price", 0)
    times, each = number(quantity), number(price)
    line = _product(product)
    line.pop("brand", None)
    line["sku"] = line.get("sku") or clipped(product.get("name"), 200) or "unknown"
    line["quantity"] = amount(quantity)
    line["amount"] = amount(times * each) if times is not None and each is not None else price
    return line


def _sum(lines: list[dict[str, Any]], properties: Mapping[str, Any]) -> str | None:
    """What the lines come to, less the discount; None without lines, or when one cannot be added."""
    amounts = [number(line["amount"]) for line in lines]
    discount = number(properties.get("discount", 0))
    if not amounts or discount is None:
        return text(properties.get("subtotal"))
    known = [each for each in amounts if each is not None]
    return format(sum(known) - abs(discount), "f") if len(known) == len(amounts) else None


def _negative(value: Any) -> Any:
    found = number(value)
    return value if found is None else format(-abs(found), "f")
