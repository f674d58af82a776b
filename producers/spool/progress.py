"""How far a spool was drained, source by source: what Kafka does not take of one of them does not hold the others up. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Place = tuple[str, int]
"""Where an entry stands: the name of its segment, and the offset in it. Names sort as the segments do."""


class Progress:
    """Before `at` all was drained, but for what stands behind the places of the sources that were held."""

    def __init__(self, at: Place) -> None:
        self.at = at
        self.reached = at
        self._held: set[str] = set()
        self._behind: dict[str, Place] = {}
        self._done: dict[Place, str] = {}

    @property
    def head(self) -> Place:
        """Before this, nothing is needed any more."""
        return min((self.at, *self._behind.values()))

    def wants(self, source: str, place: Place) -> bool:
        """Whether the entry of `source` at `place` is to be sent now."""
        if source in self._held or place in self._done:
            return False
        return place >= self._behind.get(source, self.reached)

    def needs(self, end: Place, held: Mapping[str, int]) -> bool:
        """Whether a segment that ends at `end`, with so many entries of each source, is still to be read."""
        return self.reached < end or any(place < end and held.get(source) for source, place in self._behind.items())

    def drained(self, source: str, place: Place) -> None:
        """The entry of `source` at `place` is in Kafka."""
        self._done[place] = source

    def hold(self, source: str, place: Place) -> None:
        """Nothing of `source` is wanted until it is released, and then all that was not drained, from `place` on."""
        if source not in self._held:
            self._held.add(source)
            self._behind[source] = place

    def release(self, source: str) -> None:
        """Go back to where `source` was held."""
        self._held.discard(source)
        self.at = min(self.at, self._behind.get(source, self.at))

    def held_at(self, source: str) -> Place | None:
        """Where the first entry of a held source stands."""
        return self._behind.get(source) if source in self._held else None

    def advance(self, window: Sequence[tuple[str, Place]], end: Place) -> None:
        """Move on past what of `window`, read from `at` to `end`, was drained or is held."""
        open_ = (place for source, place in window if source not in self._held and place not in self._done)
        self.at = next(open_, end)
        self.reached = max(self.reached, self.at)
        for source, place in list(self._behind.items()):
            if source in self._held:
                continue
            if self.at >= self.reached:
                del self._behind[source]
            else:
                self._behind[source] = max(place, self.at)
        self._done = {
            place: source for place, source in self._done.items() if place >= self._behind.get(source, self.at)
        }
