"""Find the event that the database refuses, by halving its batch; and make it a dead letter."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from processors.apply import Slice
from schemas import clean
from schemas.rejected import Reason, Rejected, dead_letter
from sinks.store import Refused, Span

logger = logging.getLogger(__name__)


def halves(batch: Sequence[Slice]) -> tuple[list[Slice], list[Slice]] | None:
    """Two batches that together are `batch`, None when it holds one event only."""
    if len(batch) > 1:
        middle = len(batch) // 2
        return list(batch[:middle]), list(batch[middle:])
    part = batch[0]
    if len(part.events) + len(part.letters) <= 1:
        return None
    offsets = sorted([offset for offset, _ in part.events] + [offset for offset, _ in part.letters])
    cut = offsets[len(offsets) // 2]
    return (
        [
            Slice(
                part.partition,
                Span(part.span.first, cut),
                [pair for pair in part.events if pair[0] < cut],
                [pair for pair in part.letters if pair[0] < cut],
            )
        ],
        [
            Slice(
                part.partition,
                Span(cut, part.span.end),
                [pair for pair in part.events if pair[0] >= cut],
                [pair for pair in part.letters if pair[0] >= cut],
            )
        ],
    )


def as_letter(part: Slice, error: Refused) -> Slice:
    """The one event or letter of `part`, which the database refused, as a dead letter about its record."""
    if part.events:
        offset, event = part.events[0]
        payload, topic, received, origin = clean.encode(event), part.partition.topic, event.received, event.origin
        names = [name.replace("\0", "\ufffd") for name in (event.id, event.source)]
    else:
        offset, kept = part.letters[0]
        payload, topic, received, origin, names = msgspec.json.encode(kept), None, 0, "", []
    letter = dead_letter(
        Rejected(Reason.INVALID_VALUE, "$", f"the database refuses it: {error}", *names),
        origin=origin or f"{part.partition.topic}/{part.partition.number}/{offset}",
        payload=payload,
        key=None,
        topic=topic,
        now_ms=received,
    )
    logger.error("%s: %s", letter.origin, error)
    return Slice(part.partition, part.span, (), [(offset, letter)])
