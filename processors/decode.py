"""From the records of a fetch to the slice of a batch. What cannot be read becomes a dead letter; nothing raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from processors.apply import Slice
from schemas import clean
from schemas.clean import CleanEvent
from schemas.identifiers import STRENGTH
from schemas.money import MINOR_DIGITS
from schemas.portrait import Summary
from schemas.rejected import DeadLetter, Reason, Rejected, dead_letter
from sinks.store import Partition, Span


class Record(Protocol):
    """A Kafka record, as aiokafka hands it over. `timestamp` is Unix ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def origin(record: Record) -> str:
    """Where a record is: `TOPIC/PARTITION/OFFSET`."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def clean_slice(records: Sequence[Record]) -> Slice:
    """The records of `events.valid`."""
    events: list[tuple[int, CleanEvent]] = []
    letters: list[tuple[int, DeadLetter]] = []
    read = clean.decode
    for record in records:
        try:
            event = read(record.value or b"")
            _check(event)
            events.append((record.offset, event))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            letters.append((record.offset, _unreadable(record, "a clean event", error)))
    return Slice(partition(records), span(records), events, letters)


_is_key = re.compile("[0-9a-f]{32}").fullmatch
_KINDS = frozenset(STRENGTH)
_MAX_IDENTIFIER = 500
_TEXTS = frozenset(Summary._fields[: Summary._fields.index("acquisition_channel")])
"""Traits that are columns of text."""
_FIRST_TIME, _LAST_TIME = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999, Unix ms."""


def _check(event: CleanEvent) -> None:
    """Raises ValueError when the types are right and the stages behind would stumble all the same."""
    if not _is_key(event.key):
        raise ValueError("the key is not 32 hexadecimal digits")
    if not (_FIRST_TIME <= event.time <= _LAST_TIME and _FIRST_TIME <= event.received <= _LAST_TIME):
        raise ValueError("a time is beyond the years 1 to 9999")
    for kind, value in event.identifiers:
        if kind not in _KINDS or not 0 < len(value) <= _MAX_IDENTIFIER:
            raise ValueError("an identifier is of an unknown kind, empty or too long")
    purchase = event.purchase
    if purchase is not None and not (
        purchase.currency in MINOR_DIGITS and 0 <= purchase.hour < 24 and 0 <= purchase.weekday < 7
    ):
        raise ValueError("a purchase has an unknown currency, hour or weekday")
    for name, value in event.traits.items():
        if name in _TEXTS and not isinstance(value, str):
            raise ValueError(f"the trait {name} is not text")


_letter_decoder = msgspec.json.Decoder(DeadLetter)


def letter_slice(records: Sequence[Record]) -> Slice:
    """The records of `events.rejected`."""
    letters: list[tuple[int, DeadLetter]] = []
    for record in records:
        try:
            letter = _letter_decoder.decode(record.value or b"")
            letter.payload_bytes()
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            letter = _unreadable(record, "a dead letter", error)
        letters.append((record.offset, letter))
    return Slice(partition(records), span(records), (), letters)


def _unreadable(record: Record, expected: str, error: Exception) -> DeadLetter:
    refused = Rejected(Reason.WRONG_TYPE, "$", f"not {expected}, as only Portrait writes here: {error}")
    return dead_letter(
        refused, origin=origin(record), payload=record.value, key=record.key, topic=None, now_ms=record.timestamp
    )


def partition(records: Sequence[Record]) -> Partition:
    """Where the records of a fetch are from."""
    return Partition(records[0].topic, records[0].partition)


def span(records: Sequence[Record]) -> Span:
    """The offsets that the records of a fetch stand for."""
    return Span(records[0].offset, records[-1].offset + 1)
