"""What people decide about identity. A judgement is a row: who, when, why; it can be undone, and it outlives a rebuild."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.identifiers import Identifier


class Kind(StrEnum):
    """JOIN: `left` and `right` are one person. APART: nobody of `left` is one person with anybody of `right`.
    BLOCK: `left` stand for nobody. TRUST: `left` stand for one person, however many others they are seen with.
    """

    JOIN = "join"
    APART = "apart"
    BLOCK = "block"
    TRUST = "trust"


class Judgement(NamedTuple):
    """One decision in force. It names identifiers, not customers: these follow from it."""

    number: int
    kind: Kind
    left: tuple[Identifier, ...]
    right: tuple[Identifier, ...] = ()

    @property
    def named(self) -> tuple[Identifier, ...]:
        """All that it is about."""
        return *self.left, *self.right
