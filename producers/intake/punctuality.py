"""Whether events come when they happen: how many come late, how many before they can have happened, and how many were sent by a
clock that is wrong. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from producers.admit import Admission
from producers.record import Record
from producers.segment_api.values import instant
from schemas.topics import REJECTED

LATE_SECONDS = 3600.0
"""Behind its arrival by more than this, an event is late: it was kept somewhere."""
AHEAD_SECONDS = 5.0
"""Ahead of its arrival by more than this, the clock of whoever sent it is wrong: no network is so fast."""
SLOW_SECONDS = 60.0
"""Sent longer ago than this, by the clock of whoever sent it, that clock is wrong: no request takes so long."""


class Punctuality(NamedTuple):
    """How many of some events were late, how many ahead, and of how many calls, whose time was corrected, the clock was wrong."""

    late: int
    ahead: int
    skewed: int = 0


class _Sent(msgspec.Struct, frozen=True):
    sentAt: str | int | float | None = None


class _Origin(msgspec.Struct, frozen=True):
    call: _Sent = _Sent()
    batch: _Sent = _Sent()


class _Data(msgspec.Struct, frozen=True):
    segment: _Origin = _Origin()


class _Call(msgspec.Struct):
    """An event that may have been made of a call of the Segment API, which is then in it."""

    time: datetime | None = None
    data: _Data = _Data()


class _Event(msgspec.Struct):
    time: datetime | None = None


_read_call = msgspec.json.Decoder(_Call).decode
_read_event = msgspec.json.Decoder(_Event).decode


def admitted(admit: Callable[[], Admission], now: float) -> tuple[Admission, Punctuality]:
    """What `admit` admits at `now` (Unix seconds), and how punctual that is."""
    admission = admit()
    return admission, punctuality(admission.records, now)


def punctuality(records: Iterable[Record], now: float) -> Punctuality:
    """Of accepted events, which arrive at `now` (Unix seconds)."""
    late = ahead = skewed = 0
    for record in records:
        if record.topic == REJECTED:
            continue
        read = _read(record.value)
        if read is None:
            continue
        told, sent = read
        skewed += sent is not None and _is_skewed(sent, now)
        if told is None or told.tzinfo is None:
            continue
        behind = now - told.timestamp()
        late += behind > LATE_SECONDS
        ahead += -behind > AHEAD_SECONDS
    return Punctuality(late, ahead, skewed)


def _read(value: bytes) -> tuple[datetime | None, Any] | None:
    """When it happened, and when it was sent, if it says so. None when this cannot be read, as a time with a space in it."""
    try:
        call = _read_call(value)
        origin = call.data.segment
        return call.time, (origin.call.sentAt or origin.batch.sentAt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # what only looks like a call, or is none that can be read
    try:
        return _read_event(value).time, None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_skewed(stated: Any, now: float) -> bool:
    """Whether the clock is wrong by which a call was sent at the `stated` time, and for which its own was corrected."""
    sent = instant(stated)
    if sent is None:
        return False
    behind = now - sent.timestamp()
    return behind > SLOW_SECONDS or -behind > AHEAD_SECONDS
