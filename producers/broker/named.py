"""What a record of Kafka, or of the spool, says of the event that it is of: read without checking, for who looks for an event."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.rejected import NAME_CHARACTERS
from schemas.topics import REJECTED


class Named(msgspec.Struct):
    """Members of an event, a clean event or a dead letter, whatever they hold; None when they are not there."""

    id: Any = None
    source: Any = None
    origin: Any = None
    event_id: Any = None
    reason: Any = None
    path: Any = None
    message: Any = None


_read = msgspec.json.Decoder(Named).decode


def named(topic: str, value: bytes, event_id: str, source: str | None) -> Named | None:
    """What `value`, for `topic`, says, if it is of this event, and of this source when one is named. A dead letter of no source
    may be of any."""
    try:
        told = _read(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    mine = told.event_id == letter_id(event_id) if topic == REJECTED else told.id == event_id
    return told if mine and (source is None or told.source in (None, source)) else None


def letter_id(event_id: str) -> str:
    """What a dead letter keeps of an id."""
    return event_id[:NAME_CHARACTERS]
