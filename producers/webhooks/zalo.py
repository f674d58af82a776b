"""Zalo Official Account: who follows, who writes, who leaves a telephone number.

Zalo sends one event a request and signs the bytes: the SHA-256 of the app's id, the body, the time and the secret of the Official
Account, which is not that of the app (developers.zalo.me/docs/official-account/webhook). The time is in the body, and in the
header `X-ZEvent-Timestamp`. An answer other than 200, or later than two seconds, and it is sent again, after half a minute and
longer each time; a webhook that keeps failing is switched off. When an address is typed in, Zalo tries it with an empty object,
unsigned.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from producers.keys import Source
from producers.segment_api.values import instant, mapping, present, text
from producers.webhooks.cut import item
from producers.webhooks.notice import Event, Item, LeftOut, Notice, Platform
from producers.webhooks.social import Deed, digested, event_id, person, social_event, term, without
from schemas.rejected import Reason, Rejected

_MAC = re.compile(r"(?:mac\s*=\s*)?([0-9a-fA-F]{64})")
_DIGITS = re.compile(r"[0-9]{1,20}")
_TIME = re.compile(rb'"timestamp"\s*:\s*"?([0-9]{1,20})["\s,}]')
_MOST_TIMES = 8
_LONGEST_PROBE = 100


def _signed(notice: Notice) -> bool:
    """The body ends with no digit: nobody could tell it from one of the time that is signed behind it."""
    given = _MAC.fullmatch(notice.headers.get("x-zevent-signature", "").strip())
    if given is None or notice.body[-1:].isdigit():
        return False
    begun = hashlib.sha256((notice.webhook.app_id or "").encode())
    begun.update(notice.body)
    found = given[1].lower()
    return any(
        hmac.compare_digest(found, _finished(begun, moment, secret))
        for moment in _moments(notice)
        for secret in notice.secrets
    )


def _finished(begun: hashlib._Hash, moment: str, secret: bytes) -> str:
    made = begun.copy()
    made.update(moment.encode() + secret)
    return made.hexdigest()


def _moments(notice: Notice) -> list[str]:
    """The times that may have been signed along: the header's, and those in the body, which nobody has read yet: to find them
    costs next to nothing, whatever it is that a stranger sends."""
    stated = (found[1].decode() for found in islice(_TIME.finditer(notice.body), _MOST_TIMES))
    times = dict.fromkeys((notice.headers.get("x-zevent-timestamp", "").strip(), *stated))
    return [each for each in times if _DIGITS.fullmatch(each)]


def _probe(notice: Notice) -> bool:
    small = notice.body if len(notice.body) <= _LONGEST_PROBE else b""
    return "x-zevent-signature" not in notice.headers and small.split() in ([b"{}"], [b"{", b"}"])


def _challenge(_: Mapping[str, str], __: Source) -> str:
    """Zalo asks nothing; who looks whether the address can be reached gets an answer."""
    return "ok"


_ACTIONS = {
    "follow": "follow",
    "unfollow": "unfollow",
    "user_submit_info": "submit_lead",
    "user_reacted_message": "react",
}
_MESSAGES = ("user_send_", "anonymous_send_")

_COMPANYS = ("oa_", "change_", "widget_failed_", "event_journey_", "extension_")
_ADMINISTRATION = frozenset(
    {"user_received_message", "add_user_to_tag", "remove_user_from_tag", "remove_tag"}
    | {"create_group", "delete_group", "update_group_info", "add_group_admin", "remove_group_admin"}
    | {"accept_request_join_group", "reject_request_join_group"}
)
"""What no customer did: what the company wrote, that a phone received something, what it does with groups and templates."""

_TOLD_TO = frozenset({"user_seen_message"})
"""What is told of a message of the company: the customer is its recipient."""

_PEOPLE = ("sender", "follower", "customer", "user")


def _translate(notice: Notice) -> list[Item]:
    return [item(notice.body, lambda told: _told(told, notice))]


def _told(told: Mapping[str, Any], notice: Notice) -> Event | Rejected | LeftOut:
    name = text(told.get("event_name"))
    if name is None:
        return Rejected(Reason.MISSING_FIELD, "$.event_name", "an event of Zalo has its name in `event_name`")
    if name in _ADMINISTRATION or name.startswith(_COMPANYS):
        return LeftOut(term(name))
    message, info = mapping(told.get("message")), mapping(told.get("info"))
    action = "message" if name.startswith(_MESSAGES) else _ACTIONS.get(name)
    known = text(message.get("msg_id")) if action == "message" else None
    said = text(message.get("text")) if action == "message" else None
    properties = without(told, *(("info",) if action == "submit_lead" else ()))
    if action == "message" and isinstance(message.get("text"), str):
        properties["message"] = without(message, "text")
    rest = without(info, *_STATED, *_PLACE)
    if action == "submit_lead" and rest:
        properties["info"] = rest
    return social_event(
        f"/zalo/{notice.source.name}",
        Deed(
            id=digested(term(name), told) if known is None else event_id(term(name), known),
            time=instant(told.get("timestamp")) or notice.received,
            platform="zalo",
            name=term(name),
            customer=_customer(name, told) | (_stated(info) if action == "submit_lead" else {}),
            action=action,
            about=text(message.get("msg_id")) if action == "react" else None,
            said=said,
            properties=properties,
        ),
    )


def _customer(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Ids are of this Official Account only. Who writes without an account at Zalo is known for that conversation."""
    if name.startswith("anonymous_"):
        anonymous = text(mapping(told.get("sender")).get("id"))
        return {} if anonymous is None else {"anonymous_id": f"zalo:{anonymous}"}
    if name in _TOLD_TO:
        return person("zalo_id", mapping(told.get("recipient")).get("id"))
    found = (mapping(told.get(each)).get("id") for each in _PEOPLE)
    return person("zalo_id", next((id for id in found if text(id) is not None), told.get("user_id")))


_STATED = {"name": "full_name", "phone": "phone"}
_PLACE = {"address": "street", "ward": "ward", "district": "district", "city": "city"}


def _stated(info: Mapping[str, Any]) -> dict[str, Any]:
    """What the customer typed into the form that the Official Account sent."""
    place = present(**{ours: text(info.get(theirs)) for theirs, ours in _PLACE.items()})
    return present(**{ours: text(info.get(theirs)) for theirs, ours in _STATED.items()}, address=place)


ZALO = Platform(_signed, _translate, _challenge, _probe)
