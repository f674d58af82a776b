"""Every way in which six events can link identifiers, in every order: the same customers, for the same reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import factorial

import pytest

from processors.apply import Rules, apply
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from schemas.portrait import canonical
from sinks.memory import MemoryStore
from sinks.memory_tables import Tables
from tests.property.test_identity import TIGHT, assert_right, facts, said, settle_all
from tests.stories import DAY, NOW, part

LINKS = 6

Graph = tuple[tuple[int, int], ...]
"""Edges between vertices 0, 1, 2 …"""


def graphs(edges: int) -> list[Graph]:
    """One of every kind of graph with so many edges and no vertex without one: each grows out of one with an edge less."""
    found: dict[object, list[Graph]] = {(): [()]}
    for _ in range(edges):
        grown: dict[object, list[Graph]] = {}
        for graph in (each for alike in found.values() for each in alike):
            many = 1 + max((vertex for edge in graph for vertex in edge), default=-1)
            for edge in combinations(range(many + 2), 2):
                used = sorted({vertex for each in (*graph, edge) for vertex in each})
                if edge in graph or used != list(range(len(used))):
                    continue
                larger = tuple(sorted((*graph, edge)))
                alike = grown.setdefault(invariant(larger), [])
                if not any(same(larger, each) for each in alike):
                    alike.append(larger)
        found = grown
    return sorted(each for alike in found.values() for each in alike)


def neighbours(graph: Graph) -> dict[int, set[int]]:
    near: dict[int, set[int]] = {}
    for a, b in graph:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    return near


def invariant(graph: Graph) -> object:
    """What graphs share that differ only in the names of their vertices; others may share it too."""
    near = neighbours(graph)
    return tuple(sorted((len(near[each]), tuple(sorted(len(near[other]) for other in near[each]))) for each in near))


def same(graph: Graph, other: Graph) -> bool:
    """Whether they differ only in the names of their vertices: try to name one after the other."""
    near, theirs = neighbours(graph), neighbours(other)
    order = sorted(near, key=lambda each: -len(near[each]))

    def named(names: dict[int, int]) -> bool:
        if len(names) == len(order):
            return True
        vertex = order[len(names)]
        for name in theirs.keys() - names.values():
            fits = len(near[vertex]) == len(theirs[name]) and all(
                (each in near[vertex]) == (names[each] in theirs[name]) for each in names
            )
            if fits and named({**names, vertex: name}):
                return True
        return False

    return len(near) == len(theirs) and named({})


PREFERENCES = (
    ("card_no", "phone", "email", "zalo_id"),
    ("phone", "zalo_id", "card_no", "device_id"),
    ("card_no", "device_id", "zalo_id", "phone"),
)
"""What vertices are, in three ways: the first kind that no neighbour is. So there are many of few kinds, which conflict."""

MONTHS_AGO = (3, 11, 5, 17, 8, 1)
"""When the events were; neither in the order of the edges, nor always within the window in which a phone keeps its owner."""


def told(graph: Graph, preference: Sequence[str]) -> list[CleanEvent]:
    """One event of each edge. No event names two identifiers of one kind."""
    near, names = neighbours(graph), dict[int, Identifier]()
    for vertex in sorted(near):
        taken = {names[each].kind for each in near[vertex] if each in names}
        kind = next(each for each in preference if each not in taken)
        names[vertex] = Identifier(kind, f"{kind[0]}{vertex}")
    return [
        said(number, [names[a], names[b]], NOW - MONTHS_AGO[number] * 30 * DAY) for number, (a, b) in enumerate(graph)
    ]


def alike(tables: Tables) -> object:
    """All that what is applied later may depend on. Ids of customers count by their age alone."""
    age = {customer: number for number, customer in enumerate(sorted(tables.anchors))}
    return (
        frozenset((node, each[1:2], age.get(each.customer or ""), each[3:]) for node, each in tables.members.items()),
        frozenset((age[alias], age[customer]) for alias, customer in tables.aliases.items()),
        frozenset((age[customer], anchor) for customer, anchor in tables.anchors.items()),
        frozenset((key, node) for key, (_, node) in tables.events.items()),
        frozenset(tables.links.values()),
        frozenset(tables.refused.items()),
        frozenset((age[customer], canonical(each)) for customer, each in tables.portraits.items()),
    )


def orders(events: Sequence[CleanEvent], rules: Rules) -> Iterator[tuple[Tables, int]]:
    """What a store may hold after all `events`, in batches of one, and how many orders lead to that.

    Orders that led to the same are followed together from there on.
    """
    reached: dict[object, tuple[Tables, int, frozenset[int]]] = {(): (Tables(), 1, frozenset())}
    for place in range(len(events)):
        further: dict[object, tuple[Tables, int, frozenset[int]]] = {}
        for tables, many, done in reached.values():
            for number, event in enumerate(events):
                if number not in done:
                    store = MemoryStore()
                    store.tables = tables
                    apply(store, [part([event], place)], rules, NOW)
                    settle_all(store, rules)
                    key = alike(store.tables)
                    _, others, _ = further.get(key, (None, 0, None))
                    further[key] = store.tables, others + many, done | {number}
        reached = further
    for tables, many, _ in reached.values():
        yield tables, many


def test_there_are_as_many_graphs_as_are_known() -> None:
    assert [len(graphs(edges)) for edges in range(1, LINKS + 1)] == [1, 2, 5, 11, 26, 68]  # https://oeis.org/A000664


@pytest.mark.parametrize("preference", PREFERENCES)
def test_six_links_in_every_order_make_the_same_customers_for_the_same_reasons(preference: Sequence[str]) -> None:
    refused = 0
    for graph in graphs(LINKS):
        events, orders_seen = told(graph, preference), 0
        for tables, many in orders(events, TIGHT):
            store = MemoryStore()
            store.tables = tables
            assert_right(store, events, [], TIGHT)
            orders_seen += many
        assert orders_seen == factorial(LINKS)
        refused += bool(facts(events, [], TIGHT.identity).refused)
    assert refused > len(graphs(LINKS)) / 3
