"""Decide about each call at the door: records for Kafka, or the reason why not. Pure."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from producers.admit import Admission, Refusal, judge, judge_document, refuse
from producers.keys import Source
from producers.record import Record
from producers.segment_api.parcel import Parcel
from producers.segment_api.translate import Arrival, Event, place_in_call, translate
from producers.segment_api.values import text
from schemas.codec import MAX_DEPTH, read_json
from schemas.rejected import Reason, Rejected

_encode = msgspec.json.Encoder(decimal_format="number").encode

_SURELY_SHALLOW = MAX_DEPTH - 8


class _Refused(NamedTuple):
    """`told` is `rejected` in the words of the caller. `payload` is what `rejected` is about, to be sent to `topic`."""

    rejected: Rejected
    payload: bytes
    topic: str | None
    told: Rejected


def admit_calls(
    parcel: Parcel, *, kind: str | None, source: Source, key: str, request: str, received: datetime
) -> Admission:
    """Read each call of `parcel`, translate it, and judge its events as those of all senders are judged.

    `kind` is what the address says, None for a batch. `key` is the access key: it is kept nowhere. `received` is now.
    The letter of a refused call keeps the event that was made of it, and in it the call: repaired, it can be sent again.
    What was no call is kept alone. The refusals themselves name the place in the call, and its `messageId`.
    """
    records: list[Record] = []
    refusals: list[Refusal] = []
    now_ms = int(received.timestamp() * 1000)
    # As JSON text, so that no more is replaced than a key: somebody may have chosen a short one.
    secrets = {json.dumps(each).encode() for each in (key, parcel.write_key) if each}
    around = _brackets(msgspec.json.encode(parcel.shared))
    for index, call in enumerate(parcel.calls):
        for secret in secrets:
            if secret in call:
                call = call.replace(secret, b'"REDACTED"')
        arrival = Arrival(f"/segment/{source.name}", received.astimezone(UTC), parcel.shared, f"{request}-{index}")
        verdict = _refused(parcel.fault, call) if parcel.fault else _judge(call, kind, arrival, source, around)
        if not isinstance(verdict, _Refused):
            records += verdict
            continue
        refusal = refuse(index, verdict.rejected, verdict.payload, verdict.topic, request=request, now_ms=now_ms)
        refusals.append(dataclasses.replace(refusal, rejected=verdict.told))
    return Admission(tuple(records), tuple(refusals))


def _judge(call: bytes, kind: str | None, arrival: Arrival, source: Source, around: int) -> list[Record] | _Refused:
    """All the records of a call, or why there are none. `around` is how many brackets its batch adds."""
    document = read_json(call)
    if isinstance(document, Rejected):
        return _refused(document, call)
    events = translate(document, kind, arrival)
    if isinstance(events, Rejected):
        return _refused(events, call)
    events[0]["data"]["segment"] = _origin(call, arrival)
    # What is made of a call is a few objects deeper than the call: where that could matter, it is read as all others are.
    shallow = around + _brackets(call) < _SURELY_SHALLOW
    records: list[Record] = []
    for event in events:
        payload = _encode(event)
        verdict = judge_document(event, payload, source.may_send) if shallow else judge(payload, source.may_send)
        if not isinstance(verdict, Record):
            rejected, topic = verdict
            return _Refused(rejected, payload, topic, _told(rejected, document))
        records.append(verdict)
    return records


def _brackets(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")


def _refused(rejected: Rejected, call: bytes) -> _Refused:
    return _Refused(rejected, call, None, rejected)


def _origin(call: bytes, arrival: Arrival) -> Event:
    """The call, byte for byte but for its key, and what its batch said for it: it stays on the raw topic."""
    origin: dict[str, Any] = {"call": msgspec.Raw(call), "received_at": arrival.received}
    return origin | {"batch": arrival.shared} if arrival.shared else origin


def _told(rejected: Rejected, document: Any) -> Rejected:
    message = rejected.message
    if rejected.reason is Reason.NO_IDENTIFIER:
        message = "give userId or anonymousId"
    return dataclasses.replace(
        rejected,
        path=place_in_call(rejected.path),
        message=message,
        event_id=text(document.get("messageId")),
    )
