"""Decide which segments a customer belongs to, why, and when to look again. The rules are data: `processors/segments`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from processors.segments.catalogue import Catalogue
from schemas.portrait import Move, Portrait, Segments


def segment(portrait: Portrait, catalogue: Catalogue, now: int, before: Collection[str] = ()) -> Segments:
    """Where one customer, who was in the segments `before`, belongs at `now` (Unix ms).

    Before `due`, and without a new event, the answer stays the same.
    """
    return catalogue.evaluate(portrait, now, before)


def moves(
    customer: str, before: Collection[str], after: Collection[str], portrait: Portrait, catalogue: Catalogue, now: int
) -> Iterator[Move]:
    """What changes for a customer that was in the segments `before`, and is in those `after`: leaving first, each with its
    reason."""
    families = catalogue.family_of
    for name in before:
        if name in after:
            continue
        family = families.get(name)
        if family is None:  # the rules do not know it any more
            yield Move(customer, name, "", "left", "there is no such segment any more", 0)
            continue
        instead = [each for each in after if families[each] is family and each not in before]
        why = (
            f"now {', '.join(instead)}"
            if family.choose == "first" and instead
            else "its condition does not hold any more"
        )
        yield Move(customer, name, family.name, "left", why, family.version)
    entered = [name for name in after if name not in before]
    for name, why in zip(entered, catalogue.reasons(entered, portrait, now, after), strict=True):
        yield Move(customer, name, families[name].name, "entered", why, families[name].version)
