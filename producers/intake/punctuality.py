"""Whether events come when they happen: how many come late, and how many before they can have happened. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from producers.record import Record
from schemas.topics import REJECTED

LATE_SECONDS = 3600.0
"""Behind its arrival by more than this, an event is late: it was kept somewhere."""
AHEAD_SECONDS = 5.0
"""Ahead of its arrival by more than this, the clock of whoever sent it is wrong: no network is so fast."""


class Punctuality(NamedTuple):
    """How many of some events were late, and how many ahead."""

    late: int
    ahead: int


class _Timed(msgspec.Struct):
    time: datetime | None = None


_read_time = msgspec.json.Decoder(_Timed).decode


def punctuality(records: Iterable[Record], now: float) -> Punctuality:
    """Of accepted events, which arrive at `now` (Unix seconds)."""
    late = ahead = 0
    for record in records:
        if record.topic == REJECTED:
            continue
        try:
            told = _read_time(record.value).time
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a time that we read and this decoder does not, such as one with a space in it
        if told is None or told.tzinfo is None:
            continue
        behind = now - told.timestamp()
        late += behind > LATE_SECONDS
        ahead += -behind > AHEAD_SECONDS
    return Punctuality(late, ahead)
