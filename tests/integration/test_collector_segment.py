"""The Segment tracking API of a collector as a process, against a real Kafka: what clients see, and what arrives."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import yaml

from ops.local.records import wait_until
from producers.doors.segment import KEYLESS_BYTES
from producers.keys.changes import add_source
from producers.openapi.events import MAX_BATCH_EVENTS
from producers.openapi.segment import EXAMPLES
from schemas.rejected import DeadLetter
from schemas.topics import RAW_NAMES, REJECTED
from tests.integration.running_collector import RunningCollector, running_collector
from tests.topic_reader import cloud_events, records

pytestmark = pytest.mark.integration

OK = {"success": True, "accepted": 1, "rejected": []}


@pytest.fixture
def http(collector: RunningCollector) -> Iterator[httpx.Client]:
    """A client that shows the key as clients of Segment do: as user name, without a password."""
    with httpx.Client(base_url=collector.url, auth=(collector.key, ""), timeout=20) as client:
        yield client


def call(**said: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Signed Up", "userId": "u-7", "messageId": uuid4().hex} | said


def told(answered: httpx.Response) -> tuple[int, Any]:
    return answered.status_code, answered.json()


def kept(kafka: str, *message_ids: str) -> list[dict[str, Any]]:
    found = cloud_events(kafka, *RAW_NAMES)
    return [event for event in found if event["id"] in message_ids]


def test_a_call_of_every_kind_is_in_kafka_when_it_is_answered(kafka: str, http: httpx.Client) -> None:
    sent = {}
    for kind, example in EXAMPLES.items():
        for address in (kind, kind[0]):
            call_ = example | {"messageId": uuid4().hex}
            sent[call_["messageId"]] = call_
            assert told(http.post(f"/v1/{address}", json=call_)) == (200, OK)
    found = kept(kafka, *sent)
    assert {event["id"]: event["data"]["segment"]["call"] for event in found} == sent
    assert {event["source"] for event in found} == {"/segment/tests"}
    assert sorted(event["type"] for event in found) == sorted(
        ["web.tracked.v1"] * 2 + ["web.page_viewed.v1"] * 4 + ["web.identified.v1"] * 6
    )


def test_a_batch_is_told_call_by_call(kafka: str, http: httpx.Client) -> None:
    good, other, unpriced = (
        call(),
        call(userId=None, anonymousId=17),
        call(event="Order Completed", properties={"total": 5}),
    )
    batch = {"batch": [good, {"type": "track"}, unpriced, other, 1], "context": {"campaign": {"source": "zalo"}}}
    for address in ("/v1/batch", "/v1/b"):
        status, answer = told(http.post(address, json=batch))
        assert (status, answer["success"], answer["accepted"]) == (200, True, 2)
        assert [(r["index"], r["messageId"], r["path"], r["code"]) for r in answer["rejected"]] == [
            (1, None, "$.event", "missing_field"),
            (2, unpriced["messageId"], "$.properties.currency", "missing_field"),
            (4, None, "$", "not_an_object"),
        ]
    found = kept(kafka, good["messageId"], other["messageId"])
    assert [event["data"]["page"] for event in found] == [{"utm": {"source": "zalo"}}] * 4
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records(kafka, REJECTED)]
    refused = [letter for letter in letters if letter.event_id == unpriced["messageId"]]
    assert [(letter.reason, letter.topic, letter.path) for letter in refused] == [
        ("missing_field", "events.web", "$.data.order.total.currency")
    ] * 2
    assert json.loads(refused[0].payload_bytes())["data"]["segment"]["call"] == unpriced


@pytest.mark.parametrize("address", ["/v1/import", "/v1/batch/", "/v1/b/", "/v1/import/"])
def test_batches_are_taken_wherever_clients_send_them(kafka: str, http: httpx.Client, address: str) -> None:
    sent = call()
    assert told(http.post(address, json={"batch": [sent]})) == (200, OK)
    assert [event["id"] for event in kept(kafka, sent["messageId"])] == [sent["messageId"]]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_write_key_is_taken_from_wherever_clients_put_it(kafka: str, collector: RunningCollector) -> None:
    key = collector.key
    one = call()
    with httpx.Client(base_url=collector.url, timeout=20) as http:
        for headers, body in (
            ({"Authorization": basic(f"{key}:")}, one),
            ({"Authorization": basic(key)}, one),
            ({"Authorization": f"Bearer {key}"}, one),
            ({}, one | {"writeKey": key}),
            ({"Authorization": "Bearer a-token-of-another-service"}, one | {"writeKey": key}),
        ):
            assert told(http.post("/v1/track", json=body, headers=headers)) == (200, OK)
            assert told(http.post("/v1/batch", json={"batch": [one], "writeKey": key})) == (200, OK)
        for headers, body in (
            ({}, one),
            ({}, one | {"writeKey": "wrong"}),
            ({}, one | {"writeKey": 7}),
            ({"Authorization": basic("wrong:")}, one),
            ({"Authorization": "Bearer wrong"}, one),
        ):
            answered = http.post("/v1/track", json=body, headers=headers)
            assert (answered.status_code, answered.json()["code"]) == (401, "unauthorized")
            assert answered.headers["www-authenticate"].startswith("Bearer")
        assert http.post("/v1/track", content=b"{").status_code == 401
    for record in records(kafka, *RAW_NAMES, REJECTED):
        assert key.encode() not in record.value


def test_the_body_is_json_whatever_its_type_says_and_may_be_gzip(kafka: str, http: httpx.Client) -> None:
    types = ("application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "")
    calls = [call() for _ in (*types, *types)]
    for content_type, plain, packed in zip(types, calls[::2], calls[1::2], strict=True):
        headers = {"Content-Type": content_type}
        assert told(http.post("/v1/track", content=json.dumps(plain), headers=headers)) == (200, OK)
        body = gzip.compress(json.dumps({"batch": [packed]}).encode())
        assert told(http.post("/v1/batch", content=body, headers=headers | {"Content-Encoding": "gzip"})) == (200, OK)
        assert told(http.post("/v1/batch", content=body, headers=headers)) == (200, OK)
    ids = sorted(each["messageId"] for each in calls)
    assert sorted({event["id"] for event in kept(kafka, *ids)}) == ids


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {}, (400, "empty")),
        (b"{", {}, (400, "not_json")),
        (b"[]", {}, (400, "not_an_object")),
        (b"{}", {}, (400, "missing_field")),
        (b'{"batch": 1}', {}, (400, "wrong_type")),
        (b"{}", {"Content-Encoding": "br"}, (415, "unsupported_encoding")),
        (b"{}", {"Content-Encoding": "gzip"}, (400, "not_gzip")),
        (gzip.compress(b" " * (64 * 1024 * 1024)), {"Content-Encoding": "gzip"}, (413, "too_large")),
        (b'{"batch": [' + b"{}," * 5_000 + b"{}]}", {}, (413, "too_many")),
    ],
    ids=["empty", "no-json", "array", "no-batch", "batch-of-nothing", "brotli", "no-gzip", "bomb", "too-many"],
)
def test_what_is_no_batch_is_refused_with_a_code_and_a_message(
    http: httpx.Client, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    answered = http.post("/v1/batch", content=body, headers=headers)
    shown = answered.json()
    assert (answered.status_code, shown["code"]) == expected
    assert shown["message"]


def test_who_has_not_shown_a_key_may_not_send_as_much(collector: RunningCollector, http: httpx.Client) -> None:
    body = json.dumps({"writeKey": collector.key, "batch": [call()], "x": "x" * KEYLESS_BYTES}).encode()
    assert httpx.post(f"{collector.url}/v1/batch", content=body).status_code == 413
    assert told(http.post("/v1/batch", content=body)) == (200, OK)


@pytest.mark.parametrize("key_in", ["the header", "the body"])
def test_what_the_documentation_of_segment_allows_is_taken_and_our_own_limits_are_larger(
    kafka: str, collector: RunningCollector, key_in: str
) -> None:
    """32 KB an event, 500 KB a batch, 2,500 events: and as many of ours as a batch may have."""

    def sent(path: str, body: Any) -> tuple[int, Any]:
        shown = {"writeKey": collector.key} if key_in == "the body" else {}
        auth = None if shown else httpx.BasicAuth(collector.key, "")
        return told(httpx.post(collector.url + path, json=body | shown, auth=auth, timeout=60))

    def accepted(count: int) -> tuple[int, Any]:
        return 200, OK | {"accepted": count}

    def padded(size: int) -> dict[str, Any]:
        made = call(properties={"note": ""})
        return made | {"properties": {"note": "x" * (size - len(json.dumps(made)))}}

    event, larger = padded(32 * 1024), padded(256 * 1024)
    assert sent("/v1/track", event) == accepted(1)
    assert sent("/v1/track", larger) == accepted(1)
    full = [padded(31 * 1024) for _ in range(16)]
    assert sent("/v1/batch", {"batch": full}) == accepted(16)
    many = [call() for _ in range(MAX_BATCH_EVENTS)]
    assert sent("/v1/batch", {"batch": many[:2_500]}) == accepted(2_500)
    assert sent("/v1/batch", {"batch": many}) == accepted(MAX_BATCH_EVENTS)
    large = {each["messageId"]: each["properties"] for each in (event, larger, *full)}
    assert {each["id"]: each["data"]["properties"] for each in kept(kafka, *large)} == large
    ids = {str(each["messageId"]) for each in many}
    assert {each["id"] for each in kept(kafka, *ids)} == ids


def test_a_public_key_sends_calls_and_nothing_else(kafka: str, collector: RunningCollector, http: httpx.Client) -> None:
    name = f"page-{uuid4().hex[:8]}"
    key = add_source(collector.keys, name, public=True)
    sent = call(type="identify", traits={"email": "lan@example.com", "consent": {"email": True}, "cardNo": "C1"})
    assert wait_until(lambda: http.post("/v1/identify", json=sent, auth=(key, "")).status_code == 200, 10)
    (event,) = kept(kafka, sent["messageId"])
    assert event["source"] == f"/segment/{name}"
    assert event["data"]["customer"] == {"customer_no": "u-7", "email": "lan@example.com"}
    forged = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": f"/segment/{name}",
        "type": "loyalty.card_cancelled.v1",
        "time": "2026-11-23T09:30:00Z",
        "data": {"customer": {"card_no": "C1"}, "store_id": "1"},
    }
    answered = http.post("/v1/events", json=forged, auth=(key, ""))
    assert (answered.status_code, answered.json()["code"]) == (403, "public_key")
    assert kept(kafka, forged["id"]) == []


def test_what_a_batch_says_for_all_is_counted_with_each_of_its_calls(http: httpx.Client) -> None:
    context = {"x": "x" * 400_000}
    body = json.dumps({"batch": [call()] * 500, "context": context}).encode()
    answered = http.post("/v1/batch", content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert (answered.status_code, answered.json()["code"]) == (413, "too_large")
    assert "context" in answered.json()["message"]
    assert told(http.post("/v1/batch", json={"batch": [call()], "context": context})) == (200, OK)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/track", "/v1/t", "/v1/t/", "/v1/batch", "/v1/b", "/v1/projects/x/settings"),
        *("/sourceConfig", "/sourceConfig/", "/beacon/v1/batch"),
    ],
)
def test_browsers_are_told_that_they_may(http: httpx.Client, path: str) -> None:
    asked = {
        "Origin": "https://cuahang.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-retry-count,sentry-trace,traceparent",
    }
    answered = http.options(path, headers=asked)
    assert (answered.status_code, answered.headers["access-control-allow-origin"]) == (204, "*")
    allowed = {each.strip().lower() for each in answered.headers["access-control-allow-headers"].split(",")}
    assert allowed >= {"authorization", "content-type", "x-retry-count", "sentry-trace", "traceparent", "anonymousid"}
    assert "POST" in answered.headers["access-control-allow-methods"]
    for answered in (
        http.post("/v1/t", json=call()),
        http.post("/v1/t", content=b"{"),
        http.post("/v1/t", auth=("x", "")),
        http.get("/sourceConfig/"),
        http.get("/sourceConfig/", auth=("x", "")),
        http.post("/v1/nothing"),
        http.put("/v1/t"),
    ):
        assert answered.headers["access-control-allow-origin"] == "*"


def test_a_browser_client_learns_where_to_send(collector: RunningCollector, http: httpx.Client) -> None:
    status, settings = told(http.get(f"/v1/projects/{collector.key}/settings"))
    assert status == 200
    told_to = settings["integrations"]["Segment.io"]
    assert (told_to["apiKey"], f"{told_to['protocol']}://{told_to['apiHost']}/t") == (
        collector.key,
        f"{collector.url}/v1/t",
    )
    assert http.get("/v1/projects/unknown/settings").status_code == 401


@pytest.mark.parametrize("path", ["/sourceConfig", "/sourceConfig/"])
def test_a_client_of_rudderstack_learns_that_its_source_is_on_and_has_no_other_destination(
    collector: RunningCollector, path: str
) -> None:
    key, quiet = collector.key, {"enabled": False}
    by_header = httpx.get(collector.url + path, headers={"Authorization": basic(f"{key}:")})
    by_address = httpx.get(collector.url + path, params={"p": "npm", "v": "3.34.1", "writeKey": key})
    for answered in (by_header, by_address):
        status, configuration = told(answered)
        changed = configuration["source"]["updatedAt"]
        assert (status, answered.headers["content-type"], configuration) == (
            200,
            "application/json",
            {
                "source": {
                    "id": "tests",
                    "name": "tests",
                    "writeKey": key,
                    "workspaceId": "portrait",
                    "enabled": True,
                    "config": {"statsCollection": {"errors": quiet, "metrics": quiet}},
                    "destinations": [],
                    "dataplanes": {},
                    "updatedAt": changed,
                },
                "updatedAt": changed,
            },
        )
        assert datetime.fromisoformat(changed).tzinfo is UTC
    looked = httpx.head(collector.url + path, params={"view": "ad"}, headers={"Authorization": basic(f"{key}:")})
    assert (looked.status_code, looked.content) == (200, b"")


def test_a_client_of_rudderstack_is_told_that_its_key_is_nobodys_in_the_words_that_it_knows(
    collector: RunningCollector,
) -> None:
    asked = f"{collector.url}/sourceConfig"
    for answered in (httpx.get(asked, auth=("wrong", "")), httpx.get(asked, params={"writeKey": "wrong"})):
        assert (answered.status_code, answered.content) == (400, b'{"message":"Invalid write key"}')
    answered = httpx.get(asked)
    assert (answered.status_code, answered.json()["code"]) == (401, "unauthorized")
    # "Basic" would open a browser's own form for it
    assert answered.headers["www-authenticate"] == 'Bearer realm="portrait"'


def test_a_beacon_has_its_key_in_the_address(kafka: str, collector: RunningCollector) -> None:
    sent = call()
    body = json.dumps({"batch": [sent], "sentAt": "2026-11-23T02:30:00Z"})
    address, headers = f"{collector.url}/beacon/v1/batch", {"Content-Type": "text/plain"}
    refused = httpx.post(address, params={"writeKey": "wrong"}, content=body, headers=headers)
    assert (refused.status_code, kept(kafka, sent["messageId"])) == (401, [])
    assert told(httpx.post(address, params={"writeKey": collector.key}, content=body, headers=headers)) == (200, OK)
    assert [event["data"]["segment"]["call"] for event in kept(kafka, sent["messageId"])] == [sent]


def test_a_source_that_sends_too_much_is_told_when_to_come_again_and_harms_nobody_else(
    kafka: str, http: httpx.Client, collector: RunningCollector
) -> None:
    name = f"noisy-{uuid4().hex[:8]}"
    key = add_source(collector.keys, name, [f"/segment/{name}"])
    entries = yaml.safe_load(collector.keys.read_text())
    entries["sources"][-1]["events_per_second"] = 20
    collector.keys.write_text(yaml.safe_dump(entries))
    noisy = {"writeKey": key, "batch": [call() for _ in range(60)]}
    deadline = time.monotonic() + 10
    while (answered := httpx.post(f"{collector.url}/v1/batch", json=noisy)).status_code != 429:
        assert time.monotonic() < deadline
    assert answered.json()["code"] == "too_many_requests"
    wait = int(answered.headers["retry-after"])
    assert answered.headers["x-ratelimit-reset"] == str(wait)
    assert 1 <= wait <= 10
    assert told(http.post("/v1/track", json=call())) == (200, OK)
    event = {"specversion": "1.0", "id": "1", "source": f"/segment/{name}", "type": "x", "time": "2026-11-23T09:30:00Z"}
    refused = httpx.post(f"{collector.url}/v1/events", json=event, headers={"Authorization": f"Bearer {key}"})
    assert refused.status_code == 429
    deadline = time.monotonic() + 20
    while httpx.post(f"{collector.url}/v1/track", json=call(writeKey=key)).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(kept(kafka, noisy["batch"][0]["messageId"])) >= 1


def test_behind_a_proxy_a_browser_client_is_told_the_address_that_it_can_reach(tmp_path: Path) -> None:
    public = {"PORTRAIT_COLLECTOR_PUBLIC_URL": "https://events.example.com/portrait/"}
    with running_collector("127.0.0.1:1", tmp_path, connected=False, **public) as collector:
        asked = f"{collector.url}/v1/projects/{collector.key}/settings"
        told_to = httpx.get(asked, headers={"Host": "elsewhere.example"}).json()["integrations"]["Segment.io"]
    assert (told_to["protocol"], told_to["apiHost"]) == ("https", "events.example.com/portrait/v1")


@pytest.mark.crash
def test_without_kafka_a_call_is_kept_on_the_disk_and_a_client_need_not_know(tmp_path: Path) -> None:
    with running_collector("127.0.0.1:1", tmp_path, connected=False) as collector:
        answered = httpx.post(f"{collector.url}/v1/track", json=call(), auth=(collector.key, ""), timeout=20)
        assert (answered.status_code, answered.json()) == (200, OK | {"spooled": True})
        assert len(list((tmp_path / "spool").glob("*.seg"))) == 1


@pytest.mark.crash
def test_without_kafka_and_without_a_spool_a_client_is_told_to_send_it_again(tmp_path: Path) -> None:
    with running_collector("127.0.0.1:1", tmp_path, connected=False, PORTRAIT_SPOOL="off") as collector:
        answered = httpx.post(f"{collector.url}/v1/track", json=call(), auth=(collector.key, ""), timeout=20)
        shown = answered.json()
        assert (answered.status_code, shown["code"], bool(shown["message"])) == (503, "unavailable", True)
        assert int(answered.headers["retry-after"]) > 0
        assert answered.headers["access-control-allow-origin"] == "*"
