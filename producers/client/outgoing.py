"""An event as a channel system has it, made ready to be sent: complete, exact, encoded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
from pydantic import BaseModel

from schemas.codec import MAX_EVENT_BYTES


def encode_event(
    event: Mapping[str, Any] | BaseModel, *, source: str | None, now: datetime | None = None
) -> tuple[str, bytes]:
    """The event's id and its JSON. `specversion`, `id` (a UUID), `source`, `time` (`now`) are filled in when missing.

    `event` is a mapping, or a model such as `schemas.events.FormSubmittedEvent`. Decimal, datetime, date and UUID are
    understood. Raises TypeError for a float outside of `answers`, because 0.1 + 0.2 is not 0.3, and for what JSON has
    not; ValueError for a time without a zone, for an event without a source, and for more than 1 MB.
    """
    document = event.model_dump(mode="json", exclude_none=True) if isinstance(event, BaseModel) else dict(event)
    document = {name: value for name, value in document.items() if value is not None}
    document.setdefault("specversion", "1.0")
    document.setdefault("id", str(uuid4()))
    document.setdefault("time", now or datetime.now(UTC))
    if source is not None:
        document.setdefault("source", source)
    if "source" not in document:
        raise ValueError("the event has no source, and the client has no default for it")
    payload = msgspec.json.encode(_exact(document, "$"))
    if len(payload) > MAX_EVENT_BYTES:
        raise ValueError(f"an event has at most {MAX_EVENT_BYTES} bytes, this one {len(payload)}")
    return str(document["id"]), payload


def _exact(value: Any, path: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"{path}: the name {name!r} is not text")
        return {name: _exact(inner, f"{path}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{path}: the time {value} has no zone")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        if path.startswith("$.data.answers."):
            return value
        raise TypeError(f"{path}: {value!r} is a float; give a Decimal or text, which are exact")
    raise TypeError(f"{path}: {type(value).__name__} is nothing that JSON has")
