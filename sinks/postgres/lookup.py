"""The questions of `sinks.store.Lookup`, put to PostgreSQL over whatever connection `rows` runs statements on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from schemas.computed import NOTHING, Computed
from schemas.identifiers import Identifier, Known, Link, Pair, Standing, node_of
from schemas.identity import Member
from schemas.judgements import Judgement, Kind
from schemas.portrait import Listed, decode
from schemas.ranks import Ranked
from sinks.postgres.rows import array
from sinks.store import Held, Stamp

Ask = Callable[..., list[tuple[Any, ...]]]
"""Runs a statement of `sinks/postgres/sql`, given its name and parameters, and returns its rows."""


def listed(row: tuple[Any, ...]) -> Listed:
    """A customer as `customers_after` and `served` list it."""
    customer, segments, due, *_, state = row
    return Listed(customer, tuple(segments), due, Ranked(*row[3:9]), decode(state), computed(row[9:-1]))


def computed(columns: tuple[Any, ...]) -> Computed:
    """What jobs computed of a customer: the columns of that name, in the order of `Computed`."""
    return Computed(*columns) if columns != NOTHING else NOTHING


def generation(ask: Ask) -> int:
    return int(ask("generation")[0][0])


def stored(ask: Ask, keys: Collection[str]) -> dict[str, str]:
    return dict(ask("stored_events", keys=array(keys))) if keys else {}


_STANDING = tuple(Standing)


def customers_of(ask: Ask, identifiers: Collection[Identifier]) -> dict[Identifier, Known]:
    if not identifiers:
        return {}
    named = {f"{each[0]}:{each[1]}": each for each in identifiers}
    found = ask("customers_of", nodes=array(map(node_of, identifiers)))
    return {named[name]: Known(customer, _STANDING[standing]) for name, customer, standing in found}


def kin(ask: Ask, customers: Collection[str]) -> dict[str, list[Identifier]]:
    found: dict[str, list[Identifier]] = {}
    if customers:
        for customer, name in ask("kin", customers=array(customers)):
            found.setdefault(customer, []).append(named(name))
    return found


def recorded(ask: Ask, pairs: Collection[Pair]) -> dict[Pair, Link]:
    if not pairs:
        return {}
    a, b = array([str(pair[0]) for pair in pairs]), array([str(pair[1]) for pair in pairs])
    found = map(link, ask("recorded_links", a=a, b=b, rules=array([pair[2] for pair in pairs])))
    return {(each.a, each.b, each.rule): each for each in found}


def held(ask: Ask, customers: Collection[str]) -> dict[str, Held]:
    found = ask("held_customers", ids=array(customers))
    return {row[0]: Held(Stamp(row[1], row[2]), tuple(row[3]), decode(row[4]), computed(row[5:])) for row in found}


def named(name: str) -> Identifier:
    """What `str(identifier)` wrote."""
    kind, _, value = name.partition(":")
    return Identifier(kind, value)


def link(row: tuple[Any, ...]) -> Link:
    """A row of a, b, time (Unix ms), key, rule, last."""
    a, b, *others = row
    return Link(named(a), named(b), *others)


def member(row: tuple[Any, ...]) -> Member:
    """A row of identifier, since, customer, standing, why."""
    name, since, customer, standing, why = row
    return Member(named(name), since, customer, _STANDING[standing], why)


def judgement(row: tuple[Any, ...]) -> Judgement:
    """A row of number, kind, left, right."""
    number, kind, left, right = row
    return Judgement(number, Kind(kind), tuple(map(named, left)), tuple(map(named, right)))


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
