"""Meta: what happens on pages of Facebook, in Messenger, on Instagram, and with lead ads.

Meta sends `{"object": "page", "entry": [{"id": PAGE, "time": …, "changes": […], "messaging": […]}]}`, at most 1,000 changes at
once, and signs the bytes with the app's secret. It sends again, for up to 36 hours, what is not answered 200; and asks once, by
GET, whether the address is ours (developers.facebook.com/docs/graph-api/webhooks/getting-started).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from producers.keys import Source, hash_key
from producers.request.batch import BOM
from producers.segment_api.values import instant, text
from producers.webhooks.cut import elements, item, members, plain
from producers.webhooks.meta_changes import told_by_change
from producers.webhooks.meta_messages import told_by_message
from producers.webhooks.meta_scene import Scene
from producers.webhooks.notice import Item, Notice, Platform
from schemas.rejected import Reason, Rejected

_SCHEME = "sha256="
_LONGEST_CHALLENGE = 1_000
_MOST_ITEMS = 5_000
_LONGEST_AROUND = 2_000


def _signed(notice: Notice) -> bool:
    given = notice.headers.get("x-hub-signature-256", "").strip()
    if not given:
        return False
    made = [_SCHEME + hmac.new(secret, notice.body, hashlib.sha256).hexdigest() for secret in notice.secrets]
    return any(hmac.compare_digest(given.encode(), each.encode()) for each in made)


def _challenge(asked: Mapping[str, str], source: Source) -> str | None:
    """The challenge, for who knows the source's access key: it is what was typed in as the verify token."""
    known = source.opened_by(hash_key(asked.get("hub.verify_token", "")))
    challenge = asked.get("hub.challenge", "")
    if not known or asked.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= _LONGEST_CHALLENGE:
        return None
    return challenge


_PLATFORMS = {"instagram": "instagram"}
"""The `object` of a notice → the platform; all others are Facebook's."""

_LISTS = {"changes": told_by_change, "messaging": told_by_message, "standby": told_by_message}
"""Where an entry has its items. Standby are messages that another app answers."""


def _translate(notice: Notice) -> list[Item]:
    body = notice.body.removeprefix(BOM).strip()
    items = (each for whole in elements(body) or [body] for each in _items(whole, notice))
    found = list(islice(items, _MOST_ITEMS + 1))
    if len(found) > _MOST_ITEMS:
        return [Item(body, Rejected(Reason.TOO_LARGE, "$", f"a notice has at most {_MOST_ITEMS} items"))]
    return found


def _items(whole: bytes, notice: Notice) -> Iterator[Item]:
    opened = members(whole)
    if isinstance(opened, Rejected):
        yield Item(whole, opened)
        return
    entries = elements(opened.get("entry", b""))
    if entries is None:
        yield Item(whole, Rejected(Reason.MISSING_FIELD, "$.entry", "a notice of Meta has its entries in `entry`"))
        return
    kind = text(plain(opened.get("object"))) or "page"
    for raw in entries:
        entry = members(raw)
        if isinstance(entry, Rejected):
            yield Item(raw, entry)
        else:
            yield from _items_of_entry(raw, entry, kind, notice)


def _items_of_entry(raw: bytes, entry: dict[str, bytes], kind: str, notice: Notice) -> Iterator[Item]:
    moment = plain(entry.get("time"))
    scene = Scene(
        source=f"/meta/{notice.source.name}",
        platform=_PLATFORMS.get(kind, "facebook"),
        account=text(plain(entry.get("id"))) or "",
        stamp=text(moment) or "",
        time=instant(moment) or notice.received,
        entry=_around(entry),
    )
    found = False
    for name, told_by in _LISTS.items():
        items = elements(entry.get(name, b""))
        for one in items or ():
            yield item(one, lambda document, told_by=told_by: told_by(document, scene))  # type: ignore[misc]
        if items is None and name in entry:
            yield Item(raw, Rejected(Reason.WRONG_TYPE, f"$.{name}", f"`{name}` is a list of items"))
        found = found or name in entry
    if "field" in entry:  # Instagram, where the app signs people in by itself, has one change and no list
        change = msgspec.json.encode({name: msgspec.Raw(entry[name]) for name in ("field", "value") if name in entry})
        yield item(change, lambda document: told_by_change(document, scene))
    elif not found:
        lists = ", ".join(_LISTS)
        yield Item(
            raw, Rejected(Reason.MISSING_FIELD, "$.changes", f"an entry of Meta has its items in one of {lists}")
        )


def _around(entry: Mapping[str, bytes]) -> dict[str, Any]:
    """What of an entry is kept with each of its items: all that is none and can be read, when it is short, else its id."""
    kept = {name: raw for name, raw in entry.items() if name not in (*_LISTS, "time", "field", "value")}
    if sum(len(name) + len(raw) for name, raw in kept.items()) > _LONGEST_AROUND:
        kept = {name: raw for name, raw in kept.items() if name == "id" and len(raw) <= _LONGEST_AROUND}
    readable = (plain(b"{%s:%s}" % (json.dumps(name).encode(), raw)) for name, raw in kept.items())
    return {name: value for one in readable if one is not None for name, value in one.items()}


META = Platform(_signed, _translate, _challenge)
