"""What was bought or brought back: the money of an event, exact, in its own currency and in the base currency."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from processors.reference import Reference
from processors.text import clean_text
from processors.told import Scene, Told
from schemas.clean import Purchase
from schemas.events import Money, Order
from schemas.money import MINOR_DIGITS, is_whole, to_minor
from schemas.rejected import Reason, Rejected


@lru_cache(65_536)  # prices repeat
def _minor(amount: Decimal, currency: str) -> tuple[int, bool]:
    """Minor units of the currency, and whether nothing was rounded off."""
    return to_minor(amount, currency), is_whole(amount, currency)


def bought(told: Told, order: Order, path: str, store: str | None, scene: Scene) -> Told | Rejected:
    """`told`, with the order that stands at `path` of the event. Money that cannot be kept rejects it."""
    purchase = _purchase(order, path, store, scene)
    if isinstance(purchase, Rejected):
        return purchase
    told.purchase = purchase
    if purchase.amount < 0:
        told.counts["return"] = 1
        return told
    if purchase.coupons:
        told.counts["coupon_purchase"] = 1
    if _discount(order)[0]:
        told.counts["discounted_purchase"] = 1
    return told


def _discount(order: Order) -> tuple[Decimal, str]:
    """The discount in major units, positive, and its currency."""
    stated = order.discount
    if stated is None:
        return Decimal(0), order.total.currency
    if isinstance(stated, Money):
        return abs(stated.amount), stated.currency
    return abs(stated), order.total.currency


def _purchase(order: Order, path: str, store: str | None, scene: Scene) -> Purchase | Rejected:
    currency = order.total.currency
    discount, discount_currency = _discount(order)
    for each, at in ((currency, f"{path}.total.currency"), (discount_currency, f"{path}.discount.currency")):
        if each not in MINOR_DIGITS:
            return Rejected(Reason.INVALID_VALUE, at, f"{each!r} is not an ISO 4217 currency")
    at = f"{path}.total.amount"
    reference = scene.reference
    try:
        amount, whole = _minor(order.total.amount, currency)
        base = amount if currency == reference.base_currency else reference.to_base(order.total.amount, currency)
        at = f"{path}.discount"
        base_discount = reference.to_base(discount, discount_currency) if discount else 0
        at = f"{path}.items"
        categories = _categories(order, reference) if base is not None else {}
    except ValueError as error:
        return Rejected(Reason.INVALID_VALUE, at, str(error))
    if not whole:
        scene.problems.append((f"{path}.total.amount", "rounded_amount"))
    if base is None:
        scene.problems.append((f"{path}.total.currency", "no_rate"))
    if base_discount is None:
        scene.problems.append((f"{path}.discount", "no_rate"))
    local = scene.moment.astimezone(reference.timezone_of(store))
    return Purchase(
        amount=amount,
        currency=currency,
        base=base,
        order_id=clean_text(order.id) or None if order.id is not None and amount >= 0 else None,
        store=store,
        discount=base_discount or 0,
        coupons=len(order.coupons or ()),
        categories=categories,
        hour=local.hour,
        weekday=local.weekday(),
        month=f"{local.year:04d}-{local.month:02d}",
    )


def _categories(order: Order, reference: Reference) -> dict[str, int]:
    """What was paid for each category, in minor units of the base currency: summed, then converted and rounded."""
    sums: dict[str, Decimal] = {}
    for item in order.items:
        category = reference.category(item.sku, item.category)
        sums[category] = sums[category] + item.amount if category in sums else item.amount
    return {category: reference.to_base(amount, order.total.currency) or 0 for category, amount in sums.items()}
