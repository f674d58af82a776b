"""What the store says of segments: who is in them, and who would be if the rules were others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from ops.sql import reading, rows, streamed
from processors.segments.catalogue import Catalogue
from schemas import portrait
from schemas.computed import Computed
from schemas.portrait import Portrait
from sinks.postgres.store import PostgresStore


class Preview(NamedTuple):
    """One segment: how many customers are in it as stored, and would be; how many would enter and leave."""

    segment: str
    family: str
    now: int
    then: int
    entering: int
    leaving: int


def members(url: str) -> dict[str, int]:
    """How many customers are in each segment. Raises psycopg2.Error."""
    with reading(url) as at:
        return dict(rows(at, "segment_members"))


def learn(url: str, catalogue: Catalogue) -> None:
    """Let the catalogue measure customers by the bounds in force. Raises what a store raises."""
    with closing(PostgresStore(url, application_name="portrait-command")) as store:
        catalogue.bounds = store.bounds()


def held(url: str, customer: str) -> tuple[Portrait, tuple[str, ...], Computed]:
    """A living customer's portrait and segments as stored, and what jobs computed of it. Raises psycopg2.Error."""
    with reading(url) as at:
        state, names, *computed = rows(at, "portrait_of_customer", id=customer)[0]
    return portrait.decode(state), tuple(names), Computed(*computed)


def preview(
    url: str, catalogue: Catalogue, wanted: set[str], now: int, most: int | None, progress: Callable[[int, int], None]
) -> list[Preview]:
    """Evaluate `catalogue` for every customer (or the first `most`), changing nothing, and count the segments `wanted`.

    `progress` is told how many of how many customers are done. Raises psycopg2.Error.
    """
    before, after, entering, leaving = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    with reading(url) as at:
        ((total,),) = rows(at, "customers_counted")
        total = min(total, most or total)
        for done, (state, names, *computed) in enumerate(streamed(at, "portraits_and_segments", most=most), 1):
            had = wanted.intersection(names)
            found = catalogue.evaluate(portrait.decode(state), now, names, computed=Computed(*computed))
            has = wanted.intersection(found.names)
            before.update(had)
            after.update(has)
            entering.update(has - had)
            leaving.update(had - has)
            if done % 500 == 0 or done == total:
                progress(done, total)
    return [
        Preview(
            name,
            catalogue.family_of[name].name if name in catalogue.family_of else "",
            before[name],
            after[name],
            entering[name],
            leaving[name],
        )
        for name in sorted(wanted, key=lambda name: (name not in catalogue.rule_of, name))
    ]
