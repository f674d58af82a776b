"""The part of the port (`sinks.store`) by which it is decided anew, from all facts, who some identifiers are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Protocol

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.identity import Mark, Member, Name, Resettled
from schemas.judgements import Judgement


class Identifying(Protocol):
    """What a transaction offers for it."""

    def unsettled(self, limit: int, *, large: bool = False) -> list[Mark]:
        """Lock and return up to `limit` marks, the oldest first, passing over locked ones. `large`: those that were postponed."""

    def unsettled_of(self, identifiers: Collection[Identifier], *, judged: bool, large: bool) -> list[Mark]:
        """Lock and return all marks of these, judged or not, passing over locked ones. `large`: postponed ones, too."""

    def marked(self, identifiers: Collection[Identifier]) -> set[Identifier]:
        """Those of these that are marked to be settled."""

    def park(self, identifiers: Collection[Identifier]) -> None:
        """Leave these as they are, but for what is quarantined: nothing new joins them until people decide."""

    def postpone(self, marks: Collection[int]) -> None:
        """These need so many events that they are not for the stream to wait for."""

    def members(self, identifiers: Collection[Identifier]) -> list[Member]:
        """Every node of these identifiers that is stored."""

    def hold_nodes(self, nodes: Collection[str]) -> None:
        """Lock these nodes until the end, in one order for all: they have no customer to hold them by, or are shut."""

    def links_at(self, identifiers: Collection[Identifier]) -> list[Link]:
        """Every link that has one of these at either end."""

    def judgements(self) -> list[Judgement]:
        """Every judgement in force."""

    def names(self, customers: Collection[str]) -> list[Name]:
        """Every id that leads to one of these customers."""

    def events_at(self, nodes: Collection[str], known: Collection[str] = ()) -> Iterator[tuple[str, CleanEvent]]:
        """The events of these nodes, each with its node, but not those with these keys. They stream."""

    def resettle(self, resettled: Resettled, packed: Any) -> None:
        """Write what was decided anew, and the portraits with it (as `save`)."""

    def settled(self, marks: Collection[int]) -> None:
        """Forget these marks."""
