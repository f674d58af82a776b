"""Fold events into portraits.

The laws (held by property tests): `fold` is commutative over distinct events, `merge` is commutative and associative, and
merging two folds equals folding both sets of events. Each event is folded once; that is the store's promise (claimed events).
"""

from __future__ import annotations

from bisect import bisect_left
from hashlib import blake2b
from typing import Any

from processors.relationship import merge_recorded, record
from schemas.clean import CleanEvent, Purchase
from schemas.money import to_major
from schemas.portrait import Fact, Portrait, Summary
from schemas.topics import SERVICE

NAMES_KEPT = 256
RECENT_KEPT = 400
_LEAST = -(2**63)
_DIGITS = tuple(map(str, range(24)))


def fold(portrait: Portrait, event: CleanEvent, *, new_order: bool) -> None:
    """Add one event to `portrait`, in place.

    `new_order`: the event is a purchase whose order id was not yet counted for this customer.
    """
    time, key = event.time, event.key
    if portrait.events:
        if time < portrait.first_seen:
            portrait.first_seen = time
        if time > portrait.last_seen:
            portrait.last_seen = time
    else:
        portrait.first_seen = portrait.last_seen = time
    portrait.events += 1
    if event.channel != SERVICE:
        channels = portrait.channels
        channels[event.channel] = channels.get(event.channel, 0) + 1
    if event.acquisition is not None:
        first = portrait.acquisition
        if first is None or (time, key) < (first[1], first[2]):
            portrait.acquisition = (event.acquisition, time, key)
    identifiers = portrait.identifiers
    for kind, value in event.identifiers:
        name = f"{kind}:{value}"
        seen = identifiers.get(name)
        if seen is None:
            identifiers[name] = (time, time)
        elif time > seen[1]:
            identifiers[name] = (seen[0], time)
        elif time < seen[0]:
            identifiers[name] = (time, seen[1])
    if event.traits:
        _state(portrait.stated, event.traits, time, key)
    if event.statuses:
        _latest(portrait.statuses, event.statuses, time, key)
    if event.counts:
        for name, amount in event.counts.items():
            _add(portrait.counts, name, amount)
    portrait.points += event.points
    if event.purchase is not None:
        _purchase(portrait, event.purchase, time, new_order)
    if event.recorded is not None:
        record(portrait, event)


def _purchase(portrait: Portrait, purchase: Purchase, time: int, new_order: bool) -> None:
    amounts = portrait.revenue_by_currency
    amounts[purchase.currency] = amounts.get(purchase.currency, 0) + purchase.amount
    base = purchase.base or 0
    portrait.revenue += base
    _add(portrait.months, purchase.month, base)
    for name, amount in purchase.categories.items():
        _add(portrait.categories, name, amount)
    if purchase.amount >= 0 or base < 0:
        _keep_recent(portrait.recent, time, base)
    if purchase.amount < 0:
        portrait.returns += 1
        return
    if new_order:
        portrait.orders += 1
    portrait.purchases += 1
    portrait.discount += purchase.discount
    portrait.coupons += purchase.coupons
    if portrait.first_order is None or time < portrait.first_order:
        portrait.first_order = time
    if portrait.last_order is None or time > portrait.last_order:
        portrait.last_order = time
    if purchase.store is not None:
        _add(portrait.stores, purchase.store, 1)
    hour, hours = _DIGITS[purchase.hour], portrait.hours
    hours[hour] = hours.get(hour, 0) + 1
    weekday, weekdays = _DIGITS[purchase.weekday], portrait.weekdays
    weekdays[weekday] = weekdays.get(weekday, 0) + 1


def is_new_order(event: CleanEvent, customer: str, counted: set[tuple[str, str]]) -> bool:
    """Whether `event` is an order that `customer` has not had yet; remembers its (customer, order id) in `counted`.

    A return is no order, and a purchase without an order id is one of its own.
    """
    purchase = event.purchase
    if purchase is None or purchase.amount < 0:
        return False
    if purchase.order_id is None:
        return True
    order = (customer, purchase.order_id)
    if order in counted:
        return False
    counted.add(order)
    return True


def merge(portrait: Portrait, other: Portrait, *, shared_orders: int) -> None:
    """Add all that `other` stands for to `portrait`, in place, as one person's history.

    The two must have no event in common. `shared_orders` is how many order ids both had counted.
    """
    if other.events == 0:
        return
    if portrait.events:
        portrait.first_seen = min(portrait.first_seen, other.first_seen)
        portrait.last_seen = max(portrait.last_seen, other.last_seen)
    else:
        portrait.first_seen, portrait.last_seen = other.first_seen, other.last_seen
    portrait.events += other.events
    if other.acquisition is not None:
        first = portrait.acquisition
        if first is None or other.acquisition[1:] < first[1:]:
            portrait.acquisition = other.acquisition
    for name, (first_seen, last_seen) in other.identifiers.items():
        mine = portrait.identifiers.get(name, (first_seen, last_seen))
        portrait.identifiers[name] = (min(mine[0], first_seen), max(mine[1], last_seen))
    for key, (time, values) in other.stated.items():
        _state(portrait.stated, values, time, key)
    for name, (status, time, key) in other.statuses.items():
        _latest(portrait.statuses, {name: status}, time, key)
    for field in ("channels", "revenue_by_currency", "hours", "weekdays"):
        sums = getattr(portrait, field)
        for name, amount in getattr(other, field).items():
            sums[name] = sums.get(name, 0) + amount
    for field in ("counts", "categories", "stores", "months"):
        for name, amount in getattr(other, field).items():
            _add(getattr(portrait, field), name, amount)
    for field in ("points", "returns", "purchases", "revenue", "discount", "coupons"):
        setattr(portrait, field, getattr(portrait, field) + getattr(other, field))
    for entry in other.recent:
        _keep_recent(portrait.recent, *entry)
    merge_recorded(portrait, other)
    portrait.orders += other.orders - shared_orders
    portrait.first_order = _either(min, portrait.first_order, other.first_order)
    portrait.last_order = _either(max, portrait.last_order, other.last_order)


def _either(choose: Any, a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    chosen: int = choose(a, b)
    return chosen


def _state(stated: dict[str, tuple[int, dict[str, Any]]], traits: dict[str, Any], time: int, key: str) -> None:
    """Let each of `traits` stand with this event, unless a later one stated it; drop events that state nothing any more."""
    mine = dict(traits)
    for other, (when, values) in list(stated.items()):
        if (when, other) > (time, key):
            for name in values:
                mine.pop(name, None)
        else:
            for name in traits:
                values.pop(name, None)
            if not values:
                del stated[other]
    if mine:
        stated[key] = (time, mine)


def _latest(facts: dict[str, Fact], stated: dict[str, Any], time: int, key: str) -> None:
    for name, value in stated.items():
        fact = facts.get(name)
        if fact is None or time > fact[1] or (time == fact[1] and key > fact[2]):
            facts[name] = (value, time, key)


def _keep_recent(entries: list[tuple[int, int]], time: int, amount: int) -> None:
    """Add to the newest entries, the lines of one purchase (or return) as one: those of the same instant.

    The instants that are kept were never dropped on the way, as only older ones are: so their sums are complete.
    """
    bought = amount >= 0
    at = bisect_left(entries, (time, 0 if bought else _LEAST))
    if at < len(entries) and entries[at][0] == time and (entries[at][1] >= 0) is bought:
        entries[at] = (time, entries[at][1] + amount)
    else:
        entries.insert(at, (time, amount))
        del entries[:-RECENT_KEPT]


def _add(sums: dict[str, int], name: str, amount: int) -> None:
    """Add to one of at most `NAMES_KEPT` named sums; the names with the smallest digests are kept, the others share "".

    Which names are kept depends on the set of names alone, and a name that is kept in the end was never dropped on the way: so
    the kept sums are complete, in whatever order the events came.
    """
    present = sums.get(name)
    if present is not None:
        sums[name] = present + amount
        return
    sums[name] = amount
    if len(sums) > NAMES_KEPT and len(sums) - ("" in sums) > NAMES_KEPT:
        dropped = max((other for other in sums if other), key=_digest)
        rest = sums.pop(dropped)
        sums[""] = sums.get("", 0) + rest


def _digest(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()


def greatest(counts: dict[str, int]) -> str | None:
    """The name with the greatest count; of equal ones the first by text."""
    if len(counts) == 1:
        return next(iter(counts)) or None
    best, most = None, 0
    for name, count in counts.items():
        if name and (best is None or count > most or (count == most and name < best)):
            best, most = name, count
    return best


def summarise(portrait: Portrait, base_currency: str) -> Summary:
    """The columns of `crm.customers` that follow from the portrait alone."""
    traits: dict[str, Any] = {}
    for _, values in portrait.stated.values():
        traits = {**traits, **values} if traits else values
    by_currency = portrait.revenue_by_currency
    if len(by_currency) > 1:
        by_currency = dict(sorted(by_currency.items()))
    paid = ",".join([f'"{currency}":{to_major(amount, currency)}' for currency, amount in by_currency.items()])
    return Summary._make(
        (
            *(map(traits.get, _TRAIT_COLUMNS) if traits else _NO_TRAITS),
            None if portrait.acquisition is None else portrait.acquisition[0],
            greatest(portrait.channels),
            greatest(portrait.stores),
            portrait.first_seen,
            portrait.last_seen,
            portrait.events,
            portrait.orders,
            to_major(portrait.revenue, base_currency),
            base_currency,
            f"{{{paid}}}",
            portrait.first_order,
            portrait.last_order,
            portrait.points,
        )
    )


_TRAIT_COLUMNS = Summary._fields[: Summary._fields.index("acquisition_channel")]
_NO_TRAITS = (None,) * len(_TRAIT_COLUMNS)
