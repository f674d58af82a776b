"""How everybody is evaluated again, over the tables in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate

from schemas.portrait import Listed
from schemas.ranks import TOP_PERCENT, Bounds, rank
from sinks.memory_tables import TableLookup

_GIVEN_UP = "given up"
"""Instead of a digest: a sweep that was not finished and is not to go on. Nobody has rules of this name."""


class MemoryEvaluating(TableLookup):
    """See `sinks.evaluating.Evaluating`."""

    def due(self, now: int, limit: int) -> dict[str, bool]:
        waiting = [
            customer for customer, each in self._tables.segments.items() if each.due is not None and each.due <= now
        ]
        return {customer: customer in self._tables.backfills for customer in sorted(waiting)[:limit]}

    def begin_sweep(self, digest: str) -> None:
        sweeps = self._tables.sweeps
        if next(reversed(sweeps), None) != digest:
            sweeps.pop(digest, None)
            sweeps[digest] = ""

    def go_by(self, digest: str) -> None:
        """Here one process goes by one set of rules."""

    def sweep(self, digest: str) -> str | None:
        sweeps = self._tables.sweeps
        return sweeps[digest] if next(reversed(sweeps), None) == digest else None

    def customers_after(self, customer: str, limit: int) -> list[Listed]:
        tables = self._tables
        following = sorted(each for each in tables.portraits if each > customer)[:limit]
        return [tables.listed(each) for each in following]

    def bring_forward(self, dues: Mapping[str, int]) -> None:
        for customer, due in dues.items():
            held = self._tables.segments[customer]
            self._tables.segments[customer] = held._replace(due=due if held.due is None else min(due, held.due))

    def swept(self, digest: str, customer: str | None) -> None:
        self._tables.sweeps[digest] = customer

    def forget_sweep(self, digest: str) -> None:
        del digest
        self._tables.sweeps.pop(_GIVEN_UP, None)
        self._tables.sweeps[_GIVEN_UP] = None

    def keep_failures(self, failures: Mapping[str, tuple[str, int]], now: int) -> None:
        del now
        self._tables.failures.update(failures)

    def forget_failures(self) -> None:
        self._tables.failures.clear()

    def bounds(self) -> Bounds | None:
        return self._tables.bounds

    def begin_ranking(self, now: int) -> bool:
        return self._tables.next_ranking <= now and self._swept

    def measure(self, now: int) -> Bounds | None:
        tables = self._tables
        buyers = [each for each in tables.portraits.values() if each.orders > 0 and each.last_order is not None]
        if not buyers:
            return None
        paid = sorted(
            (year for each in tables.segments.values() if (year := each.ranked.year_revenue) > 0), reverse=True
        )
        sums = list(accumulate(paid))
        return Bounds(
            _fifths([each.last_order or 0 for each in buyers]),
            _fifths([each.orders for each in buyers]),
            _fifths([each.revenue for each in buyers]),
            tuple(paid[(percent * len(paid) + 99) // 100 - 1] for percent in TOP_PERCENT[1:] if paid),
            next((year for year, total in zip(paid, sums, strict=True) if 100 * total >= 80 * sums[-1]), None),
            len(buyers),
            now,
        )

    def keep_bounds(self, bounds: Bounds | None, next_at: int) -> None:
        self._tables.bounds, self._tables.next_ranking = bounds, next_at

    def waiting(self, now: int, limit: int) -> int:
        return len(self.due(now, limit))

    @property
    def _swept(self) -> bool:
        return next(reversed(self._tables.sweeps.values()), None) is None

    def ranked_elsewhere(self, bounds: Bounds, now: int, limit: int) -> list[str]:
        tables, swept = self._tables, self._swept
        found = []
        for customer, each in tables.segments.items():
            portrait = tables.portraits[customer]
            wanted = rank(
                bounds,
                last_order=portrait.last_order,
                orders=portrait.orders,
                revenue=portrait.revenue,
                year_revenue=each.ranked.year_revenue,
            )
            if wanted != each.ranked and (each.due is None or each.due > now) and (swept or each.ranked.recency):
                found.append(customer)
        return found[:limit]


def _fifths(values: list[int]) -> tuple[int, ...]:
    """Above the last one of each fifth, whoever has as much as that one belonging to it."""
    ordered = sorted(values)
    return tuple(ordered[math.ceil(share * len(ordered)) - 1] + 1 for share in (0.2, 0.4, 0.6, 0.8))
