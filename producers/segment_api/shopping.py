"""The e-commerce events of `track`: what was ordered, what was brought back, what somebody was interested in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from producers.segment_api.values import amount, clipped, first, number, objects, present, text, unambiguous, word

_BOUGHT = frozenset({"order_completed", "completed_order"})
_BROUGHT_BACK = frozenset({"order_refunded", "refunded_order"})
"""A cancelled order is none of these: it was not paid yet, or the refund says what was paid back, and would count twice."""

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
_MONEY_OF_ORDER = (*_TOTALS, "subtotal", "discount")
_MONEY_OF_LINE = ("price",)
_FIELDS = (
    ("sku", ("sku", "product_id", "productId", "id"), 200),
    ("name", ("name",), 300),
    ("category", ("category",), 200),
    ("brand", ("brand",), 200),
)
"""Of a product: the field, what clients call it, and how many characters it has."""


class Shopped(NamedTuple):
    """`order` is what was bought, or brought back: then amounts are negative. None when the event is of neither, or of no
    money. `rest` are the properties that the order has no field for, as they came: all of them when there is no order."""

    order: dict[str, Any] | None
    rest: Mapping[str, Any]


def shopped(event: str, properties: Mapping[str, Any]) -> Shopped:
    """The order that an event tells of, and the other properties.

    Amounts that are no numbers, and a currency that is missing, are left for the one who checks events to refuse.
    """
    name = word(event)
    if name not in _BOUGHT and name not in _BROUGHT_BACK:
        return Shopped(None, properties)
    back = name in _BROUGHT_BACK
    currency = properties.get("currency")
    currency = currency.strip().upper() if isinstance(currency, str) else currency
    lines = [_line(unambiguous(product, _MONEY_OF_LINE, currency)) for product in objects(properties.get("products"))]
    said = unambiguous(properties, _MONEY_OF_ORDER, currency)
    total_of, id_of = _named(said, _TOTALS), _named(said, ("order_id", "orderId"))
    total = _sum(lines, said) if total_of is None else amount(said[total_of])
    if back:
        if (found := number(total)) is not None and found == 0:
            return Shopped(None, properties)
        lines = [
            line | {"quantity": _negative(line["quantity"]), "amount": _negative(line["amount"])} for line in lines
        ]
        total = _negative(total)
    discount, coupon = first(said, ("discount",)), text(said.get("coupon"))
    made = present(
        id=None if id_of is None else clipped(said[id_of], 200),
        items=lines,
        discount=None if discount is None or back else amount(discount),
        coupons=[coupon] if coupon and len(coupon) <= 200 and not back else None,
    )
    made["total"] = present(amount=total, currency=currency)
    used = {"currency", total_of, id_of if "id" in made else None, "products" if lines else None}
    used |= {name for name, field in (("discount", "discount"), ("coupon", "coupons")) if field in made}
    return Shopped(made, {name: value for name, value in properties.items() if name not in used})


def _named(said: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of `names` that says something."""
    for name in names:
        value = said.get(name)
        if value is not None and value != "":
            return name
    return None


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


def _product(product: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, names, length in _FIELDS if product else ():
        value = clipped(first(product, names), length)
        if value is not None:
            found[field] = value
    return found


def _line(product: Mapping[str, Any]) -> dict[str, Any]:
    """One line of an order: its amount is the price of one times the quantity."""
    quantity, price = product.get("quantity", 1), product.get("price", 0)
    line = _product(product)
    line.pop("brand", None)
    if "sku" not in line:
        line["sku"] = clipped(product.get("name"), 200) or "unknown"
    line["quantity"] = amount(quantity)
    line["amount"] = _times(quantity, price)
    return line


_SMALL = 10**9


def _times(quantity: Any, price: Any) -> Any:
    """The amount of a line; the price as it came where one of them is no number."""
    if type(quantity) is int and type(price) is int and -_SMALL < quantity < _SMALL and -_SMALL < price < _SMALL:
        return str(quantity * price)
    times, each = number(quantity), number(price)
    return price if times is None or each is None else amount(times * each)


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
