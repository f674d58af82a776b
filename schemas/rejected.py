"""Bad data as a value: why an event was refused, and the dead letter that keeps it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why an event was refused. The code is metric label, dead-letter field and part of the HTTP answer."""

    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    NUL_CHARACTER = "nul_character"
    DUPLICATE_KEY = "duplicate_key"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    EMPTY = "empty"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    INVALID_VALUE = "invalid_value"
    UNKNOWN_TYPE = "unknown_type"
    NO_IDENTIFIER = "no_identifier"
    SOURCE_NOT_ALLOWED = "source_not_allowed"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One refused event. `path` is a JSON path such as `$.data.basket.total.currency`; `message` is for people."""

    reason: Reason
    path: str
    message: str
    event_id: str | None = None
    source: str | None = None


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a record on `events.rejected`.

    `origin` says where the bytes came from and is unique: `TOPIC/PARTITION/OFFSET`, or `collector/REQUEST/INDEX` for what
    the collector refused at the door. `payload` is the original bytes in base64; `key` the original Kafka key likewise.
    """

    origin: str
    reason: str
    path: str
    message: str
    rejected_at: int
    payload: str
    key: str | None = None
    event_id: str | None = None
    source: str | None = None
    topic: str | None = None

    def payload_bytes(self) -> bytes:
        """The event as it was received."""
        return base64.b64decode(self.payload)


NAME_CHARACTERS = 256
"""Of the id and the source of an event, a dead letter keeps so many."""


def dead_letter(
    rejected: Rejected, *, origin: str, payload: bytes | None, key: bytes | None, topic: str | None, now_ms: int
) -> DeadLetter:
    """The letter for `rejected`. `topic` is where a repaired event is sent again; `now_ms` is Unix time in milliseconds."""
    return DeadLetter(
        origin=origin,
        reason=rejected.reason.value,
        path=rejected.path[:500],
        message=rejected.message[:1000],
        rejected_at=now_ms,
        payload=base64.b64encode(payload or b"").decode(),
        key=None if key is None else base64.b64encode(key).decode(),
        event_id=None if rejected.event_id is None else rejected.event_id[:NAME_CHARACTERS],
        source=None if rejected.source is None else rejected.source[:NAME_CHARACTERS],
        topic=topic,
    )
