"""Laws of the webhooks: whatever a platform sends, nothing raises, every item is accepted, kept as a letter, or left out; and an
event has one id, however its JSON is written and whatever comes beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from producers.keys import Source, hash_key
from producers.keys.webhook import Webhook
from producers.segment_api.values import instant
from producers.webhooks.admit_items import admit_items
from producers.webhooks.cut import members
from producers.webhooks.meta import META
from producers.webhooks.notice import Item, LeftOut, Notice, Platform
from producers.webhooks.zalo import ZALO
from schemas.rejected import DeadLetter, Rejected
from tests.unit.test_webhook_meta import COMMENT, LEAD, PAGE, message
from tests.unit.test_webhook_zalo import TEXT, told

WEBHOOK = Webhook(platform="zalo", secret_file="secret", app_id="1")
SOURCE = Source("hook", hash_key("k"), webhook=WEBHOOK)
RECEIVED = datetime(2026, 11, 24, tzinfo=UTC)

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["\ud83d", "a\x00b", "Áo đỏ 😍", PAGE, "9" * 25, "1795482000"]),
    st.text(st.characters(codec="utf-8"), min_size=190, max_size=310),
)
NAMES = st.sampled_from(
    (
        *("object", "entry", "id", "time", "changes", "messaging", "standby", "field", "value"),
        *("item", "verb", "from", "name", "sender", "recipient", "timestamp", "message", "mid"),
        *("text", "postback", "reaction", "read", "is_echo", "post_id", "comment_id", "created_time", "event_name"),
        *("app_id", "user_id", "follower", "info", "phone", "msg_id", "media"),
    )
)
WORDS = st.sampled_from(["page", "instagram", "feed", "comment", "add", "remove", "like", "follow", "user_send_text"])
NUMBERS = st.one_of(
    st.integers(), st.integers(-(10**30), 10**30), st.floats(), st.sampled_from([1795482000, 1795482000123])
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, WORDS)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(NAMES, TEXTS), inner, max_size=6)),
    max_leaves=25,
)


def changed(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A real item, of which some members are something else, or gone, or new."""
    return st.dictionaries(st.one_of(st.sampled_from(sorted(document)), NAMES), VALUES, max_size=4).map(
        lambda other: document | other
    )


def change(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        changed(document), changed(document["value"]).map(lambda value: {"field": document["field"], "value": value})
    )


NO_JSON = (b'"\xff"', rb'{"field": "\ud83d"}', b'{"field": "a\tb"}', b"[NaN]")

CHANGES = st.one_of(change(COMMENT), change(LEAD), VALUES)
MESSAGES = st.one_of(
    changed(message(message={"mid": "m_1", "text": "Chào"})),
    changed({"mid": "m_1", "text": "Chào", "is_echo": False}).map(lambda inner: message(message=inner)),
    VALUES,
)
ENTRIES = st.one_of(
    st.fixed_dictionaries(
        {"id": st.just(PAGE), "time": SCALARS},
        optional={
            "changes": st.lists(CHANGES, max_size=3),
            "messaging": st.lists(MESSAGES, max_size=3),
            "field": SCALARS,
            "value": VALUES,
        },
    ),
    VALUES,
)
META_BODIES = st.one_of(
    st.fixed_dictionaries({"object": SCALARS, "entry": st.one_of(st.lists(ENTRIES, max_size=3), VALUES)}), VALUES
)
ZALO_BODIES = st.one_of(changed(TEXT), changed(told("user_submit_info", info={"phone": "84912304556"})), VALUES)


def encoded(value: Any, ascii: bool) -> bytes:
    return json.dumps(value, ensure_ascii=ascii).encode("utf-8", "surrogatepass")


BODIES = {
    "meta": st.one_of(st.binary(max_size=80), st.builds(encoded, META_BODIES, st.booleans())),
    "zalo": st.one_of(st.binary(max_size=80), st.builds(encoded, ZALO_BODIES, st.booleans())),
}
PLATFORMS = {"meta": META, "zalo": ZALO}


def notice(body: bytes, **headers: str) -> Notice:
    return Notice(body, headers, SOURCE, WEBHOOK, (b"secret",), RECEIVED)


def every_item_has_one_fate(platform: Platform, body: bytes) -> None:
    assert not platform.signed(notice(body))
    items = platform.translate(notice(body))
    assert all(isinstance(item, Item) for item in items)
    admission, left_out = admit_items(items, source=SOURCE, request="r", now_ms=0)
    assert len(admission.records) + len(admission.refusals) + left_out.total() == len(items)
    assert left_out.total() == sum(isinstance(item.made, LeftOut) for item in items)
    assert not any("cannot be read here" in refusal.rejected.message for refusal in admission.refusals)
    for refusal in admission.refusals:
        letter = msgspec.json.decode(refusal.letter.value, type=DeadLetter)
        made = items[refusal.index].made
        assert letter.reason == refusal.rejected.reason.value
        assert letter.payload_bytes() == items[refusal.index].raw or not isinstance(made, Rejected)


@pytest.mark.parametrize("name", PLATFORMS)
def test_nothing_raises_and_every_item_has_one_fate(name: str) -> None:
    @settings(max_examples=500)
    @given(BODIES[name])
    def law(body: bytes) -> None:
        every_item_has_one_fate(PLATFORMS[name], body)

    law()


@settings(max_examples=200)
@given(st.lists(CHANGES, max_size=4), st.lists(CHANGES, max_size=4))
def test_what_comes_beside_an_item_changes_nothing_of_it(ones: list[Any], others: list[Any]) -> None:
    def made(changes: list[Any]) -> list[str]:
        body = json.dumps({"object": "page", "entry": [{"id": PAGE, "time": 1795482000, "changes": changes}]}).encode()
        return [repr(item.made) for item in META.translate(notice(body))]

    assert made(ones + others) == made(ones) + made(others)


@settings(max_examples=200)
@given(st.lists(CHANGES, max_size=4), st.sampled_from(NO_JSON), st.booleans())
@example([{"field": "x", "value": {"user_id": "1", "depth": 2.5}}], b'"\xff"', True)
def test_what_is_no_json_spoils_nothing_beside_it(changes: list[Any], bad: bytes, spaced: bool) -> None:
    """Not even its id, which may be a digest of all that was said: every number is as it came."""
    ones = [json.dumps(change).replace("2.5", "2.50").encode() for change in changes]

    def items(*changes: bytes) -> list[Item]:
        body = b'{"object": "page", "entry": [{"id": "7", "time": 1795482000, "changes": [%s]}]}' % b", ".join(changes)
        return META.translate(notice(body + b"\n" * spaced))

    *kept, refused = items(*ones, bad)
    assert list(map(repr, kept)) == list(map(repr, items(*ones)))
    assert isinstance(refused.made, Rejected)
    assert refused.raw == bad


@settings(max_examples=200)
@given(st.datetimes(datetime(2017, 11, 18), datetime(2100, 1, 1)))
@example(datetime(2027, 1, 27, 12, 0, 31, 234_000))
def test_a_time_in_milliseconds_is_the_same_as_text_and_as_a_number(time: datetime) -> None:
    """Some of these texts, such as 1801051231234, could be read as the calendar's: the 12th of May 1801."""
    ms = int(time.replace(tzinfo=UTC).timestamp()) * 1_000 + time.microsecond // 1_000
    assert instant(str(ms)) == instant(ms) == datetime.fromtimestamp(ms / 1_000, UTC)


@settings(max_examples=200)
@given(BODIES["zalo"], st.text(max_size=70))
def test_nothing_raises_over_a_signature(body: bytes, signature: str) -> None:
    for platform in PLATFORMS.values():
        assert not platform.signed(
            notice(
                body,
                **{"x-hub-signature-256": signature, "x-zevent-signature": signature, "x-zevent-timestamp": signature},
            )
        )
    members(body)
