"""What a record of `segment-changes` says, and which targets are to be told."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from schemas.profile import SegmentChange, decode_segment_change
from schemas.topics import SEGMENT_CHANGES
from sinks.activation.targets import Target
from sinks.postgres.targets import Failed

NOBODY = "00000000-0000-7000-8000-000000000000"
"""The customer of a change that is made up: an id that is never given out."""

_KEY = re.compile(r"[!-~]{1,255}")
"""A change id goes into headers: visible ASCII."""


class Record(NamedTuple):
    """A record of the topic `segment-changes`, and where it stands."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def read_change(record: Record) -> SegmentChange | Failed:
    """The change that a record tells; what tells none is a dead letter, named by where it stands."""
    try:
        change = decode_segment_change(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = f"no segment change: {error}"
    else:
        if _KEY.fullmatch(change.change_id):
            return change
        reason = "no segment change: change_id is not 1 to 255 visible ASCII characters"
    place = f"{SEGMENT_CHANGES}/{record.partition}/{record.offset}"
    customer = (record.key or b"").decode(errors="replace").replace("\0", "�")
    return Failed(place, customer, record.value or b"", reason, 0)


def why_not(target: Target, change: SegmentChange) -> str | None:
    """Why a target is not told of this change: "segment", "action", "backfill"; None: it is told."""
    if target.segments and change.segment not in target.segments and change.family not in target.segments:
        return "segment"
    if change.action not in target.actions:
        return "action"
    if change.backfill and not target.backfill:
        return "backfill"
    return None


def made_up_change(target: Target, number: UUID, at: datetime) -> SegmentChange:
    """A change as this target would be told of, which nobody made."""
    segment = target.segments[0] if target.segments else "current"
    entered = target.actions[0] == "entered"
    return SegmentChange(
        change_id=f"test/{number}",
        customer_id=NOBODY,
        segment=segment,
        family="test",
        action="entered" if entered else "left",
        at=at,
        reason="made up by `portrait activate test`",
        rule_version=0,
        before=() if entered else (segment,),
        after=(segment,) if entered else (),
    )
