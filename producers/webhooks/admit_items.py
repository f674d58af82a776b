"""Decide about each item of a notice at the door: a record for Kafka, a dead letter, or neither. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from producers.admit import LETTER_BYTES, Admission, Refusal, judge, refuse
from producers.keys import Source
from producers.record import Record
from producers.webhooks.notice import Item, LeftOut
from schemas.rejected import Rejected

_encode = msgspec.json.Encoder(decimal_format="number").encode


def admit_items(items: Iterable[Item], *, source: Source, request: str, now_ms: int) -> tuple[Admission, Counter[str]]:
    """Judge the event of each item as those of all senders are judged; and how many were left out, by what they are.

    The letter of a refused item keeps the event that was made of it, which can be repaired and sent again; or, when none could
    be made, or it is more than a letter holds, the item as it came. `request` names the request, `now_ms` is Unix time in
    milliseconds.
    """
    records: list[Record] = []
    refusals: list[Refusal] = []
    left_out: Counter[str] = Counter()
    for index, (raw, made) in enumerate(items):
        if isinstance(made, LeftOut):
            left_out[made.what] += 1
        elif isinstance(made, Rejected):
            refusals.append(refuse(index, made, raw, None, request=request, now_ms=now_ms))
        else:
            payload = _encode(made)
            verdict = judge(payload, source.may_send)
            if isinstance(verdict, Record):
                records.append(verdict)
            else:
                kept, topic = (payload, verdict[1]) if len(payload) <= LETTER_BYTES else (raw, None)
                refusals.append(refuse(index, verdict[0], kept, topic, request=request, now_ms=now_ms))
    return Admission(tuple(records), tuple(refusals)), left_out
