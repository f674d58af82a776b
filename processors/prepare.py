"""The first stage of the stream: from raw bytes to a clean event, or to the reason why not. Pure: no I/O, no clock."""

from __future__ import annotations

from processors.enrich import enrich, happened
from processors.normalise import normalise
from processors.reference import Reference
from schemas.clean import CleanEvent
from schemas.codec import MAX_EVENT_BYTES, read_event, read_json
from schemas.rejected import Reason, Rejected


def prepare(payload: bytes | None, *, origin: str, received_ms: int, reference: Reference) -> CleanEvent | Rejected:
    """Validate, normalise and enrich one raw record.

    `payload` is the record's value, `origin` its `TOPIC/PARTITION/OFFSET`, `received_ms` the Unix time of its arrival.
    Raises nothing, whatever the bytes: bad data comes back as `Rejected`. Equal arguments give equal events.
    """
    if not payload:
        return Rejected(Reason.EMPTY, "$", "there is nothing in it")
    if len(payload) > MAX_EVENT_BYTES:
        return Rejected(Reason.TOO_LARGE, "$", f"{len(payload)} bytes, an event has at most {MAX_EVENT_BYTES}")
    document = read_json(payload)
    if isinstance(document, Rejected):
        return document
    read = read_event(document)
    if isinstance(read, Rejected):
        return read
    event, problems = read
    moment = happened(event.time, received_ms)
    if moment.clamped:
        problems.append(("$.time", "time_clamped"))
    stated = normalise(event.data.customer, moment.time.date(), reference)  # type: ignore[attr-defined]
    problems += stated.problems
    return enrich(event, stated, moment, problems, origin=origin, received_ms=received_ms, reference=reference)
