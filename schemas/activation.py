"""What other systems are told of a change of segments, and what a template may say of the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from schemas import portrait
from schemas.profile import Moment, SegmentChange


class SegmentMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a webhook: one customer entered or left one segment.

    `type` says which, `timestamp` is when it was decided, `data` is the record of topic `segment-changes` as it is; its
    `change_id` is also the header `webhook-id` and is the same when the message comes again. `test` is true when somebody tries
    the webhook: then the customer is made up, and nothing has changed.
    """

    type: Literal["segment.entered", "segment.left"]
    timestamp: Moment
    data: SegmentChange
    test: bool = False


_encoder = msgspec.json.Encoder(order="deterministic")


def message_of(change: SegmentChange, *, test: bool = False) -> bytes:
    """The body of the webhook for this change; equal changes give equal bytes."""
    kind: Literal["segment.entered", "segment.left"] = (
        "segment.entered" if change.action == "entered" else "segment.left"
    )
    return _encoder.encode(SegmentMessage(kind, change.at, change, test))


class Customer(NamedTuple):
    """A living customer, as templates and the question of consent see it. What is not known is None.

    `traits` and `statuses` are by name, as in `schemas.profile.Profile`.
    """

    customer_id: str
    full_name: str | None
    email: str | None
    phone: str | None
    gender: str | None
    language: str | None
    province: str | None
    lifecycle: str
    points: int
    segments: Sequence[str]
    traits: Mapping[str, Any]
    statuses: Mapping[str, str]


def customer_of(columns: Sequence[Any], state: str) -> Customer:
    """A customer of its columns, those before `traits` in their order, and its portrait as JSON. Raises msgspec.DecodeError."""
    known = portrait.decode(state)
    traits = {name: fact[0] for name, fact in known.traits.items()}
    statuses = {name: fact[0] for name, fact in known.statuses.items()}
    return Customer._make((*columns, traits, statuses))
