"""The questions of `sinks.store.Lookup`, put to PostgreSQL over whatever connection `rows` runs statements on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from schemas.identifiers import Identifier
from sinks.postgres.rows import array

Ask = Callable[..., list[tuple[Any, ...]]]
"""Runs a statement of `sinks/postgres/sql`, given its name and parameters, and returns its rows."""


def generation(ask: Ask) -> int:
    return int(ask("generation")[0][0])


def stored(ask: Ask, keys: Collection[str]) -> dict[str, str]:
    return dict(ask("stored_events", keys=array(keys))) if keys else {}


def customers_of(ask: Ask, identifiers: Collection[Identifier]) -> dict[Identifier, str]:
    if not identifiers:
        return {}
    named = {f"{each[0]}:{each[1]}": each for each in identifiers}
    return {named[name]: customer for name, customer in ask("customers_of", identifiers=array(named))}


def orders_counted(ask: Ask, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
    pairs = [(customer, order) for customer, ids in orders.items() for order in ids]
    if not pairs:
        return set()
    found = ask(
        "orders_counted",
        customers=array([customer for customer, _ in pairs]),
        orders=array([order for _, order in pairs]),
    )
    return {(customer, order) for customer, order in found}


def orders_of(ask: Ask, customers: Collection[str]) -> dict[str, set[str]]:
    if not customers:
        return {}
    return {customer: set(orders) for customer, orders in ask("orders_of", customers=array(customers))}
