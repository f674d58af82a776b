"""Whether everybody is in the segments that the rules say, and whether the changes that were told lead there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.segments.catalogue import Catalogue
from processors.segments.computed import COMPUTED
from processors.segments.fields import RANKED, READ
from processors.segments.view import View
from schemas.portrait import Listed, Portrait
from sinks.snapshot import Snapshot

_CLOCKS_DIFFER_MS = 5_000
"""A worker whose clock is ahead may have looked a little later than whoever compares."""


class Memberships:
    """Compares customer by customer. Who is due at `now` (Unix ms) may be elsewhere by now, and is left out; everybody is, as
    long as the rules are about to be applied to all.

    Where a customer stands among all others is taken as stored: `processors.rank` sees to it again and again. So is what jobs
    computed.
    """

    def __init__(self, snapshot: Snapshot, catalogue: Catalogue, now: int) -> None:
        self._catalogue = catalogue
        self._now = now
        self._later = now + _CLOCKS_DIFFER_MS
        self._snapshot = snapshot
        self._passing = _passing(catalogue)
        self.compared = snapshot.swept(catalogue.digest)
        self.differences: list[str] = []

    def sides(self, folded: Portrait, stored: Listed) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The segments of a customer by its events, and as served: those by rank or by what jobs computed are not among them, as
        they depend on when that was."""
        served = self._lasting(stored.segments)
        if not self.compared or (stored.due is not None and stored.due <= self._now):
            return served, served
        found = self._evaluated(folded, stored)
        paid, year = self._paid(folded, self._now), stored.ranked.year_revenue
        if year not in (paid, self._paid(folded, self._later)):
            self.differences.append(f"customer {stored.customer}: year_revenue is {year}, the events say {paid}")
        if found != stored.segments:
            more, less = (
                ", ".join(sorted({*a} - {*b})) for a, b in ((stored.segments, found), (found, stored.segments))
            )
            self.differences.append(
                f"customer {stored.customer}: in {more or 'nothing'} too many, not in {less or 'nothing'}"
            )
        return self._lasting(found), served

    def _evaluated(self, folded: Portrait, stored: Listed) -> tuple[str, ...]:
        by = stored.segments, stored.ranked, stored.computed
        found = self._catalogue.evaluate(folded, self._now, *by).names
        if found != stored.segments:
            later = self._catalogue.evaluate(folded, self._later, *by).names
            if later == stored.segments:
                return later
        return found

    def _paid(self, folded: Portrait, now: int) -> int:
        return View(READ, folded, now, self._catalogue.zone).ranked.year_revenue

    def _lasting(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in self._passing)

    def uneven(self) -> Iterator[str]:
        """Where the changes do not lead to the segments, or were told again, in words."""
        for customer, segment, action, places, again in self._snapshot.uneven_changes():
            found = f"customer {customer}: {segment} was last told as {action}, and {places} of 2 places say that it is in it"
            yield f"{found}, {again} of its changes repeat the one before" if again else found


def _passing(catalogue: Catalogue) -> set[str]:
    """The segments that depend on where a customer stands among all others, or on what jobs computed."""
    found: set[str] = set()
    for family in catalogue.families:
        conditions = [condition for rule in family.rules for condition in rule.when]
        for condition in [*conditions, family.where] if family.where else conditions:
            if not (RANKED | COMPUTED).isdisjoint(condition.asked) or not found.isdisjoint(condition.uses):
                found.update(rule.segment for rule in family.rules)
    return found
