"""Suggestions of who looks like one person, put up for review; each pair is asked about once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from psycopg2.extensions import cursor

from ops.identity import Decider, kept_apart
from ops.sql import reading, rows, writing
from ops.suggest.pairs import Pair


def keep(decider: Decider, pairs: Sequence[Pair], merge_above: float | None) -> list[Pair]:
    """Put pairs up for review, and return those that people have not decided before. With `merge_above` None nothing merges by
    itself.

    Raises psycopg2.Error, and what `Decider` raises.
    """
    with writing(decider.url) as at:
        sides = _sides(at, pairs)
        asked = [pair for pair in pairs if pair in sides and not kept_apart(at, pair.a, pair.b)]
        found = rows(
            at,
            "suggest_reviews",
            a=[sides[pair][0] for pair in asked],
            b=[sides[pair][1] for pair in asked],
            messages=["; ".join(pair.reasons) for pair in asked],
            scores=[pair.score for pair in asked],
        )
        decided = {(a, b) for a, b, outcome in found if outcome is not None}
        left = [pair for pair in asked if sides[pair] not in decided]
        numbers = {
            (a, b): number for number, _, a, b, *_ in rows(at, "reviews", all=False, kind="suggested", limit=None)
        }
    if merge_above is not None:
        for pair in left:
            if pair.score >= merge_above:
                decider.decide(numbers[sides[pair]], accept=True)
                decider.settle()
    return left


def still_open(url: str, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that people have not decided before."""
    with reading(url) as at:
        sides = _sides(at, pairs)
        closed = {
            (a, b)
            for _, _, a, b, *_, outcome, _, _ in rows(at, "reviews", all=True, kind="suggested", limit=None)
            if outcome is not None
        }
        apart = {pair for pair in pairs if kept_apart(at, pair.a, pair.b)}
    return [pair for pair in pairs if pair in sides and sides[pair] not in closed and pair not in apart]


def _sides(at: cursor, pairs: Collection[Pair]) -> Mapping[Pair, tuple[str, str]]:
    """Pair → the strongest identifiers of both customers, in the order of text. A customer that has ended meanwhile has none."""
    customers = sorted({customer for pair in pairs for customer in (pair.a, pair.b)})
    names = dict(rows(at, "strongest_identifiers", customers=customers))
    found: dict[Pair, tuple[str, str]] = {}
    for pair in pairs:
        if pair.a in names and pair.b in names:
            a, b = sorted((names[pair.a], names[pair.b]))
            found[pair] = a, b
    return found
