"""The messages that Meta tells of, in Messenger and on Instagram, and what people do in a conversation.

Their fields: developers.facebook.com/docs/messenger-platform/reference/webhook-events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from producers.segment_api.values import instant, mapping, text
from producers.webhooks.meta_scene import Scene
from producers.webhooks.notice import Event, LeftOut
from producers.webhooks.social import Deed, digested, event_id, person, social_event, term, without
from schemas.rejected import Reason, Rejected

_AROUND = frozenset({"sender", "recipient", "timestamp", "hop_context", "prior_message"})
"""What is no deed by itself: between whom, when, by way of which apps."""

_NOBODYS = {
    "delivery": "message_delivery",
    "pass_thread_control": "thread_control",
    "take_thread_control": "thread_control",
    "request_thread_control": "thread_control",
    "app_roles": "thread_control",
    "policy_enforcement": "policy_enforcement",
}
"""What no customer did: that a phone received something, that apps hand a conversation over."""


def told_by_message(told: Mapping[str, Any], scene: Scene) -> Event | Rejected | LeftOut:
    """One of an entry's `messaging`: `{"sender": {…}, "recipient": {…}, "timestamp": …, "message": {…}}`."""
    sender = mapping(told.get("sender"))
    kinds = [name for name in told if name not in _AROUND]
    if not kinds:
        return Rejected(Reason.MISSING_FIELD, "$.message", "there is neither a message nor anything else in it")
    kind = next((name for name in ("message", "postback", "reaction") if name in told), kinds[0])
    if kind in _NOBODYS:
        return LeftOut(_NOBODYS[kind])
    inner = mapping(told[kind])
    if inner.get("is_echo") is True:
        return LeftOut("message_echo")
    if text(sender.get("id")) == scene.account:
        return LeftOut(term("own", kind))
    deed = Deed(
        id="",
        time=instant(told.get("timestamp")) or scene.time,
        platform=scene.platform,
        name=term(kind),
        customer=person(scene.kind, sender.get("id"), sender.get("name")),
        properties=scene.around(_properties(told, sender)),
    )
    deed = deed._replace(**_TOLD_BY[kind](inner)) if kind in _TOLD_BY else deed
    stamp = "" if "timestamp" in told else scene.stamp
    # Of a message there are later versions, edited or taken back, with the same id.
    known = text(inner.get("mid")) if deed.name in ("message", "postback") else None
    id = (
        digested(deed.name, scene.platform, scene.account, told, stamp) if known is None else event_id(deed.name, known)
    )
    if kind in _TOLD_BY and isinstance(told[kind], dict):
        text_of = {"message": "text", "postback": "title"}.get(kind, "")
        kept = without(told[kind], text_of) if isinstance(told[kind].get(text_of), str) else told[kind]
        deed = deed._replace(properties={**deed.properties, kind: kept})
    return social_event(scene.source, deed._replace(id=id))


def _properties(told: Mapping[str, Any], sender: Mapping[str, Any]) -> dict[str, Any]:
    """All that is not in the event by now."""
    who = without(sender, "id", "name")
    read = ("timestamp",) if instant(told.get("timestamp")) else ()
    return without(told, "sender", *read) | ({"sender": who} if who else {})


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    if message.get("is_deleted") is True:
        return {"name": "message.deleted", "about": text(message.get("mid"))}
    return {"action": "message", "said": text(message.get("text"))}


def _postback(postback: Mapping[str, Any]) -> dict[str, Any]:
    return {"said": text(postback.get("title"))}


def _reaction(reaction: Mapping[str, Any]) -> dict[str, Any]:
    about = {"about": text(reaction.get("mid"))}
    if reaction.get("action") == "react":
        return about | {"action": "react"}
    return about | {"name": term("reaction", reaction.get("action"))}


_TOLD_BY = {"message": _message, "postback": _postback, "reaction": _reaction}
