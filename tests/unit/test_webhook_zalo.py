"""What Zalo tells of an Official Account, as the events that it becomes."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from producers.keys import Source, hash_key
from producers.keys.webhook import Webhook
from producers.webhooks.admit_items import admit_items
from producers.webhooks.notice import LeftOut, Notice
from producers.webhooks.zalo import ZALO
from schemas.codec import read_event
from schemas.rejected import Rejected

APP, OA, LAN, SECRET = "431234567890123456", "579745863508352884", "4812209331775520043", b"oa-secret-7f3a"
WEBHOOK = Webhook(platform="zalo", secret_file="zalo.secret", app_id=APP)
SOURCE = Source("zalo-oa", hash_key("k"), webhook=WEBHOOK)
RECEIVED = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
STAMP = "1795482000123"


def notice(body: bytes, **headers: str) -> Notice:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Notice(body, named, SOURCE, WEBHOOK, (SECRET,), RECEIVED)


def told(name: str, **said: Any) -> dict[str, Any]:
    return {"app_id": APP, "user_id_by_app": "552177279717587730", "event_name": name, "timestamp": STAMP, **said}


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def made(document: Any) -> Any:
    [item] = ZALO.translate(notice(encoded(document)))
    return item.made


def mac(body: bytes, *, app: str = APP, stamp: str = STAMP, secret: bytes = SECRET) -> str:
    return hashlib.sha256(app.encode() + body + stamp.encode() + secret).hexdigest()


def user(**said: Any) -> dict[str, Any]:
    return {"sender": {"id": LAN}, "recipient": {"id": OA}, **said}


TEXT = told(
    "user_send_text", **user(message={"msg_id": "96d3cdf3af150460909", "text": "Áo này còn màu đỏ không ạ? 😍"})
)


def test_a_message_is_known_by_its_id_and_keeps_what_else_is_said() -> None:
    assert made(TEXT) == {
        "specversion": "1.0",
        "id": "user_send_text:96d3cdf3af150460909",
        "source": "/zalo/zalo-oa",
        "type": "social.interacted.v1",
        "time": "2026-11-24T01:00:00.123000+00:00",
        "data": {
            "platform": "zalo",
            "action": "message",
            "customer": {"zalo_id": LAN},
            "content": {"text": "Áo này còn màu đỏ không ạ? 😍"},
            "properties": {
                "app_id": APP,
                "user_id_by_app": "552177279717587730",
                "event_name": "user_send_text",
                "timestamp": STAMP,
                "sender": {"id": LAN},
                "recipient": {"id": OA},
                "message": {"msg_id": "96d3cdf3af150460909"},
            },
        },
    }


def test_who_leaves_name_phone_and_address_is_a_lead_that_says_them() -> None:
    info = {
        "name": "Nguyễn Thị Lan",
        "phone": 84912304556,
        "address": "182 Lê Đại Hành",
        "ward": "Phường 15",
        "district": "Quận 11",
        "city": "TP Hồ Chí Minh",
        "zodiac": "Song Ngư",
    }
    event = made(told("user_submit_info", **user(info=info)))
    assert event["data"]["action"] == "submit_lead"
    assert event["data"]["customer"] == {
        "zalo_id": LAN,
        "full_name": "Nguyễn Thị Lan",
        "phone": "84912304556",
        "address": {
            "street": "182 Lê Đại Hành",
            "ward": "Phường 15",
            "district": "Quận 11",
            "city": "TP Hồ Chí Minh",
        },
    }
    assert event["data"]["properties"]["info"] == {"zodiac": "Song Ngư"}
    assert not isinstance(read_event(event), Rejected)


@pytest.mark.parametrize(
    ("document", "what", "customer"),
    [
        (told("follow", oa_id=OA, follower={"id": LAN}, source="qr"), "follow", {"zalo_id": LAN}),
        (told("unfollow", oa_id=OA, follower={"id": LAN}), "unfollow", {"zalo_id": LAN}),
        (told("user_send_image", **user(message={"msg_id": "m", "attachments": []})), "message", {"zalo_id": LAN}),
        (told("user_send_sticker", **user(message={"msg_id": "m"})), "message", {"zalo_id": LAN}),
        (
            told("user_reacted_message", **user(message={"msg_id": "m", "react_icon": "/-heart"})),
            "react",
            {"zalo_id": LAN},
        ),
        (
            told("anonymous_send_text", sender={"id": "a-9"}, message={"msg_id": "m", "text": "Hi"}),
            "message",
            {"anonymous_id": "zalo:a-9"},
        ),
        (told("user_click_chatnow", oa_id=OA, user_id=LAN), "user_click_chatnow", {"zalo_id": LAN}),
        (
            told("user_seen_message", sender={"id": OA}, recipient={"id": LAN}, message={"msg_ids": ["m"]}),
            "user_seen_message",
            {"zalo_id": LAN},
        ),
        (told("shop_has_order", customer={"id": LAN}, order={"id": 7}), "shop_has_order", {"zalo_id": LAN}),
        (told("user_withdraw", oa_id=OA, user_id=LAN), "user_withdraw", {"zalo_id": LAN}),
        (told("user_of_tomorrow", user_id=int(LAN), depth=[{"of": 1.5}]), "user_of_tomorrow", {"zalo_id": LAN}),
    ],
)
def test_what_is_one_of_our_actions_is_one_and_all_else_keeps_its_name(
    document: dict[str, Any], what: str, customer: dict[str, str]
) -> None:
    event = made(document)
    data = event["data"]
    assert (data.get("action") or data.get("event"), data["customer"]) == (what, customer)
    assert event["type"] == ("social.interacted.v1" if "action" in data else "social.tracked.v1")
    kept = json.loads(json.dumps(data["properties"], default=float))
    said = dict(document)
    if "text" in said.get("message", {}):
        said["message"] = {name: value for name, value in said["message"].items() if name != "text"}
    assert kept == said
    assert not isinstance(read_event(event), Rejected)


@pytest.mark.parametrize(
    "name", ["oa_send_text", "oa_send_list", "oa_reacted_message", "user_received_message", "add_user_to_tag"]
)
def test_what_the_company_does_and_what_phones_confirm_is_left_out(name: str) -> None:
    assert made(told(name, sender={"id": OA}, recipient={"id": LAN}, message={"msg_id": "m"})) == LeftOut(name)


def test_what_names_nobody_is_a_letter_that_can_be_repaired() -> None:
    body = encoded(told("user_feedback", message={"note": "Tốt", "rate": 5, "tracking_id": "t-1"}))
    admission, _ = admit_items(ZALO.translate(notice(body)), source=SOURCE, request="r", now_ms=0)
    assert admission.records == ()
    assert [refusal.rejected.reason for refusal in admission.refusals] == ["no_identifier"]


def test_an_event_has_the_same_id_whenever_it_comes_and_another_one_has_another() -> None:
    follow = told("follow", oa_id=OA, follower={"id": LAN})
    [again] = ZALO.translate(notice(json.dumps(follow, indent=1, sort_keys=True).encode(), num_retry="2"))
    assert isinstance(again.made, dict)
    assert again.made["id"] == made(follow)["id"]
    assert made(follow | {"timestamp": "1795482000124"})["id"] != made(follow)["id"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"{", "not_json"),
        (b"[]", "not_an_object"),
        (b"{}", "missing_field"),
        (b'{"event_name": "follow", "timestamp": "\xff"}', "not_utf8"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_kept(body: bytes, reason: str) -> None:
    [item] = ZALO.translate(notice(body))
    assert isinstance(item.made, Rejected)
    assert (item.raw, item.made.reason) == (body, reason)


def test_the_signature_is_over_app_body_time_and_secret_whichever_way_it_is_written() -> None:
    body = encoded(TEXT)
    for header in (f"mac={mac(body)}", f"mac = {mac(body)}", mac(body), f"mac={mac(body).upper()}"):
        assert ZALO.signed(notice(body, x_zevent_signature=header))
    at_sending = mac(body, stamp="1795482000999")
    assert ZALO.signed(notice(body, x_zevent_signature=f"mac={at_sending}", x_zevent_timestamp="1795482000999"))
    without_time = encoded({name: value for name, value in TEXT.items() if name != "timestamp"})
    headers = {"x_zevent_signature": f"mac={mac(without_time)}", "x_zevent_timestamp": STAMP}
    assert ZALO.signed(notice(without_time, **headers))
    as_number = encoded(TEXT | {"timestamp": int(STAMP)})
    assert ZALO.signed(notice(as_number, x_zevent_signature=f"mac={mac(as_number)}"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_zevent_signature": ""},
        {"x_zevent_signature": "mac="},
        {"x_zevent_signature": f"mac={mac(encoded(TEXT), secret=b'another')}"},
        {"x_zevent_signature": f"mac={mac(encoded(TEXT), app='1')}"},
        {"x_zevent_signature": f"mac={mac(encoded(TEXT), stamp='1')}"},
        {"x_zevent_signature": f"mac={mac(json.dumps(TEXT).encode())}"},
        {"x_zevent_signature": f"mac={mac(encoded(TEXT))[:-1]}"},
        {"x_zevent_signature": "mac=chữ ký"},
        {"x_zevent_signature": f"mac={mac(encoded(TEXT), stamp='x')}", "x_zevent_timestamp": "x"},
    ],
)
def test_no_other_signature_is_valid(headers: dict[str, str]) -> None:
    assert not ZALO.signed(notice(encoded(TEXT), **headers))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"timestamp": {}}', b'{"timestamp": "\xff"}'])
def test_a_body_without_a_time_has_no_signature(body: bytes) -> None:
    assert not ZALO.signed(notice(body, x_zevent_signature=f"mac={mac(body)}"))
    assert not ZALO.signed(notice(body, x_zevent_signature=f"mac={mac(body, stamp='')}"))


def test_digits_moved_from_the_time_to_the_end_of_the_body_are_not_signed() -> None:
    """What is signed is one text after the other: nobody can see in it where the body ended."""
    body = encoded(TEXT)
    signed = f"mac={mac(body)}"
    for moved in range(1, len(STAMP)):
        headers = {"x_zevent_signature": signed, "x_zevent_timestamp": STAMP[moved:]}
        assert not ZALO.signed(notice(body + STAMP[:moved].encode(), **headers))


def test_a_body_is_not_read_before_it_is_known_who_sent_it() -> None:
    hostile = b'{"a":[' + b"[]," * 399_000 + b'NaN],"timestamp":"1"}'
    words = b"{ } " * 500_000
    tracemalloc.start()
    assert ZALO.probe is not None
    assert not ZALO.probe(notice(words))
    assert not ZALO.signed(notice(hostile, x_zevent_signature="mac=" + "0" * 64))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(hostile)
    assert ZALO.signed(notice(hostile, x_zevent_signature=f"mac={mac(hostile, stamp='1')}"))


def test_only_an_empty_object_without_a_signature_is_the_question_whether_somebody_is_there() -> None:
    assert ZALO.probe is not None
    assert [ZALO.probe(notice(body)) for body in (b"{}", b" { }\n", b"", b"[]", b'{"a":1}')] == [
        True,
        True,
        *[False] * 3,
    ]
    assert not ZALO.probe(notice(b"{}", x_zevent_signature="mac=0"))
