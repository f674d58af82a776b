"""Decide about each event at the door: a record for Kafka, or the reason why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from producers.record import Record
from schemas.codec import MAX_EVENT_BYTES, read_event, read_json
from schemas.events import EVENT_TYPES, Customer, Envelope
from schemas.identifiers import STRENGTH
from schemas.rejected import Reason, Rejected, dead_letter
from schemas.topics import REJECTED, raw_topic

LETTER_BYTES = 2 * 1024 * 1024
"""Of an event that is kept in its dead letter: in base64 and wrapped it still fits one record."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused event: its place in the request, why, and what is kept of it."""

    index: int
    rejected: Rejected
    letter: Record


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a request: `records`, and a letter for each refusal, must all reach Kafka before the answer."""

    records: tuple[Record, ...]
    refusals: tuple[Refusal, ...]


def admit(events: Iterable[bytes], *, may_send: Callable[[str], bool], request: str, now_ms: int) -> Admission:
    """Read each of `events` (its raw bytes) and sort it.

    `may_send` says whether the sender may use a CloudEvents `source`; `request` names the request, for the origin of
    dead letters; `now_ms` is Unix time in milliseconds.
    """
    records: list[Record] = []
    refusals: list[Refusal] = []
    for index, payload in enumerate(events):
        verdict = judge(payload, may_send)
        if isinstance(verdict, Record):
            records.append(verdict)
            continue
        refusals.append(refuse(index, verdict[0], payload, verdict[1], request=request, now_ms=now_ms))
    return Admission(tuple(records), tuple(refusals))


def refuse(index: int, rejected: Rejected, payload: bytes, topic: str | None, *, request: str, now_ms: int) -> Refusal:
    """The refusal of `payload`, at `index` of the request, with its letter. `topic` is for the event once it is repaired."""
    origin = f"collector/{request}/{index}"
    letter = dead_letter(rejected, origin=origin, payload=payload[:LETTER_BYTES], key=None, topic=topic, now_ms=now_ms)
    return Refusal(index, rejected, Record(REJECTED, origin.encode(), msgspec.json.encode(letter)))


def told(refusals: Iterable[Refusal], id_name: str = "id") -> list[dict[str, Any]]:
    """`rejected` of an answer. `id_name` is what the sender calls the id of an event."""
    return [
        {
            "index": refusal.index,
            id_name: refusal.rejected.event_id,
            "path": refusal.rejected.path[:500],
            "code": refusal.rejected.reason.value,
            "message": refusal.rejected.message[:1000],
        }
        for refusal in refusals
    ]


def judge(payload: bytes, may_send: Callable[[str], bool]) -> Record | tuple[Rejected, str | None]:
    """One event: its record, with the bytes as they came; or why not, and the topic for it once it is repaired."""
    if len(payload) > MAX_EVENT_BYTES:
        return _too_large(payload), None
    document = read_json(payload)
    if isinstance(document, Rejected):
        return document, None
    return judge_document(document, payload, may_send)


def judge_document(
    document: Any, payload: bytes, may_send: Callable[[str], bool]
) -> Record | tuple[Rejected, str | None]:
    """The same of an event that is decoded already: `payload` is its JSON, which `read_json` would accept."""
    if len(payload) > MAX_EVENT_BYTES:
        return _too_large(payload), None
    read = read_event(document)
    if isinstance(read, Rejected):
        return read, _topic(document)
    event, _ = read
    if not may_send(event.source):
        message = "this key may not send events of this source"
        return Rejected(Reason.SOURCE_NOT_ALLOWED, "$.source", message, event.id, event.source), _topic(document)
    return Record(raw_topic(event.type), record_key(event), payload)  # type: ignore[attr-defined]


def _too_large(payload: bytes) -> Rejected:
    message = f"an event has at most {MAX_EVENT_BYTES} bytes, this one {len(payload)}"
    return Rejected(Reason.TOO_LARGE, "$", message)


def record_key(event: Envelope) -> bytes | None:
    """The key in Kafka: the strongest identifier as the channel wrote it, `KIND:VALUE`; None when none can be read."""
    customer: Customer = event.data.customer  # type: ignore[attr-defined]
    for kind in STRENGTH:
        value = getattr(customer, kind)
        if value and (stripped := value.strip()):
            return f"{kind}:{stripped}".encode()
    return None


def _topic(document: Any) -> str | None:
    kind = document.get("type") if isinstance(document, dict) else None
    return raw_topic(kind) if isinstance(kind, str) and kind in EVENT_TYPES else None
