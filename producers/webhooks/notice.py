"""What a platform sends to a webhook, and what becomes of it: the contract between the door and each platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from producers.forms.mapping import FormMapping
from producers.keys import Source
from producers.keys.webhook import Webhook
from producers.webhooks.secret import Secrets
from schemas.rejected import Rejected

Event = dict[str, Any]
"""A CloudEvent, as JSON has it."""


class Notice(NamedTuple):
    """One request of a platform. `body` is as it came, byte for byte; the names of `headers` are in lower case; `secrets` are
    those that may have signed it, none when the source has no `secret_file`; `received` is now, in UTC; `mapping` says what the
    questions of a form mean."""

    body: bytes
    headers: Mapping[str, str]
    source: Source
    webhook: Webhook
    secrets: Secrets
    received: datetime
    mapping: FormMapping | None = None


class LeftOut(NamedTuple):
    """What is no event of a customer, and is not kept: what the company itself wrote, that a message was delivered. `what` is
    the platform's word for it: one of few, for it is a label of a metric."""

    what: str


class Item(NamedTuple):
    """One thing that a notice tells. `raw` is its JSON, or what there is of it; `made` the event that it became, or why it became
    none."""

    raw: bytes
    made: Event | Rejected | LeftOut


class Platform(NamedTuple):
    """How one platform is understood. All of it pure.

    signed: whether the notice is the platform's; compares in constant time.
    translate: every item of a signed notice, in its order. A body that cannot be read as a whole is one item, which is Rejected.
        Raises nothing.
    challenge: what GET is answered when the platform asks, by these parameters, whether somebody is there; None when it may not
        be answered. Without one, there is no GET.
    probe: whether the notice only asks, unsigned, if somebody is there: it is answered 200, and nothing of it is kept.
    """

    signed: Callable[[Notice], bool]
    translate: Callable[[Notice], list[Item]]
    challenge: Callable[[Mapping[str, str], Source], str | None] | None = None
    probe: Callable[[Notice], bool] | None = None
