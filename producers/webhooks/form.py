"""Form services: Typeform, which signs; and any other that can send JSON with a secret header.

Typeform-Signature is `sha256=` and the HMAC-SHA256 of the body with the webhook's secret, in base64
(https://www.typeform.com/developers/webhooks/secure-your-webhooks/).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from producers.forms.event import Arrival, form_event
from producers.forms.mapping import FormMapping
from producers.forms.submission import submission
from producers.keys import hash_key
from producers.openapi.events import MAX_BATCH_EVENTS
from producers.request.access import shown_keys
from producers.request.batch import BOM, is_array, split_array
from producers.webhooks.cut import item
from producers.webhooks.notice import Event, Item, LeftOut, Notice, Platform
from schemas.rejected import Reason, Rejected

KEY_HEADER = "x-portrait-key"


def _signed_by_typeform(notice: Notice) -> bool:
    kind, _, signature = notice.headers.get("typeform-signature", "").partition("=")
    try:
        shown = base64.b64decode(signature.encode(), validate=True)
    except (binascii.Error, ValueError):
        return False
    made = [hmac.digest(secret, notice.body, hashlib.sha256) for secret in notice.secrets]
    return kind == "sha256" and any(hmac.compare_digest(shown, each) for each in made)


def _shows_the_key(notice: Notice) -> bool:
    """The key of the source, or a secret of its own, in `Authorization` or `X-Portrait-Key`."""
    shown = [*shown_keys(notice.headers.get("authorization", "")), notice.headers.get(KEY_HEADER, "").strip()]
    digests = [hash_key(each) for each in shown if each]
    known = [hashlib.sha256(secret).hexdigest() for secret in notice.secrets]
    return any(
        notice.source.opened_by(digest) or any(hmac.compare_digest(digest, each) for each in known)
        for digest in digests
    )


def _submitted(notice: Notice) -> list[Item]:
    body = notice.body.removeprefix(BOM).strip()
    mapping = notice.mapping
    if mapping is None:
        return [Item(body, Rejected(Reason.INVALID_VALUE, "$", "this webhook has no mapping"))]
    if not is_array(body):
        return [_item(body, mapping, notice)]
    parts = split_array(body, MAX_BATCH_EVENTS)
    if parts is None:
        return [Item(body, Rejected(Reason.NOT_JSON, "$", "the body is not JSON"))]
    if len(parts) > MAX_BATCH_EVENTS:
        return [
            Item(body, Rejected(Reason.TOO_LARGE, "$", f"there are more than {MAX_BATCH_EVENTS} submissions in it"))
        ]
    return [_item(part, mapping, notice) for part in parts]


def _item(raw: bytes, mapping: FormMapping, notice: Notice) -> Item:
    return item(raw, lambda document: _made(document, raw, mapping, notice))


def _made(document: dict[str, Any], raw: bytes, mapping: FormMapping, notice: Notice) -> Event | Rejected | LeftOut:
    if notice.webhook.platform == "typeform" and document.get("event_type") != "form_response":
        return _no_response(document.get("event_type"))
    digest = hashlib.sha256(notice.source.name.encode() + b"\0" + raw).hexdigest()
    arrival = Arrival(notice.source.name, notice.received, f"body-{digest[:32]}")
    made = form_event(submission(document, mapping.service.read(document)), mapping, arrival)
    made.event["data"]["webhook"] = {"body": msgspec.Raw(raw), "received_at": notice.received}
    return made.event


def _no_response(kind: Any) -> Rejected | LeftOut:
    """What somebody has typed and not sent is none of ours."""
    if kind == "form_response_partial":
        return LeftOut("form_response_partial")
    return Rejected(Reason.UNKNOWN_TYPE, "$.event_type", "this is not a form_response of Typeform")


FORM = Platform(_shows_the_key, _submitted)
TYPEFORM = Platform(_signed_by_typeform, _submitted)
