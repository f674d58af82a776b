"""Decide about a whole body at once: whether it is events at all, and about each of them."""

from __future__ import annotations

import time

from producers.admit import Admission, admit
from producers.keys import Source
from producers.openapi.events import MAX_BATCH_EVENTS
from producers.request.batch import BOM, is_array, split_array
from producers.request.problems import Problem
from schemas.codec import MAX_EVENT_BYTES
from schemas.rejected import Reason


def admit_body(body: bytes, source: Source, request_id: str) -> Admission:
    """What becomes of the events of a body. Raises Problem 400 when it is not JSON as a whole, 413 when it holds too much."""
    if not body.removeprefix(BOM).strip():
        raise Problem(400, Reason.EMPTY, "there is nothing in the body")
    array = is_array(body)
    if array:
        events = split_array(body, MAX_BATCH_EVENTS)
        if events is None:
            raise Problem(400, Reason.NOT_JSON, "the body is not a JSON array")
        if len(events) > MAX_BATCH_EVENTS:
            raise Problem(413, "too_many", f"a batch has at most {MAX_BATCH_EVENTS} events")
    else:
        if len(body) > MAX_EVENT_BYTES:
            raise Problem(413, "too_large", f"an event has at most {MAX_EVENT_BYTES} bytes")
        events = [body]
    admission = admit(events, may_send=source.may_send, request=request_id, now_ms=time.time_ns() // 1_000_000)
    if not array and admission.refusals:
        rejected = admission.refusals[0].rejected
        if rejected.reason in (Reason.NOT_JSON, Reason.NOT_UTF8) and rejected.event_id is None:
            raise Problem(400, rejected.reason, rejected.message)
    return admission
