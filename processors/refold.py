"""Fold stored events afresh, as if for the first time: what `verify` compares the store with, and `rebuild` writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

from processors.cluster import Facts
from processors.link import stated_links
from processors.portray import fold, is_new_order
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier, Link, Pair, earliest
from schemas.judgements import Judgement
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


def fingerprint(portrait: Portrait, keys: bytes, segments: Iterable[str] = ()) -> bytes:
    """16 bytes that two customers share only when their events, identifiers, portraits and segments are the same, whatever their
    ids."""
    return blake2b(canonical(portrait) + keys + " ".join(sorted(segments)).encode(), digest_size=16).digest()


def store_hash(fingerprints: Iterable[bytes]) -> str:
    """One hash of all customers' fingerprints, in whatever order they come."""
    total = blake2b(digest_size=16)
    for each in sorted(fingerprints):
        total.update(each)
    return total.hexdigest()


class Observed:
    """What events say of who belongs together: some 400 bytes an identifier, 500 a link."""

    def __init__(self) -> None:
        self.identifiers: set[Identifier] = set()
        self.links: dict[Pair, Link] = {}

    def add(self, event: CleanEvent) -> None:
        """Take in what one event says."""
        self.identifiers.update(event.identifiers)
        if len(event.identifiers) > 1:
            for pair, link in stated_links((event,)).items():
                kept = self.links.get(pair)
                self.links[pair] = link if kept is None else earliest(kept, link)

    def facts(self, judgements: Sequence[Judgement]) -> Facts:
        """What `processors.cluster.cluster` decides by."""
        return Facts(self.identifiers, self.links.values(), judgements)
