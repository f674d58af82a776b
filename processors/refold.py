"""Fold stored events afresh, as if for the first time: what `verify` compares the store with, and `rebuild` writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

from processors.portray import fold, is_new_order
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link, by_strength
from schemas.portrait import Portrait, canonical


class Folded(NamedTuple):
    """A customer (None: the events of nobody), the portrait of all its events, and a digest of the sorted event keys."""

    customer: str | None
    portrait: Portrait
    keys: bytes


def refold(events: Iterable[tuple[str | None, CleanEvent]]) -> Iterator[Folded]:
    """Portraits of events that come customer by customer, by key within one. Memory: one portrait and its order ids."""
    for customer, rows in groupby(events, key=lambda row: row[0]):
        portrait, orders, keys = Portrait(), set[tuple[str, str]](), blake2b(digest_size=16)
        for _, event in rows:
            keys.update(bytes.fromhex(event.key))
            if customer is not None:
                fold(portrait, event, new_order=is_new_order(event, customer, orders))
        yield Folded(customer, portrait, keys.digest())


def fingerprint(portrait: Portrait, keys: bytes) -> bytes:
    """16 bytes that two customers share only when their events, identifiers and portraits are the same, whatever their ids."""
    return blake2b(canonical(portrait) + keys, digest_size=16).digest()


def store_hash(fingerprints: Iterable[bytes]) -> str:
    """One hash of all customers' fingerprints, in whatever order they come."""
    total = blake2b(digest_size=16)
    for each in sorted(fingerprints):
        total.update(each)
    return total.hexdigest()


class Clusters:
    """The connected components of all identifiers, by union-find over small integers: some 150 bytes an identifier."""

    def __init__(self) -> None:
        self._number: dict[Identifier, int] = {}
        self._parent: list[int] = []

    def add(self, event: CleanEvent) -> None:
        """Take in what one event says of who belongs together."""
        numbers = [self._numbered(identifier) for identifier in event.identifiers]
        for number in numbers[1:]:
            a, b = self._root(numbers[0]), self._root(number)
            if a != b:
                self._parent[max(a, b)] = min(a, b)

    def _numbered(self, identifier: Identifier) -> int:
        number = self._number.setdefault(identifier, len(self._parent))
        if number == len(self._parent):
            self._parent.append(number)
        return number

    def _root(self, number: int) -> int:
        parent = self._parent
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    def number(self, identifier: Identifier) -> int | None:
        """A number that stands for this identifier alone; None for one that no event named."""
        return self._number.get(identifier)

    def component(self, identifier: Identifier) -> int | None:
        """A number shared by exactly the identifiers of one customer; None for an identifier that no event named."""
        number = self.number(identifier)
        return None if number is None else self._root(number)

    def __iter__(self) -> Iterator[tuple[Identifier, int]]:
        for identifier, number in self._number.items():
            yield identifier, self._root(number)

    def __len__(self) -> int:
        return len(self._number)


def links_of(event: CleanEvent, rule: str) -> Iterator[Link]:
    """The links that one event states: its strongest identifier with each of the others."""
    if len(event.identifiers) < 2:
        return
    strongest = min(event.identifiers, key=by_strength)
    for identifier in event.identifiers:
        if identifier != strongest:
            yield Link(strongest, identifier, event.time, event.key, rule)
