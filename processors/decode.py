"""From the records of a fetch to the slice of a batch. What cannot be read becomes a dead letter; nothing raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from processors.apply import Slice
from schemas import clean
from schemas.clean import CleanEvent
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
            events.append((record.offset, read(record.value or b"")))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            letters.append((record.offset, _unreadable(record, "a clean event", error)))
    return Slice(_partition(records), _span(records), events, letters)


_letter_decoder = msgspec.json.Decoder(DeadLetter)


def letter_slice(records: Sequence[Record]) -> Slice:
    """The records of `events.rejected`."""
    letters: list[tuple[int, DeadLetter]] = []
    for record in records:
        try:
            letter = _letter_decoder.decode(record.value or b"")
            letter.payload_bytes()
        except (msgspec.MsgspecError, ValueError) as error:
            letter = _unreadable(record, "a dead letter", error)
        letters.append((record.offset, letter))
    return Slice(_partition(records), _span(records), (), letters)


def _unreadable(record: Record, expected: str, error: Exception) -> DeadLetter:
    refused = Rejected(Reason.WRONG_TYPE, "$", f"not {expected}, as only Portrait writes here: {error}")
    return dead_letter(
        refused, origin=origin(record), payload=record.value, key=record.key, topic=None, now_ms=record.timestamp
    )


def _partition(records: Sequence[Record]) -> Partition:
    return Partition(records[0].topic, records[0].partition)


def _span(records: Sequence[Record]) -> Span:
    return Span(records[0].offset, records[-1].offset + 1)
