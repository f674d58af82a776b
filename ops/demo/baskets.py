"""Reads the extract of real baskets that the demo replays."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "baskets.csv.gz"
_SHOP_CLOCK = timedelta(hours=-5)
"""The sample's times are UTC, its shops in the east of North America: by their own clocks they open in the morning."""


@dataclass(frozen=True, slots=True)
class Line:
    """One product of a basket: `amount` and `discount` in cents (USD) for the whole line."""

    sku: str
    category: str
    quantity: Decimal
    amount: int
    discount: int


@dataclass(frozen=True, slots=True)
class RealBasket:
    """One visit to a till, in the year of the sample. `at` is what the shop's clock showed."""

    card_no: str
    store_id: str
    basket_id: str
    at: datetime
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        """What was paid, in cents (USD)."""
        return sum(line.amount for line in self.lines)

    @property
    def discount(self) -> int:
        """What was taken off, in cents (USD)."""
        return sum(line.discount for line in self.lines)


@cache
def read_baskets() -> Sequence[RealBasket]:
    """All baskets of the extract, by card and time."""
    found: list[tuple[list[str], list[Line]]] = []
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for *head, sku, category, quantity, amount, discount in rows:
            if head[2]:
                found.append((head, []))
            found[-1][1].append(Line(sku, category, Decimal(quantity), _cents(amount), _cents(discount)))
    return tuple(
        RealBasket(card_no, store_id, basket_id, datetime.fromisoformat(at) + _SHOP_CLOCK, tuple(lines))
        for (card_no, store_id, basket_id, at), lines in found
    )


def _cents(dollars: str) -> int:
    return int(Decimal(dollars) * 100)
