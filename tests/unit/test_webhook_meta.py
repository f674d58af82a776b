"""What Meta tells of pages, conversations, leads and Instagram, as the events that it becomes."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from producers.admit import Admission
from producers.keys import Source, hash_key
from producers.keys.webhook import Webhook
from producers.webhooks.admit_items import admit_items
from producers.webhooks.meta import META
from producers.webhooks.notice import Item, LeftOut, Notice
from schemas.codec import read_event
from schemas.rejected import Rejected

SECRET, KEY = b"c5e0a1c9a9ff4b1f8f6d", "verify-me"
WEBHOOK = Webhook(platform="meta", secret_file="meta.secret")
SOURCE = Source("fan-page", hash_key(KEY), webhook=WEBHOOK)
PAGE, LAN = "104417289051234", "6789012345678901"
RECEIVED = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
ENTRY_TIME = 1795482000  # 2026-11-24T01:00:00Z


def notice(body: bytes, **headers: str) -> Notice:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Notice(body, named, SOURCE, WEBHOOK, (SECRET,), RECEIVED)


def posted(*items: Any, name: str = "changes", of: str = "page", account: str = PAGE, at: Any = ENTRY_TIME) -> bytes:
    entry = {"id": account, "time": at, name: list(items)}
    return json.dumps({"object": of, "entry": [entry]}, ensure_ascii=False).encode()


def made(body: bytes) -> list[Any]:
    return [item.made for item in META.translate(notice(body))]


def feed(**value: Any) -> dict[str, Any]:
    return {"field": "feed", "value": {"from": {"id": LAN, "name": "Nguyễn Thị Lan"}, **value}}


COMMENT = feed(
    item="comment",
    verb="add",
    comment_id="122098_901",
    post_id=f"{PAGE}_122098",
    parent_id=f"{PAGE}_122098",
    message="Shop ơi, mẫu này còn size M không ạ? 😍",
    created_time=1795481900,
    post={"status_type": "added_photos", "is_published": True},
)


def sign(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def test_a_comment_says_who_where_and_what_and_keeps_what_else_is_said() -> None:
    [event] = made(posted(COMMENT))
    assert event == {
        "specversion": "1.0",
        "id": "comment:122098_901",
        "source": "/meta/fan-page",
        "type": "social.interacted.v1",
        "time": "2026-11-24T00:58:20+00:00",
        "data": {
            "platform": "facebook",
            "action": "comment",
            "customer": {"facebook_id": LAN, "full_name": "Nguyễn Thị Lan"},
            "content": {"id": f"{PAGE}_122098", "text": "Shop ơi, mẫu này còn size M không ạ? 😍"},
            "properties": {
                "entry": {"id": PAGE},
                "item": "comment",
                "verb": "add",
                "comment_id": "122098_901",
                "post_id": f"{PAGE}_122098",
                "parent_id": f"{PAGE}_122098",
                "created_time": 1795481900,
                "post": {"status_type": "added_photos", "is_published": True},
            },
        },
    }


@pytest.mark.parametrize(
    ("change", "what", "about"),
    [
        (feed(item="reaction", verb="add", reaction_type="love", post_id="p_1"), "react", "p_1"),
        (feed(item="reaction", verb="add", reaction_type="wow", post_id="p_1", comment_id="c_1"), "react", "c_1"),
        (feed(item="like", verb="add", post_id="p_1"), "react", "p_1"),
        (feed(item="like", verb="add"), "follow", None),
        (feed(item="like", verb="remove"), "unfollow", None),
        (feed(item="share", verb="add", share_id="s_1", post_id="p_1"), "share", "p_1"),
        (feed(item="reaction", verb="remove", reaction_type="love", post_id="p_1"), "feed.reaction.remove", "p_1"),
        (feed(item="comment", verb="edited", comment_id="c_1", message="M nhé"), "feed.comment.edited", "c_1"),
        (feed(item="post", verb="add", post_id="p_2", message="Shop bán gì vậy"), "feed.post.add", "p_2"),
        (feed(item="hologram", verb="projected"), "feed.hologram.projected", None),
        ({"field": "mention", "value": {"sender_id": LAN, "item": "post", "verb": "add"}}, "mention.post.add", None),
        (
            {"field": "ratings", "value": {"reviewer_id": LAN, "item": "rating", "verb": "add", "review_text": "Tốt"}},
            "ratings.rating.add",
            None,
        ),
        ({"field": "something_new", "value": {"user_id": int(LAN), "depth": {"of": [1, 2.50]}}}, "something_new", None),
    ],
)
def test_what_is_one_of_our_actions_is_one_and_all_else_keeps_its_name(
    change: dict[str, Any], what: str, about: str | None
) -> None:
    [event] = made(posted(change))
    data = event["data"]
    assert (data.get("action") or data.get("event"), data.get("content", {}).get("id")) == (what, about)
    assert event["type"] == ("social.interacted.v1" if "action" in data else "social.tracked.v1")
    assert data["customer"]["facebook_id"] == LAN
    assert not isinstance(read_event(event), Rejected)
    said = {name: value for name, value in change["value"].items() if name not in ("from", "message", "review_text")}
    around = {"entry": {"id": PAGE}}
    assert json.dumps(data["properties"], default=float) == json.dumps(around | said)


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (feed(item="comment", verb="add", comment_id="c_2") | {"value": {"from": {"id": PAGE}}}, "own.feed"),
        (feed(item="comment", verb="hide", comment_id="c_1"), "feed.comment.hide"),
        ({"field": "story_insights", "value": {"media_id": "7", "reach": 9}}, "story_insights"),
    ],
)
def test_what_the_company_does_is_left_out(change: dict[str, Any], label: str) -> None:
    assert made(posted(change)) == [LeftOut(label)]


LEAD = {
    "field": "leadgen",
    "value": {
        "leadgen_id": "444000111",
        "page_id": PAGE,
        "form_id": "991",
        "ad_id": "23",
        "adgroup_id": "22",
        "created_time": 1795481000,
    },
}


def admitted(body: bytes) -> Admission:
    return admit_items(META.translate(notice(body)), source=SOURCE, request="r", now_ms=0)[0]


def test_a_lead_brings_its_ids_only_and_is_kept_until_somebody_fetches_it() -> None:
    [event] = made(posted(LEAD))
    assert (event["id"], event["data"]["action"], event["data"]["customer"]) == ("lead:444000111", "submit_lead", {})
    assert event["data"]["properties"] == LEAD["value"] | {"entry": {"id": PAGE}}
    admission = admitted(posted(LEAD))
    assert admission.records == ()
    [refusal] = admission.refusals
    assert (refusal.rejected.reason, refusal.rejected.event_id) == ("no_identifier", "lead:444000111")


def message(**said: Any) -> dict[str, Any]:
    return {"sender": {"id": LAN}, "recipient": {"id": PAGE}, "timestamp": 1795481900123, **said}


def test_a_message_is_known_by_its_id() -> None:
    attached = [{"type": "image", "payload": {"url": "https://cdn.example/1.jpg"}}]
    [event] = made(
        posted(message(message={"mid": "m_aGVsbG8", "text": "Chào shop ạ", "attachments": attached}), name="messaging")
    )
    assert event == {
        "specversion": "1.0",
        "id": "message:m_aGVsbG8",
        "source": "/meta/fan-page",
        "type": "social.interacted.v1",
        "time": "2026-11-24T00:58:20.123000+00:00",
        "data": {
            "platform": "facebook",
            "action": "message",
            "customer": {"facebook_id": LAN},
            "content": {"text": "Chào shop ạ"},
            "properties": {
                "entry": {"id": PAGE},
                "recipient": {"id": PAGE},
                "message": {"mid": "m_aGVsbG8", "attachments": attached},
            },
        },
    }


@pytest.mark.parametrize(
    ("told", "what", "id_begins", "said"),
    [
        (message(postback={"mid": "m_2", "title": "Xem áo", "payload": "AO"}), "postback", "postback:m_2", "Xem áo"),
        (message(message={"mid": "m_1", "is_deleted": True}), "message.deleted", "message.deleted:", None),
        (message(reaction={"mid": "m_1", "action": "react", "emoji": "😍"}), "react", "reaction:", None),
        (message(reaction={"mid": "m_1", "action": "unreact"}), "reaction.unreact", "reaction.unreact:", None),
        (message(read={"watermark": 1795481900000}), "read", "read:", None),
        (message(referral={"ref": "thu-dong", "source": "SHORTLINK"}), "referral", "referral:", None),
        (message(optin={"type": "notification_messages"}), "optin", "optin:", None),
        (message(telepathy="…"), "telepathy", "telepathy:", None),
    ],
)
def test_what_people_do_in_a_conversation_has_the_name_that_meta_gives_it(
    told: dict[str, Any], what: str, id_begins: str, said: str | None
) -> None:
    for name in ("messaging", "standby"):
        [event] = made(posted(told, name=name))
        data = event["data"]
        assert (data.get("action") or data.get("event"), data.get("content", {}).get("text")) == (what, said)
        assert event["id"].startswith(id_begins)
        assert not isinstance(read_event(event), Rejected)


def test_the_way_that_an_item_took_between_apps_is_no_deed_of_the_customer() -> None:
    way = {"hop_context": [{"app_id": 263902037430900}], "prior_message": {"source": "checkbox_plugin"}}
    told = ({"sender": {"id": LAN}, **way, kind: {"watermark": 1}, "timestamp": 1} for kind in ("delivery", "read"))
    delivered, read = made(posted(*told, name="messaging"))
    assert delivered == LeftOut("message_delivery")
    assert read["data"]["event"] == "read"
    assert read["data"]["properties"] == way | {"read": {"watermark": 1}, "timestamp": 1, "entry": {"id": PAGE}}


@pytest.mark.parametrize(
    ("told", "label"),
    [
        (message(message={"mid": "m_9", "text": "Dạ còn ạ", "is_echo": True}), "message_echo"),
        (message(delivery={"mids": ["m_9"], "watermark": 1}), "message_delivery"),
        (message(pass_thread_control={"new_owner_app_id": 1}), "thread_control"),
        (message(message={"mid": "m_9"}) | {"sender": {"id": PAGE}}, "own.message"),
    ],
)
def test_what_the_company_writes_and_what_phones_confirm_is_left_out(told: dict[str, Any], label: str) -> None:
    assert made(posted(told, name="messaging")) == [LeftOut(label)]


def test_instagram_has_comments_messages_and_mentions() -> None:
    account, anh = "17841400234567891", "17841499999999999"
    comment = {
        "id": "179001",
        "from": {"id": anh, "username": "anh.tran"},
        "media": {"id": "7"},
        "text": "Giá bao nhiêu?",
    }
    body = posted({"field": "comments", "value": comment}, of="instagram", account=account)
    [event] = made(body)
    assert (event["id"], event["time"]) == ("comment:179001", "2026-11-24T01:00:00+00:00")
    assert event["data"] == {
        "platform": "instagram",
        "action": "comment",
        "customer": {"instagram_id": anh},
        "content": {"id": "7", "text": "Giá bao nhiêu?"},
        "properties": {
            "entry": {"id": account},
            "id": "179001",
            "media": {"id": "7"},
            "from": {"username": "anh.tran"},
        },
    }
    alone = {
        "object": "instagram",
        "entry": [{"id": account, "time": ENTRY_TIME, "field": "comments", "value": comment}],
    }
    assert made(json.dumps(alone).encode()) == made(json.dumps([alone]).encode()) == [event]
    written = {"sender": {"id": anh}, "recipient": {"id": account}, "message": {"mid": "ig_1", "text": "Hi"}}
    for name, item in (("messaging", written), ("changes", {"field": "messages", "value": written})):
        [told] = made(posted(item, name=name, of="instagram", account=account))
        assert (told["id"], told["data"]["customer"]) == ("message:ig_1", {"instagram_id": anh})
    mention = {"field": "mentions", "value": {"media_id": "7", "comment_id": "179002"}}
    [refusal] = admitted(posted(mention, of="instagram", account=account)).refusals
    assert refusal.rejected.reason == "no_identifier"


def test_an_event_has_the_same_id_whenever_and_however_its_json_comes_and_another_one_has_another() -> None:
    like, later = feed(item="like", verb="add"), {"at": ENTRY_TIME + 60}
    reacted = feed(item="reaction", verb="add", post_id="p", reaction_type="love", created_time=1795481900)
    for change in (COMMENT, like, reacted, LEAD):
        body = posted(change)
        again = json.dumps(json.loads(body), indent=2, sort_keys=True).encode()
        assert [event["id"] for event in made(body)] == [event["id"] for event in made(again)]
    assert made(posted(reacted, **later))[0]["id"] == made(posted(reacted))[0]["id"]
    assert made(posted(like, **later))[0]["id"] != made(posted(like))[0]["id"]
    assert made(posted(reacted, account="2"))[0]["id"] != made(posted(reacted))[0]["id"]


@pytest.mark.parametrize("unusable", [{"a": 1}, ["c_1"], True, " "])
def test_what_cannot_be_an_id_makes_no_two_events_one(unusable: Any) -> None:
    said = (feed(item="comment", verb="add", comment_id=unusable, message=text) for text in ("Một", "Hai"))
    one, other = made(posted(*said))
    assert one["id"] != other["id"]


@pytest.mark.parametrize("thing", ["post_id", "comment_id", "parent_id", "photo_id", "video_id"])
def test_who_likes_something_on_the_page_does_not_follow_the_page(thing: str) -> None:
    add, remove = made(posted(*(feed(item="like", verb=verb, **{thing: "1"}) for verb in ("add", "remove"))))
    assert add["data"]["action"] == "react"
    assert remove["data"]["event"] == "feed.like.remove"


def test_what_stands_around_an_item_is_kept_beside_it() -> None:
    sender = {"id": LAN, "user_ref": "checkbox-17"}
    entry = {
        "id": PAGE,
        "time": ENTRY_TIME,
        "uid": PAGE,
        "changes": [feed(item="like", verb="add")],
        "messaging": [message(optin={"ref": "x"}) | {"sender": sender, "timestamp": "yesterday"}],
    }
    followed, opted = made(json.dumps({"object": "page", "entry": [entry]}).encode())
    assert followed["data"]["properties"] == {"item": "like", "verb": "add", "entry": {"id": PAGE, "uid": PAGE}}
    assert opted["data"]["properties"] == {
        "recipient": {"id": PAGE},
        "optin": {"ref": "x"},
        "sender": {"user_ref": "checkbox-17"},
        "timestamp": "yesterday",
        "entry": {"id": PAGE, "uid": PAGE},
    }


@pytest.mark.parametrize("bad", [rb'"\ud83d":1', rb'"a\u0000":1', rb'"uid":"\ud83d"', b'"\xff":1', b'"uid":[NaN]'])
def test_what_cannot_be_read_around_an_item_does_not_spoil_it(bad: bytes) -> None:
    like = json.dumps(feed(item="like", verb="add")).encode()
    body = b'{"entry": [{"id": "%s", %s, "changes": [%s]}]}' % (PAGE.encode(), bad, like)
    admission = admitted(body)
    assert admission.refusals == ()
    [record] = admission.records
    assert json.loads(record.value)["data"]["properties"]["entry"] == {"id": PAGE}


def test_a_list_that_is_none_is_refused_beside_one_that_is() -> None:
    entry = {"id": PAGE, "time": ENTRY_TIME, "changes": [COMMENT], "messaging": {"sender": {"id": LAN}}}
    comment, refused = META.translate(notice(json.dumps({"entry": [entry]}).encode()))
    assert isinstance(comment.made, dict)
    assert isinstance(refused.made, Rejected)
    assert (refused.made.reason, refused.made.path) == ("wrong_type", "$.messaging")
    assert json.loads(refused.raw) == entry


def test_an_id_too_long_becomes_a_digest_and_a_text_too_long_is_kept_whole() -> None:
    [event] = made(posted(feed(item="comment", verb="add", comment_id="c" * 300, message="ơi " * 5_000)))
    assert len(event["id"]) == len("comment:") + 32
    assert len(event["data"]["content"]["text"]) == 10_000
    assert event["data"]["properties"]["text"] == "ơi " * 5_000
    assert not isinstance(read_event(event), Rejected)


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b"", ["empty"]),
        (b"{", ["not_json"]),
        (b'"page"', ["not_an_object"]),
        (b"{}", ["missing_field"]),
        (b'{"object": "page", "entry": {}}', ["missing_field"]),
        (b'{"object": "page", "entry": []}', []),
        (b'{"object": "page", "entry": [7, {}]}', ["not_an_object", "missing_field"]),
        (b'{"object": "page", "entry": [{"changes": [7, {}], "messaging": []}]}', ["not_an_object", "missing_field"]),
        (b'{"entry": [{"messaging": [{"sender": {"id": "1"}}, {"message": 3}]}]}', ["missing_field", None]),
        (rb'{"entry": [{"changes": [{"field": "\ud83d"}, {"field": "x"}]}]}', ["not_utf8", None]),
        (rb'{"entry": [{"changes": [{"field": "x\u0000"}, {"field": "x"}]}]}', ["nul_character", None]),
        (b'{"entry": [{"changes": [{"field": "\xff"}, {"field": "x"}]}]}', ["not_utf8", None]),
        (b'{"entry": [{"changes": [{"field": NaN}, {"field": "x"}]}]}', ["number_out_of_range", None]),
    ],
)
def test_a_bad_item_is_refused_by_itself(body: bytes, reasons: list[str | None]) -> None:
    told = [each.reason.value if isinstance(each, Rejected) else None for each in made(body)]
    assert told == reasons


def test_a_notice_of_more_items_than_meta_sends_is_one_letter() -> None:
    body = posted(*[7] * 5_001)
    [item] = META.translate(notice(body))
    assert isinstance(item.made, Rejected)
    assert (item.raw, item.made.reason) == (body, "too_large")
    assert len(META.translate(notice(posted(*[7] * 5_000)))) == 5_000


def test_the_signature_is_over_the_bytes_with_any_secret_of_the_file() -> None:
    body = posted(COMMENT)
    assert META.signed(notice(body, x_hub_signature_256=sign(body)))
    both = notice(body, x_hub_signature_256=sign(body))._replace(secrets=(b"the new one", SECRET))
    assert META.signed(both)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        sign(posted(COMMENT)).removeprefix("sha256="),
        sign(posted(COMMENT)).replace("sha256", "sha1"),
        sign(posted(COMMENT), b"another secret"),
        sign(json.dumps(json.loads(posted(COMMENT))).encode()),
        sign(posted(COMMENT))[:-1],
        "sha256=chữ ký",
    ],
)
def test_no_other_signature_is_valid(header: str | None) -> None:
    headers = {} if header is None else {"x_hub_signature_256": header}
    assert not META.signed(notice(posted(COMMENT), **headers))
    assert not META.signed(notice(posted(COMMENT), x_hub_signature_256=sign(posted(COMMENT)))._replace(secrets=()))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": KEY, "hub.challenge": "1158201444"}, "1158201444"),
        ({"hub.mode": "unsubscribe", "hub.verify_token": KEY, "hub.challenge": "1"}, None),
        ({"hub.mode": "subscribe", "hub.verify_token": KEY + "x", "hub.challenge": "1"}, None),
        ({"hub.mode": "subscribe", "hub.challenge": "1"}, None),
        ({"hub.mode": "subscribe", "hub.verify_token": KEY}, None),
        ({"hub.mode": "subscribe", "hub.verify_token": KEY, "hub.challenge": "1" * 2_000}, None),
        ({}, None),
    ],
)
def test_the_challenge_is_answered_to_who_knows_the_access_key(asked: dict[str, str], answer: str | None) -> None:
    assert META.challenge is not None
    assert META.challenge(asked, SOURCE) == answer


def test_a_mistake_of_ours_costs_one_item_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any) -> Any:
        raise LookupError("Nguyễn Thị Lan")

    monkeypatch.setattr("producers.webhooks.meta_changes._what", fails)
    body = json.dumps(
        {"entry": [{"changes": [COMMENT], "messaging": [message(message={"mid": "m_1"})], "time": ENTRY_TIME}]}
    ).encode()
    refused, written = META.translate(notice(body))
    assert isinstance(refused, Item)
    assert isinstance(refused.made, Rejected)
    assert refused.raw == json.dumps(COMMENT).encode()
    assert isinstance(written.made, dict)
    assert "LookupError" in caplog.text
    assert "Lan" not in caplog.text
