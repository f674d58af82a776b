"""The profile store as the stream sees it: one transaction a batch.

Two implementations, `sinks.memory` and `sinks.postgres`, pass one contract suite (`tests/contract/test_store.py`).

Errors: `Retryable` (roll back and apply the same batch again), `Fatal` (end the process, a person must look), and `Refused`
(one of the events is the culprit).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link
from schemas.portrait import Move, Portrait, Segments, Summary
from schemas.rejected import DeadLetter


class Retryable(Exception):
    """Bad luck that passes: a lost connection, a deadlock, a race for the same new event. Apply the batch again."""


class Fatal(Exception):
    """Nothing that trying again could mend: a gap in the log, a missing table. The process must end and say so."""


class Gap(Fatal):
    """Offsets between the stored position and the log are missing. Going on would skip events in silence."""


class Refused(Exception):
    """The database cannot hold some value of this batch. Trying again would not help, leaving the event out would."""


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class Span(NamedTuple):
    """A run of offsets of one partition: [first, end)."""

    first: int
    end: int


class Position(NamedTuple):
    """What a batch stands for: for each partition the offsets it holds."""

    spans: Mapping[Partition, Span]


class Changes(NamedTuple):
    """All that one batch changes, decided by pure functions.

    events: (event, customer id or None) of the events claimed in this transaction.
    portraits, summaries, segments: by customer id, one each for every customer touched and living.
    moves: who enters or leaves a segment. merged: ended customer → survivor. links: the earliest of each pair.
    now: when all this was decided (Unix ms).
    """

    events: Sequence[tuple[CleanEvent, str | None]]
    portraits: Mapping[str, Portrait]
    summaries: Mapping[str, Summary]
    segments: Mapping[str, Segments]
    moves: Sequence[Move]
    merged: Mapping[str, str]
    links: Sequence[Link]
    now: int


class Transaction(Protocol):
    """One batch's transaction. The calls come in this order; a raised exception rolls everything back."""

    def fresh(self, partition: Partition, span: Span) -> int:
        """Lock the position of `partition` and return the first offset of `span` that was not yet applied (`span.end` when
        all were). Raises Gap when the span begins beyond the stored position: offsets in between would be skipped.
        """

    def claim(self, events: Sequence[CleanEvent]) -> list[CleanEvent]:
        """Those of `events` that are not stored yet, each once, in their order. The others are recorded as duplicates, unless
        they are the stored record itself, delivered again (same `origin`)."""

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, str]:
        """The living customers of the identifiers that are known."""

    def hold(self, assigned: Mapping[Identifier, str], customers: Collection[str], created: Collection[str]) -> bool:
        """Claim the new identifiers for their customers and lock `customers`, until commit.

        False when another transaction came first with one of them: ask `customers_of` again and decide anew.
        """

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        """The stored portraits of held customers; new ones are missing. The caller owns (may change) what it gets."""

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The names of the segments that held customers are in; new ones are missing."""

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        """Of the (customer, order id) asked for, those that are among the stored purchases of this customer."""

    def shared_orders(self, merged: Mapping[str, str]) -> dict[str, int]:
        """survivor → how many order ids are counted more than once when the ended customers become part of it: for an order id
        that n of them (or the survivor) have, n − 1."""

    def save(self, changes: Changes) -> None:
        """Write everything, with what has to be published in consequence."""

    def keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters; one whose origin is stored already is left as it is."""

    def advance(self, position: Position) -> None:
        """Move the stored positions to the ends of the spans."""

    def due(self, now: int, limit: int) -> list[str]:
        """Lock and return up to `limit` customers whose segments may have changed by time alone, passing over locked ones."""


class Snapshot(Protocol):
    """The store as of one instant. Rows stream: a few thousand are in memory at a time."""

    def counts(self) -> tuple[int, int]:
        """How many living customers and how many events there are."""

    def events_by_customer(self) -> Iterator[tuple[str | None, CleanEvent]]:
        """Every event with its living customer, customer by customer in the order of ids (nobody first), by key within one."""

    def served(self) -> Iterator[tuple[str, Portrait]]:
        """Every living customer's stored portrait, in the order of ids."""

    def identifiers(self) -> Iterator[tuple[Identifier, str]]:
        """Every known identifier with its living customer."""


class Store(Protocol):
    """Where portraits live."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit on leaving, roll back on an exception. Not for use by several threads at once."""

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The next offset to read of each partition that has been read before."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The whole store as of one instant, to be read beside the stream."""

    def close(self) -> None:
        """Give back connections."""
