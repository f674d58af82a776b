"""How soon customers buy what is new: computed from all stored purchases, as it depends on everybody."""

from __future__ import annotations

from typing import NamedTuple

from ops.sql import rows, writing

GROUPS = ("innovator", "early_adopter", "early_majority", "late_majority", "laggard")
"""Everett Rogers' groups, the first to adopt first."""


class Adopters(NamedTuple):
    """What was found: how many products are new and bought by enough, and group → customers."""

    products: int
    customers: dict[str, int]


def draw(url: str, *, buyers: int, products: int, after_days: int) -> Adopters:
    """Compute it anew for everybody and keep it in `crm.customer_adoption`; `ops/sql/draw_adopters.sql` says how.

    A product counts when it has so many `buyers` and was first sold `after_days` or more after the first sale of all; a customer
    who has bought so many of these `products`. Raises psycopg2.Error.
    """
    with writing(url) as at:
        found = dict(rows(at, "draw_adopters", buyers=buyers, products=products, after_days=after_days))
    return Adopters(found.pop("", 0), {group: found.get(group, 0) for group in GROUPS})
