"""The part of the port (`sinks.store`) by which the whole store is read, as it was at one instant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.identity import Member
from schemas.judgements import Judgement
from schemas.portrait import Listed


class UnevenChanges(NamedTuple):
    """What was told of a customer and a segment, where it cannot be so. action: the last change. places: how many of two, the
    customer's own row and the membership, say that it is in it. again: how often a change was told that the one before it was."""

    customer: str
    segment: str
    action: str
    places: int
    again: int


class Snapshot(Protocol):
    """The store as of one instant. Rows stream: a few thousand are in memory at a time."""

    def counts(self) -> tuple[int, int]:
        """How many living customers and how many events there are."""

    def events_by_customer(self) -> Iterator[tuple[str | None, str | None, CleanEvent]]:
        """Every event with its living customer and its node, customer by customer in the order of ids (nobody first), by key
        within one."""

    def served(self) -> Iterator[Listed]:
        """Every living customer, in the order of ids."""

    def swept(self, digest: str) -> bool:
        """Whether everybody was evaluated by the rules of this digest, and by no others since; or there never were others."""

    def uneven_changes(self) -> Iterator[UnevenChanges]:
        """Where the changes do not lead to where a customer is, or one was told again without its opposite in between: by
        customer and segment."""

    def members(self) -> Iterator[Member]:
        """Every node."""

    def links(self) -> Iterator[Link]:
        """Every link."""

    def judgements(self) -> list[Judgement]:
        """Every judgement in force."""

    def unsettled(self) -> list[Identifier]:
        """What waits to be settled."""
