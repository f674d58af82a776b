"""Fold all stored events afresh, and serve the result."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ops.verify import untold
from processors.apply import Rules
from processors.identify import RULE
from processors.portray import summarise
from processors.refold import Clusters, links_of, refold
from processors.segment import segment
from schemas.identifiers import Identifier, Link
from schemas.ids import new_customer_id
from schemas.portrait import Portrait, Segments, Summary
from sinks.postgres.rebuild import Rebuild, rebuilding

Progress = Callable[[int, int], None]
"""Told (events read, events in all, both twice over: once to see who is who, once to fold)."""


class Rebuilt(NamedTuple):
    """What `rebuild` did. `changed`: customers that differ from what was served before."""

    customers: int
    events: int
    changed: int


def rebuild(url: str, rules: Rules, now: int, progress: Progress = untold) -> Rebuilt:
    """Rebuild the store at `url` (as its owner). `now` is Unix ms. Workers wait meanwhile, readers do not.

    Memory: as `ops.verify.verify`, and the links of all events in a temporary file.
    """
    with rebuilding(url, now) as store, tempfile.TemporaryFile("w+") as spill:
        total = store.count()
        clusters, done = Clusters(), 0
        for event in store.bodies():
            clusters.add(event)
            for link in links_of(event, RULE):
                spill.write(f"{link.a}\x1f{link.b}\x1f{link.time}\x1f{link.key}\x1e")
            done += 1
            if done % 2_000 == 0:
                progress(done, 2 * total)
        spill.seek(0)
        store.assign(_named(clusters, store), _links(spill.read))
        customers = 0

        def folded() -> Iterator[tuple[str, Portrait, Summary, Segments]]:
            nonlocal customers, done
            for customer, portrait, _ in refold(store.events_by_customer()):
                done += portrait.events
                if customer is None:
                    continue
                customers += 1
                if customers % 500 == 0:
                    progress(done, 2 * total)
                summary = summarise(portrait, rules.base_currency)
                yield customer, portrait, summary, segment(portrait, rules.lifecycle, now)

        store.put(folded())
        changed = store.swap(rules.lifecycle.family, rules.lifecycle.version)
        progress(2 * total, 2 * total)
    return Rebuilt(customers, total, changed)


def _named(clusters: Clusters, store: Rebuild) -> Iterator[tuple[Identifier, str]]:
    """Every identifier with its customer: the oldest id of its component, unless an older component has that id already."""
    oldest: dict[int, str] = {}
    for identifier, customer in store.identifiers():
        component = clusters.component(identifier)
        if component is not None and customer < oldest.get(component, "~"):
            oldest[component] = customer
    taken: set[str] = set()
    names: dict[int, str] = {}
    for component in sorted({component for _, component in clusters}):
        name = oldest.get(component)
        if name is None or name in taken:
            name = new_customer_id()
        taken.add(name)
        names[component] = name
    for identifier, component in clusters:
        yield identifier, names[component]


def _links(read: Callable[[int], str]) -> Iterator[Link]:
    rest = ""
    while chunk := read(1 << 20):
        *whole, rest = (rest + chunk).split("\x1e")
        for each in whole:
            a, b, time, key = each.split("\x1f")
            kind, _, value = a.partition(":")
            other, _, named = b.partition(":")
            yield Link(Identifier(kind, value), Identifier(other, named), int(time), key, RULE)
