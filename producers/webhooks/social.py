"""The events that social platforms tell of: an interaction, when it is one of ours, else what the platform calls it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from producers.segment_api.values import clipped, present, text, word
from producers.webhooks.notice import Event
from schemas.events import Interacted

_ACTIONS = frozenset(Interacted.model_fields["action"].annotation.__args__)  # type: ignore[union-attr]
_LONGEST_ID, _LONGEST_NAME, _LONGEST_TEXT, _LONGEST_PERSON = 256, 200, 10_000, 500

_canonical = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


class Deed(NamedTuple):
    """What somebody did. `action` is one of `social.interacted.v1`, None when none fits; `name` is what the platform calls it.

    `said` is the text of it, `about` the id of the post or message that it is about.
    """

    id: str
    time: datetime
    platform: str
    name: str
    customer: dict[str, str]
    action: str | None = None
    about: str | None = None
    said: str | None = None
    properties: Mapping[str, Any] = {}


def social_event(source: str, deed: Deed) -> Event:
    """The event. What of `said` an event has no room for is in `properties`."""
    assert deed.action is None or deed.action in _ACTIONS
    properties = dict(deed.properties)
    if deed.said is not None and len(deed.said) > _LONGEST_TEXT:
        properties["text"] = deed.said
    content = present(id=named(deed.about), text=clipped(deed.said, _LONGEST_TEXT))
    what = {"event": deed.name} if deed.action is None else {"action": deed.action}
    data = {"platform": deed.platform} | what | {"customer": deed.customer}
    if content:
        data["content"] = content
    return {
        "specversion": "1.0",
        "id": deed.id,
        "source": source,
        "type": "social.tracked.v1" if deed.action is None else "social.interacted.v1",
        "time": deed.time.isoformat(),
        "data": data | {"properties": properties},
    }


def event_id(kind: str, *ids: Any) -> str:
    """The id of an event by those of the platform: `comment:ID`. Where these are too long, a digest of them."""
    parts = [text(each) or "" for each in ids]
    found = ":".join((kind, *parts))
    return found if len(found) <= _LONGEST_ID else digested(kind, *parts)


def digested(kind: str, *said: Any) -> str:
    """The id of an event that the platform has none for: by all that it says, however that is written as JSON."""
    return f"{kind}:{hashlib.sha256(_canonical(said)).hexdigest()[:32]}"


def named(value: Any) -> str | None:
    """An id of a post or message as an event takes it; None for one too long."""
    found = text(value)
    return found if found is None or len(found) <= _LONGEST_NAME else None


def person(kind: str, id: Any, name: Any = None) -> dict[str, str]:
    """The customer, known at the platform by `id` of the kind `kind`; without one, an event that nobody did."""
    return present(**{kind: text(id), "full_name": clipped(name, _LONGEST_PERSON)})


def term(*words: Any) -> str:
    """What the platform calls it, in its own words: `feed.comment.remove`."""
    return ".".join(word(found)[:60] or "_" for each in words if (found := text(each)) is not None) or "_"


def without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What is left of an object."""
    return {name: value for name, value in values.items() if name not in names}
