"""The profile store as the stream sees it: one transaction a batch.

Two implementations, `sinks.memory` and `sinks.postgres`, pass one contract suite (`tests/contract/test_store.py`).

Errors: `Retryable` (roll back and apply the same batch again), `Fatal` (end the process, a person must look), and `Refused`
(one of the events is the culprit).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from schemas.clean import CleanEvent
from schemas.computed import NOTHING, Computed
from schemas.identifiers import Identifier, Known, Link, Pair, Standing
from schemas.portrait import Move, Portrait, Segments, Summary
from schemas.ranks import Bounds
from schemas.rejected import DeadLetter
from sinks.evaluating import Evaluating
from sinks.identifying import Identifying
from sinks.snapshot import Snapshot


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

    events: (event, node of the identifier that it belongs to, or None) of the events that were not stored before.
    portraits, summaries, segments: by customer id, one each for every customer touched and living.
    moves: who enters or leaves a segment. merged: ended customer → survivor. links: one of each pair and rule.
    created: new customer → node of the identifier that it began with. unsettled: identifiers that are to be settled.
    now: when all this was decided (Unix ms). evaluation: nothing but segments changes, by time alone or by other rules.
    """

    events: Sequence[tuple[CleanEvent, str | None]]
    portraits: Mapping[str, Portrait]
    summaries: Mapping[str, Summary]
    segments: Mapping[str, Segments]
    moves: Sequence[Move]
    merged: Mapping[str, str]
    links: Sequence[Link]
    created: Mapping[str, str]
    unsettled: Collection[Identifier]
    now: int
    evaluation: bool = False


class Stamp(NamedTuple):
    """Names a state of a customer. facts: how often what is known of it changed; evaluations: how often its segments alone."""

    facts: int = 0
    evaluations: int = 0

    def next(self, *, evaluation: bool = False) -> Stamp:
        """The state after one more change."""
        return Stamp(self.facts, self.evaluations + 1) if evaluation else Stamp(self.facts + 1, self.evaluations)


class Held(NamedTuple):
    """A living customer as stored; `segments` are names."""

    stamp: Stamp
    segments: tuple[str, ...]
    portrait: Portrait
    computed: Computed = NOTHING


class Base(NamedTuple):
    """What a decision that was made ahead of its transaction took for granted.

    generation: how often the store was rebuilt. positions: the next offset of each partition. assigned: identifiers that were not
    stored. stamps: the states of the customers. shut: what was quarantined or parked, so that nobody holds it.
    """

    generation: int
    positions: Mapping[Partition, int]
    assigned: Mapping[Identifier, Known]
    stamps: Mapping[str, Stamp]
    shut: Mapping[Identifier, Standing] = {}


class Lookup(Protocol):
    """Questions that a decision asks."""

    def stored(self, keys: Collection[str]) -> dict[str, str]:
        """event key → origin of the record, of those events that are stored."""

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, Known]:
        """What is stored of those identifiers that are known."""

    def kin(self, customers: Collection[str]) -> dict[str, list[Identifier]]:
        """The identifiers of each customer; who has none may be missing."""

    def recorded(self, pairs: Collection[Pair]) -> dict[Pair, Link]:
        """Those of these links that are stored."""

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        """Of the (customer, order id) asked for, those that are among the stored purchases of this customer."""

    def orders_of(self, customers: Collection[str]) -> dict[str, set[str]]:
        """The order ids of all stored purchases of each customer; who has none may be missing."""


class Reading(Lookup, Protocol):
    """What `processors.apply.decide` reads, in this order, while it decides one batch: in the transaction that will write the
    decision (`Transaction`), or ahead of it (`processors.ahead.Ahead`)."""

    def fresh(self, partition: Partition, span: Span) -> int:
        """The first offset of `span` that was not yet applied (`span.end` when all were). Raises Gap when the span begins beyond
        the stored position: offsets in between would be skipped.
        """

    def hold(self, assigned: Mapping[Identifier, Known], customers: Collection[str], created: Collection[str]) -> bool:
        """Take the new identifiers for their customers, and hold `customers` as they are now.

        False when another transaction came first with one of them: nothing is taken or held then, ask `customers_of` again and
        decide anew.
        """

    def stands(self, known: Mapping[Identifier, Known], kin: Mapping[str, Collection[Identifier]]) -> bool:
        """Whether, now that the customers are held, what was read before (`customers_of`, `kin`) is still so. Where it is not,
        nothing is taken or held any more."""

    def portraits(self, customers: Collection[str]) -> dict[str, Portrait]:
        """The portraits of held customers; new ones are missing. The caller owns (may change) what it gets."""

    def segments(self, customers: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The names of the segments that held customers are in; new ones are missing."""

    def computed(self, customers: Collection[str]) -> dict[str, Computed]:
        """What jobs computed of held customers; of whom nothing was may be missing."""


class Transaction(Reading, Protocol):
    """One batch's transaction. `fresh` locks the position until commit, `hold` the identifiers and customers, in one order
    for all workers. A raised exception rolls everything back.
    """

    def confirm(self, base: Base) -> Mapping[str, tuple[str, ...]] | None:
        """Lock what a decision took for granted; None when some of it is no longer so: then the transaction must not go on.

        Customers who were evaluated meanwhile, while what is known of them stayed, are no harm: these, with their segments now.
        """

    def keep_duplicates(self, duplicates: Mapping[str, str]) -> None:
        """Record records (origin → event key) that repeat a stored event, once each."""

    def save(self, packed: Any, unmoved: Collection[str] = ()) -> None:
        """Write changes that `Store.pack` made ready, with what has to be published in consequence; not how `unmoved` move."""

    def saved(self, customers: Collection[str]) -> dict[str, Held]:
        """Those of `customers` that are living, as they are stored in this transaction."""

    def keep_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters; one whose origin is stored already is left as it is."""

    def advance(self, position: Position) -> None:
        """Move the stored positions to the ends of the spans."""

    def bounds(self) -> Bounds | None:
        """As `Store.bounds`."""

    def due(self, now: int, limit: int) -> dict[str, bool]:
        """Lock and return up to `limit` customers whose segments may have changed by time alone, passing over locked ones; and
        whether that is to be told as a backfill."""


class Settling(Transaction, Evaluating, Identifying, Protocol):
    """A transaction that decides anew: from all facts, who some identifiers are; by new rules, where customers belong."""


class Committed(Lookup, Protocol):
    """The store as it is, without locks: each answer as of the instant at which it was given."""

    def generation(self) -> int:
        """How often the store was rebuilt. What was read before and what was read after do not go together."""

    def settlements(self) -> int:
        """How often it was decided anew who some identifiers are. As long as it stays the same, none leads to another living
        customer."""

    def held(self, customers: Collection[str]) -> dict[str, Held]:
        """Those of `customers` that are living."""


class Store(Protocol):
    """Where portraits live."""

    def transaction(self) -> AbstractContextManager[Settling]:
        """Begin; commit on leaving, roll back on an exception. Not for use by several threads at once."""

    def beside(self) -> Store:
        """The same store for another thread."""

    def committed(self) -> Committed:
        """What is stored, beside the transaction: it may be used by another thread than that, by one at a time."""

    def pack(self, changes: Changes) -> Any:
        """Make `changes` ready for `Transaction.save`. Costs time and no I/O, for any thread to spend. Raises Refused."""

    def bounds(self) -> Bounds | None:
        """What all customers are measured by; None, when too few have bought."""

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The next offset to read of each partition that has been read before."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The whole store as of one instant, to be read beside the stream."""

    def close(self) -> None:
        """Give back connections."""
