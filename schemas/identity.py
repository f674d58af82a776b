"""Who is who, as it is stored and as it changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from schemas.identifiers import Identifier, Standing, node_of


class Member(NamedTuple):
    """A node of the identity graph as stored: an identifier (of a recycled one, what it was from `since` ms on), its living
    customer (None: no event is its own), how it may be treated, and why it is quarantined."""

    identifier: Identifier
    since: int
    customer: str | None
    standing: Standing
    why: str | None = None

    @property
    def node(self) -> str:
        """Its name, see `schemas.identifiers.node_of`."""
        return node_of(self.identifier, self.since)


class Mark(NamedTuple):
    """A note that an identifier is to be settled. judged: a judgement about it came or went, so if it is quarantined, this too is
    to be decided anew."""

    number: int
    identifier: Identifier
    judged: bool = False


class Name(NamedTuple):
    """A customer id that was given out: the node of the identifier that it began with, and the living customer it leads to."""

    id: str
    anchor: str
    customer: str


class Turn(NamedTuple):
    """An id that leads to another customer than before. action: merged (it lives no more), split (it lives again, or is new: it
    came from `other`), moved (an alias leads elsewhere)."""

    action: Literal["merged", "split", "moved"]
    customer: str
    other: str
    reason: str


class Refusal(NamedTuple):
    """Why a link or a join does not hold. code: limit, told_apart, device, judgement, quarantined."""

    code: str
    message: str


class Review(NamedTuple):
    """Something about identity that a person should decide. kind: refused (the link of a and b), quarantined (a), too_large (what
    hangs together with a)."""

    kind: Literal["refused", "quarantined", "too_large"]
    a: Identifier
    b: Identifier | None
    message: str


class Resettled(NamedTuple):
    """What deciding anew about some identifiers changes, besides portraits.

    members: as they are now. gone: nodes that are no more. moved: event key → the node that it belongs to now. ended: customer
    that lives no more → the one it leads to. names: every id concerned, as it is now. refused: pair → why, or None where the link
    holds. reviews: what people should look at. turns: what is told of it. touched: customers of which nothing changed but how
    their identifiers may be treated.
    """

    members: Sequence[Member]
    gone: Collection[str]
    moved: Mapping[str, str]
    ended: Mapping[str, str]
    names: Sequence[Name]
    refused: Mapping[tuple[Identifier, Identifier], Refusal | None]
    reviews: Sequence[Review]
    turns: Sequence[Turn]
    touched: Collection[str]
    now: int
