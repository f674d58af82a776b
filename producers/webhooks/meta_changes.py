"""The changes that Meta tells of: comments, reactions, likes, shares, mentions, recommendations, leads.

Their fields: developers.facebook.com/docs/graph-api/webhooks/reference/page and …/reference/instagram.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from producers.segment_api.values import first, instant, mapping, text
from producers.webhooks.meta_messages import told_by_message
from producers.webhooks.meta_scene import Scene
from producers.webhooks.notice import Event, LeftOut
from producers.webhooks.social import Deed, digested, event_id, person, social_event, term, without
from schemas.rejected import Reason, Rejected


class _Rule(NamedTuple):
    """`ids` name the field that identifies it for ever, the first that is there; without one, all that it says does."""

    action: str
    ids: tuple[str, ...] = ()


_RULES: dict[str, _Rule] = {
    "feed.comment.add": _Rule("comment", ("comment_id",)),
    "feed.reaction.add": _Rule("react"),
    "feed.like.add": _Rule("react"),
    "feed.share.add": _Rule("share", ("share_id", "post_id")),
    "comments": _Rule("comment", ("id",)),
    "live_comments": _Rule("comment", ("id",)),
    "leadgen": _Rule("submit_lead", ("leadgen_id",)),
}
"""What is one of our actions, by its name. All else keeps the name that it has at Meta."""

_OF_THE_PAGE = {"feed.like.add": "follow", "feed.like.remove": "unfollow"}
_THINGS = ("post_id", "comment_id", "parent_id", "photo_id", "video_id")
"""A like that names none of these is one of the page itself."""

_MODERATION = frozenset({"hide", "unhide", "block", "unblock", "mute"})
"""What the company does with what a customer wrote: Meta names the customer all the same."""

_NOBODYS = frozenset({"story_insights"})
"""Figures."""

_PEOPLE = ("from", "sender", "user")
_IDS_OF_PEOPLE = ("sender_id", "user_id", "reviewer_id")
_NAMES_OF_PEOPLE = ("sender_name", "user_name", "reviewer_name")
_ABOUT = ("comment_id", "post_id", "media_id", "open_graph_story_id", "form_id")
_SAID = ("message", "text", "review_text")


def told_by_change(change: Mapping[str, Any], scene: Scene) -> Event | Rejected | LeftOut:
    """One of an entry's `changes`: `{"field": "feed", "value": {…}}`."""
    field, value = text(change.get("field")), mapping(change.get("value"))
    if field is None:
        return Rejected(Reason.MISSING_FIELD, "$.field", "a change of Meta names its field")
    if mapping(value.get("sender")) and mapping(value.get("recipient")):
        return told_by_message(value, scene)
    name = term(field, value.get("item"), value.get("verb"))
    customer = _customer(value, scene)
    if field in _NOBODYS or text(value.get("verb")) in _MODERATION:
        return LeftOut(name)
    if customer.get(scene.kind) == scene.account:
        return LeftOut(term("own", field))
    action, id = _what(name, value, change, scene)
    said = first(value, _SAID)
    if not isinstance(said, str):
        said = None
    return social_event(
        scene.source,
        Deed(
            id=id,
            time=instant(value.get("created_time")) or scene.time,
            platform=scene.platform,
            name=name,
            customer=customer,
            action=action,
            about=_about(action, value),
            said=said,
            properties=scene.around(_properties(change, value, said)),
        ),
    )


def _what(name: str, value: Mapping[str, Any], change: Mapping[str, Any], scene: Scene) -> tuple[str | None, str]:
    rule = _RULES.get(name)
    action = rule and rule.action
    if name in _OF_THE_PAGE and not any(thing in value for thing in _THINGS):
        action = _OF_THE_PAGE[name]
    known = next((id for each in rule.ids if (id := text(value.get(each)))), None) if rule else None
    if known is not None and action == "share":
        return action, event_id("share", known, _customer(value, scene).get(scene.kind))
    if known is not None and action is not None:
        return action, event_id("lead" if action == "submit_lead" else action, known)
    stamp = "" if "created_time" in value else scene.stamp
    return action, digested(action or name, scene.platform, scene.account, change, stamp)


def _customer(value: Mapping[str, Any], scene: Scene) -> dict[str, str]:
    for name in _PEOPLE:
        who = mapping(value.get(name))
        if text(who.get("id")) is not None:
            return person(scene.kind, who["id"], who.get("name"))
    return person(scene.kind, first(value, _IDS_OF_PEOPLE), first(value, _NAMES_OF_PEOPLE))


def _about(action: str | None, value: Mapping[str, Any]) -> str | None:
    """A comment is about the post under which it stands, all else about the narrowest thing that it names."""
    if action == "comment":
        return text(value.get("post_id")) or text(mapping(value.get("media")).get("id"))
    return text(first(value, _ABOUT))


def _properties(change: Mapping[str, Any], value: Mapping[str, Any], said: str | None) -> dict[str, Any]:
    """All that is not in the event by now."""
    if not isinstance(change.get("value"), dict):
        return without(change)
    kept = without(value, *(name for name in _SAID if said is not None and value.get(name) == said))
    who = without(mapping(value.get("from")), "id", "name")
    return without(kept, "from") | ({"from": who} if who else {}) | without(change, "field", "value")
