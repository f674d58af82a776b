"""Decide which segments a customer belongs to, why, and when to look again. The rules are data: `processors/segments`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from processors.segments.catalogue import Catalogue
from processors.segments.view import View
from schemas.computed import NOTHING, Computed
from schemas.portrait import Move, Portrait, Segments


def segment(
    portrait: Portrait, catalogue: Catalogue, now: int, before: Collection[str] = (), computed: Computed = NOTHING
) -> Segments:
    """Where one customer, who was in the segments `before` and of whom jobs computed `computed`, belongs at `now` (Unix ms).

    Before `due`, and without a new event, the answer stays the same.
    """
    return catalogue.evaluate(portrait, now, before, computed=computed)


def moves(
    customer: str, before: Collection[str], after: Segments, view: View, catalogue: Catalogue, backfill: bool = False
) -> Iterator[Move]:
    """What changes for a customer that was in the segments `before`: leaving first, each with its reason. `after` was decided of
    `view`."""
    families = catalogue.family_of
    for name in before:
        if name in after.names:
            continue
        family = families.get(name)
        if family is None:  # the rules do not know it any more
            yield Move(customer, name, "", "left", "there is no such segment any more", 0, backfill)
            continue
        instead = [each for each in after.names if families[each] is family and each not in before]
        why = (
            f"now {', '.join(instead)}"
            if family.choose == "first" and instead
            else "its condition does not hold any more"
        )
        yield Move(customer, name, family.name, "left", why, family.version, backfill)
    for name in after.names:
        if name not in before:
            family = families[name]
            why = catalogue.reason_seen(name, view)
            yield Move(customer, name, family.name, "entered", why, family.version, backfill)
