"""Webhooks at a collector as a process, against a real Kafka: what platforms are answered, and what arrives."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import msgspec
import pytest
import yaml

from ops.local.child import Child
from producers.webhooks.__main__ import add_webhook
from schemas.rejected import DeadLetter
from schemas.topics import REJECTED
from tests.crash.stream import Servers, stream
from tests.integration.running_collector import RunningCollector, running_collector
from tests.integration.test_spool import until
from tests.topic_reader import cloud_events, records

pytestmark = pytest.mark.integration

APP, OA, PAGE = "431234567890123456", "579745863508352884", "104417289051234"
META_SECRET, ZALO_SECRET = "meta-7d1f0c2b9a", "oa-5e4d3c2b1a"
ZALO_LIMIT_SECONDS = 2.0
VIETNAMESE = "Áo dài này còn size M không ạ? Giá bao nhiêu vậy shop 😍"


class Hooks(NamedTuple):
    """A collector with a webhook of each platform, and their access keys."""

    collector: RunningCollector
    meta_key: str
    zalo_key: str

    @property
    def url(self) -> str:
        return self.collector.url

    def post(self, name: str, body: bytes, headers: dict[str, str], timeout: float = 20) -> httpx.Response:
        headers = {"Content-Type": "application/json"} | headers
        return httpx.post(f"{self.url}/v1/hooks/{name}", content=body, headers=headers, timeout=timeout)

    def meta(self, body: bytes) -> httpx.Response:
        return self.post("fan-page", body, meta_signature(body))

    def zalo(self, body: bytes, timeout: float = 20) -> httpx.Response:
        return self.post("zalo-oa", body, zalo_signature(body), timeout)


def with_hooks(collector: RunningCollector) -> Hooks:
    meta = add_webhook(collector.keys, "fan-page", "meta", META_SECRET)
    zalo = add_webhook(collector.keys, "zalo-oa", "zalo", ZALO_SECRET, APP)
    hooks = Hooks(collector, meta, zalo)
    until(lambda: httpx.get(f"{collector.url}/v1/hooks/zalo-oa").status_code == 200)
    return hooks


@pytest.fixture(scope="module")
def hooks(collector: RunningCollector) -> Hooks:
    return with_hooks(collector)


def meta_signature(body: bytes, secret: str = META_SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def zalo_signature(body: bytes, secret: str = ZALO_SECRET) -> dict[str, str]:
    stamp = str(json.loads(body).get("timestamp", ""))
    return {
        "X-ZEvent-Signature": f"mac={hashlib.sha256(APP.encode() + body + stamp.encode() + secret.encode()).hexdigest()}"
    }


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def comment(id_: str, **said: Any) -> dict[str, Any]:
    value = {"item": "comment", "verb": "add", "comment_id": id_, "message": VIETNAMESE, "created_time": 1795000000}
    return {"field": "feed", "value": {"from": {"id": "6789012345678901", "name": "Nguyễn Thị Lan"}} | value | said}


def posted(*changes: Any, **lists: Any) -> bytes:
    entry = {"id": PAGE, "time": 1795000000, "changes": list(changes)} | lists
    return encoded({"object": "page", "entry": [entry]})


def written(id_: str, user: str = "4812209331775520043", name: str = "user_send_text", **said: Any) -> bytes:
    told = {
        "app_id": APP,
        "event_name": name,
        "timestamp": "1794990000000",
        "sender": {"id": user},
        "recipient": {"id": OA},
        "message": {"msg_id": id_, "text": VIETNAMESE},
    }
    return encoded(told | said)


def kept(kafka: str, *ids: str) -> list[dict[str, Any]]:
    return [event for event in cloud_events(kafka, "events.social") if event["id"].rpartition(":")[2] in ids]


def said(event: dict[str, Any]) -> tuple[str, str, dict[str, str], str | None]:
    data = event["data"]
    return (
        event["source"],
        data.get("action") or data.get("event"),
        data["customer"],
        data.get("content", {}).get("text"),
    )


def accepted(count: int, rejected: int = 0, left_out: int = 0) -> tuple[int, int, int, int]:
    return 200, count, rejected, left_out


def told(answered: httpx.Response) -> tuple[int, int, int, int]:
    answer = answered.json()
    return answered.status_code, answer["accepted"], len(answer["rejected"]), answer["left_out"]


def test_meta_asks_whether_the_address_is_ours_and_has_its_challenge_back(hooks: Hooks) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": hooks.meta_key}
    address = f"{hooks.url}/v1/hooks/fan-page"
    answered = httpx.get(address, params=asked)
    assert (answered.status_code, answered.text) == (200, "1158201444")
    assert answered.headers["content-type"].startswith("text/plain")
    for wrong in ({"hub.verify_token": "guess"}, {"hub.verify_token": hooks.zalo_key}, {"hub.mode": "x"}):
        answered = httpx.get(address, params=asked | wrong)
        assert (answered.status_code, answered.json()["code"]) == (403, "wrong_token")
    assert httpx.get(address).status_code == 403


def test_what_is_signed_is_in_kafka_when_it_is_answered_and_a_bad_item_holds_nothing_up(
    kafka: str, hooks: Hooks
) -> None:
    first, second, message, lead, zalo = (uuid4().hex for _ in range(5))
    chat = {"sender": {"id": "6789012345678901"}, "recipient": {"id": PAGE}, "timestamp": 1795000000123}
    body = posted(
        comment(first),
        7,
        {"field": "leadgen", "value": {"leadgen_id": lead, "form_id": "1", "created_time": 1795000000}},
        comment(second),
        messaging=[
            chat | {"message": {"mid": message, "text": VIETNAMESE}},
            chat | {"message": {"mid": message, "text": "Dạ còn ạ", "is_echo": True}},
        ],
    )
    assert told(hooks.meta(body)) == accepted(3, rejected=2, left_out=1)
    assert told(hooks.zalo(written(zalo))) == accepted(1)
    lan = {"facebook_id": "6789012345678901"}
    named = lan | {"full_name": "Nguyễn Thị Lan"}
    assert sorted(map(repr, map(said, kept(kafka, first, second, message, zalo)))) == sorted(
        map(
            repr,
            [
                ("/meta/fan-page", "comment", named, VIETNAMESE),
                ("/meta/fan-page", "comment", named, VIETNAMESE),
                ("/meta/fan-page", "message", lan, VIETNAMESE),
                ("/zalo/zalo-oa", "message", {"zalo_id": "4812209331775520043"}, VIETNAMESE),
            ],
        )
    )
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records(kafka, REJECTED)]
    [letter] = [letter for letter in letters if letter.event_id == f"lead:{lead}"]
    assert (letter.reason, letter.topic, letter.source) == ("no_identifier", "events.social", "/meta/fan-page")
    assert json.loads(letter.payload_bytes())["data"]["properties"]["form_id"] == "1"
    metrics = httpx.get(hooks.url + "/metrics").text
    assert 'portrait_collector_left_out_total{source="fan-page",what="message_echo"} 1.0' in metrics


def test_what_is_not_signed_by_the_secret_never_reaches_kafka(kafka: str, hooks: Hooks) -> None:
    meta, zalo = uuid4().hex, uuid4().hex
    ours, theirs = posted(comment(meta)), written(zalo)
    tries: list[tuple[str, bytes, dict[str, str]]] = [
        ("fan-page", ours, {}),
        ("fan-page", ours, {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
        ("fan-page", ours, meta_signature(ours, "another secret")),
        ("fan-page", ours, meta_signature(json.dumps(json.loads(ours)).encode())),
        ("fan-page", ours + b" ", meta_signature(ours)),
        ("fan-page", ours, {"Authorization": f"Bearer {hooks.meta_key}"}),
        ("zalo-oa", theirs, {}),
        ("zalo-oa", theirs, zalo_signature(theirs, "another secret")),
        ("zalo-oa", theirs, zalo_signature(json.dumps(json.loads(theirs)).encode())),
        ("zalo-oa", theirs, meta_signature(theirs, ZALO_SECRET)),
        ("zalo-oa", b"", {}),
    ]
    for name, body, headers in tries:
        answered = hooks.post(name, body, headers)
        assert (answered.status_code, answered.json()["code"]) == (401, "bad_signature")
    refused = 'portrait_collector_request_seconds_count{source="zalo-oa",status="401"} 5.0'
    assert refused in httpx.get(hooks.url + "/metrics").text
    assert kept(kafka, meta, zalo) == []
    assert not any(meta.encode() in record.value for record in records(kafka, REJECTED))
    assert told(hooks.post("zalo-oa", b"{}", {})) == accepted(0)


def test_the_key_of_a_webhook_opens_no_other_door_and_no_other_source_is_a_webhook(hooks: Hooks) -> None:
    for key in (hooks.meta_key, hooks.zalo_key):
        assert httpx.post(f"{hooks.url}/v1/events", headers={"Authorization": f"Bearer {key}"}).status_code == 401
        assert httpx.post(f"{hooks.url}/v1/track", json={"writeKey": key}).status_code == 401
    for name in ("tests", "nobody", "..", "%00"):
        answered = httpx.post(f"{hooks.url}/v1/hooks/{name}", content=b"{}")
        assert (answered.status_code, answered.json()["code"]) == (404, "not_found")
        assert httpx.get(f"{hooks.url}/v1/hooks/{name}").status_code == 404
    body = b"x" * (2 * 1024 * 1024 + 1)
    assert hooks.meta(body).status_code == 413


def test_a_signed_body_that_cannot_be_read_is_kept_whole(kafka: str, hooks: Hooks) -> None:
    mark = uuid4().hex
    body = b'{"entry": [' + mark.encode()
    assert told(hooks.meta(body)) == accepted(0, rejected=1)
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records(kafka, REJECTED)]
    assert [letter.reason for letter in letters if letter.payload_bytes() == body] == ["not_json"]


def test_a_secret_that_cannot_be_read_stops_its_webhook_and_no_other(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector:
        hooks = with_hooks(collector)
        body = posted(comment(uuid4().hex))
        secret = collector.keys.with_name("fan-page.secret")
        secret.chmod(0o644)
        answered = hooks.meta(body)
        assert (answered.status_code, answered.json()["code"]) == (503, "unavailable")
        assert told(hooks.zalo(written(uuid4().hex))) == accepted(1)
        assert "fan-page.secret may be read by others" in collector.log.read_text()
        secret.write_text("the next one\n" + META_SECRET)
        secret.chmod(0o600)
        assert told(hooks.meta(body)) == accepted(1)
        assert told(hooks.post("fan-page", body, meta_signature(body, "the next one"))) == accepted(1)
        secret.write_text("the next one\n")
        assert hooks.meta(body).status_code == 401
        entries = yaml.safe_load(collector.keys.read_text())
        for entry in entries["sources"]:
            entry["disabled"] = entry["name"] == "zalo-oa"
        collector.keys.write_text(yaml.safe_dump(entries))
        until(lambda: hooks.zalo(written(uuid4().hex)).status_code == 404)
        assert META_SECRET not in collector.log.read_text()


@pytest.mark.crash
def test_zalo_is_answered_in_its_time_when_kafka_stops_answering(
    breakable_kafka: tuple[Child, str], tmp_path: Path
) -> None:
    broker, address = breakable_kafka
    with running_collector(address, tmp_path) as collector:
        hooks = with_hooks(collector)
        ids = [uuid4().hex for _ in range(20)]
        assert told(hooks.zalo(written(ids[0]))) == accepted(1)
        broker.freeze()
        answers, longest = [], 0.0
        for each in ids[1:]:
            begun = time.monotonic()
            answers.append(hooks.zalo(written(each), timeout=ZALO_LIMIT_SECONDS))
            longest = max(longest, time.monotonic() - begun)
        print(f"the longest answer took {longest:.2f} s")  # for the docs: pytest -rP shows it
        assert [answer.text for answer in answers if answer.status_code != 200] == []
        assert answers[0].json()["spooled"] is True
        broker.thaw()
        until(lambda: {event["id"].rpartition(":")[2] for event in kept(address, *ids)} == set(ids))


@pytest.fixture(scope="module")
def again(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Hooks]]:
    with stream(servers) as running:
        running.worker()
        with running_collector(running.kafka, tmp_path_factory.mktemp("again")) as collector:
            yield running, with_hooks(collector)


def test_what_is_sent_again_counts_once_and_who_it_is_about_is_known_by_all_that_was_said(
    again: tuple[Any, Hooks],
) -> None:
    running, hooks = again
    follow = written("", name="follow", follower={"id": "4812209331775520043"})
    info = {"name": "Nguyễn Thị Lan", "phone": "84912304556", "city": "Hà Nội", "address": "1 Tràng Tiền"}
    lead = written("", name="user_submit_info", info=info)
    like = {"field": "feed", "value": {"item": "like", "verb": "add", "from": {"id": "6789012345678901"}}}
    for _ in range(3):
        for body in (follow, lead, written("m-1"), written("m-2")):
            assert told(hooks.zalo(body)) == accepted(1)
        assert told(hooks.meta(posted(comment("c-1"), like))) == accepted(2)
    running.drain()
    rows = running.rows(
        "select full_name, phone, province, events, acquisition_channel, preferred_channel from crm.customers order by events"
    )
    assert rows == [
        ("Nguyễn Thị Lan", None, None, 2, "social:facebook", "social"),
        ("Nguyễn Thị Lan", "+84912304556", "Hà Nội", 4, "social:zalo", "social"),
    ]
    assert sorted(running.rows("select kind, value from crm.customer_identifiers")) == [
        ("facebook_id", "6789012345678901"),
        ("phone", "+84912304556"),
        ("zalo_id", "4812209331775520043"),
    ]
    stored = running.rows("select type, data ->> 'action', data #>> '{content,text}' from crm.events order by 2, 3")
    assert sorted(map(tuple, stored), key=repr) == sorted(
        [
            ("social.interacted.v1", "comment", VIETNAMESE),
            ("social.interacted.v1", "follow", None),
            ("social.interacted.v1", "follow", None),
            ("social.interacted.v1", "message", VIETNAMESE),
            ("social.interacted.v1", "message", VIETNAMESE),
            ("social.interacted.v1", "submit_lead", None),
        ],
        key=repr,
    )
