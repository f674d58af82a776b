"""A form on a page was sent: the event that it becomes, which nobody vouches for."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from producers.forms.event import Arrival, form_event
from producers.forms.mapping import FormMapping
from producers.forms.submission import submission

ID = "_id"
"""The hidden field that tells one visit of a page from another."""

NOT_ANSWERS = (ID, "_charset_")
"""Fields that nobody typed, and that say nothing of the visitor."""

WINDOW_SECONDS = 600


def page_event(
    fields: dict[str, Any], mapping: FormMapping, *, source: str, honeypot: str, received: datetime
) -> dict[str, Any]:
    """The event. `fields` are all that was sent; `received` is its time.

    Its id is a digest of the fields and, among these, the page's own `_id`: what is sent twice from one page, unchanged, counts
    once. Without `_id` it is one of the fields and the ten minutes of the clock in which it came.
    """
    told = {name: value for name, value in fields.items() if name != honeypot}
    visit = str(told.get(ID, "")).strip()
    window = None if visit else int(received.timestamp()) // WINDOW_SECONDS
    digest = sha256(msgspec.json.encode([source, told, window])).hexdigest()
    answered = {name: value for name, value in told.items() if name not in NOT_ANSWERS}
    submitted = submission(answered, mapping.service.read(answered))
    made = form_event(submitted, mapping, Arrival(source, received, f"form-{digest[:32]}"))
    made.event["data"]["post"] = {"fields": told, "received_at": received}
    return made.event
