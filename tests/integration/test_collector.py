"""The collector as a process, against a real Kafka: what it answers is true, whatever happens to either of them."""

import base64
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from ops.local.child import Child
from producers.keys.changes import add_source
from producers.openapi.events import first_examples
from schemas.codec import MAX_EVENT_BYTES
from schemas.events import EVENT_TYPES
from schemas.rejected import DeadLetter
from schemas.topics import RAW_NAMES, REJECTED
from tests.integration.running_collector import RunningCollector, running_collector, wait_for
from tests.topic_reader import cloud_events, records

pytestmark = pytest.mark.integration

ONE, MANY = "application/cloudevents+json", "application/cloudevents-batch+json"


@pytest.fixture
def http(collector: RunningCollector) -> Iterator[httpx.Client]:
    with collector.http() as client:
        yield client


def event(id_: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_ or uuid4().hex,
        "source": "/tests",
        "type": "web.form_submitted.v1",
        "time": "2026-11-23T09:30:00+07:00",
        "data": {
            "form": {"id": "f", "kind": "contact"},
            "customer": {"email": "lan@example.vn", "full_name": "Nguyễn Thị Ánh Lan"},
        },
    } | changes


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def batch(*events: bytes) -> bytes:
    return b"[" + b", ".join(events) + b"]"


def post(http: httpx.Client, body: bytes, content_type: str = MANY, **headers: str) -> httpx.Response:
    return http.post("/v1/events", content=body, headers={"Content-Type": content_type} | headers)


def answer(http: httpx.Client, body: bytes, content_type: str = MANY, **headers: str) -> tuple[int, Any]:
    answered = post(http, body, content_type, **headers)
    return answered.status_code, answered.json()


def problem(http: httpx.Client, body: bytes, content_type: str = MANY, **headers: str) -> tuple[int, str]:
    answered = post(http, body, content_type, **headers)
    assert answered.headers["content-type"] == "application/problem+json"
    shown = answered.json()
    assert (shown["status"], shown["detail"]) == (answered.status_code, shown["message"])
    return answered.status_code, shown["code"]


def ids_in(kafka: str) -> set[str]:
    return {event["id"] for event in cloud_events(kafka, *RAW_NAMES)}


def letters_of(kafka: str, payload: bytes) -> list[DeadLetter]:
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records(kafka, REJECTED)]
    return [letter for letter in letters if letter.payload_bytes() == payload]


@pytest.mark.parametrize("content_type", [ONE, "application/json", "Application/CloudEvents+JSON; charset=UTF-8"])
def test_one_event_is_in_kafka_byte_for_byte(kafka: str, http: httpx.Client, content_type: str) -> None:
    payload = b"\n " + encoded(event()).replace(b": ", b" :  ")
    assert answer(http, payload, content_type) == (200, {"accepted": 1, "rejected": []})
    (record,) = [record for record in records(kafka, "events.web") if record.value == payload]
    assert record.key == b"email:lan@example.vn"


@pytest.mark.parametrize("content_type", [MANY, "application/json;charset=utf-8"])
def test_a_batch_is_in_kafka_each_event_byte_for_byte(kafka: str, http: httpx.Client, content_type: str) -> None:
    events = [
        encoded(event()),
        encoded(
            event(),
        ).replace(b", ", b" ,\n"),
    ]
    events.append(encoded(event(type="social.interacted.v1", data=first_examples()["social.interacted.v1"]["data"])))
    assert answer(http, batch(*events), content_type) == (200, {"accepted": 3, "rejected": []})
    assert set(events) <= {record.value for record in records(kafka, *RAW_NAMES)}


def test_gzip_is_accepted(kafka: str, http: httpx.Client) -> None:
    one = event()
    packed = gzip.compress(batch(encoded(one)))
    assert answer(http, packed, **{"Content-Encoding": "gzip"}) == (200, {"accepted": 1, "rejected": []})
    assert one["id"] in ids_in(kafka)


def test_nothing_in_a_batch_is_nothing_to_do(http: httpx.Client) -> None:
    assert answer(http, b"[]") == (200, {"accepted": 0, "rejected": []})


def test_a_bad_event_is_kept_as_a_letter_and_does_not_sink_its_batch(kafka: str, http: httpx.Client) -> None:
    mark = uuid4().hex
    good = [event(), event()]
    twice = b'{"id": "%s", "id": "again", "note": "hai l\xe1\xba\xa7n"}' % mark.encode()
    not_utf8 = b'{"id": "' + mark.encode() + b' \xff"}'
    nobody = encoded(event(mark, data={"form": {"id": "f", "kind": "contact"}, "customer": {}}))
    status, shown = answer(http, batch(encoded(good[0]), twice, not_utf8, encoded(good[1]), nobody))
    assert (status, shown["accepted"]) == (200, 2)
    assert [(r["index"], r["id"], r["code"], r["path"]) for r in shown["rejected"]] == [
        (1, None, "duplicate_key", "$"),
        (2, None, "not_utf8", "$"),
        (4, mark, "no_identifier", "$.data.customer"),
    ]
    assert {one["id"] for one in good} <= ids_in(kafka)
    letters = [letters_of(kafka, payload) for payload in (twice, not_utf8, nobody)]
    assert [[(letter.reason, letter.topic) for letter in found] for found in letters] == [
        [("duplicate_key", None)],
        [("not_utf8", None)],
        [("no_identifier", "events.web")],
    ]
    assert [found[0].origin.rpartition("/")[2] for found in letters] == ["1", "2", "4"]
    assert len({found[0].origin.rpartition("/")[0] for found in letters}) == 1


def test_a_single_event_that_is_wrong_is_listed_as_well(kafka: str, http: httpx.Client) -> None:
    payload = encoded(event(type="web.unheard_of.v1", subject=uuid4().hex))
    status, shown = answer(http, payload, ONE)
    assert (status, shown["accepted"], shown["rejected"][0]["code"]) == (200, 0, "unknown_type")
    assert len(letters_of(kafka, payload)) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", ONE, (400, "empty")),
        (b" \n", MANY, (400, "empty")),
        (b"{", ONE, (400, "not_json")),
        (b'{"id": "\xff"}', ONE, (400, "not_utf8")),
        (b"[{]", MANY, (400, "not_json")),
        (b"[{}", "application/json", (400, "not_json")),
        (b"{}", "text/plain", (415, "unsupported_media_type")),
        (b"{}", "", (415, "unsupported_media_type")),
    ],
)
def test_what_is_no_json_is_refused_as_a_whole(
    http: httpx.Client, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    assert problem(http, body, content_type) == expected


def test_other_encodings_are_refused(http: httpx.Client) -> None:
    assert problem(http, b"{}", **{"Content-Encoding": "br"}) == (415, "unsupported_encoding")
    assert problem(http, b"{}", **{"Content-Encoding": "gzip"}) == (400, "not_gzip")


def test_an_event_of_exactly_1_mb_is_taken_and_one_byte_more_is_not(kafka: str, http: httpx.Client) -> None:
    one = event(uuid4().hex)
    fits = encoded(one).ljust(MAX_EVENT_BYTES)
    assert answer(http, fits, ONE) == (200, {"accepted": 1, "rejected": []})
    assert problem(http, fits + b" ", ONE) == (413, "too_large")
    larger = encoded(event(subject="s" * MAX_EVENT_BYTES))
    status, shown = answer(http, batch(encoded(event()), larger, encoded(event())))
    assert (status, shown["accepted"]) == (200, 2)
    assert [(r["index"], r["code"]) for r in shown["rejected"]] == [(1, "too_large")]
    assert len(letters_of(kafka, larger)) == 1


def test_5000_events_are_taken_and_5001_are_not(kafka: str, http: httpx.Client) -> None:
    mark = uuid4().hex[:8]
    events = [encoded(event(f"{mark}-{number}")) for number in range(5_000)]
    assert answer(http, batch(*events)) == (200, {"accepted": 5_000, "rejected": []})
    assert problem(http, batch(*events, b"1")) == (413, "too_many")
    assert len([id_ for id_ in ids_in(kafka) if id_.startswith(mark)]) == 5_000


def test_a_gzip_bomb_is_refused(collector: RunningCollector, http: httpx.Client) -> None:
    bomb = gzip.compress(b"[" + b" " * (512 * 1024 * 1024))
    assert problem(http, bomb, **{"Content-Encoding": "gzip"}) == (413, "too_large")
    assert problem(http, b" " * (5 * 1024 * 1024 + 1)) == (413, "too_large")


def test_without_a_valid_key_nothing_is_read(http: httpx.Client, collector: RunningCollector) -> None:
    for authorization in ("", "Bearer wrong", "Basic " + base64.b64encode(b"a:b").decode()):
        answered = post(http, b"{", Authorization=authorization)
        assert (answered.status_code, answered.json()["code"]) == (401, "unauthorized")
        assert answered.headers["www-authenticate"].startswith("Bearer")
    basic = "Basic " + base64.b64encode(f"{collector.key}:".encode()).decode()
    assert post(http, batch(encoded(event())), Authorization=basic).status_code == 200


def test_a_key_added_while_it_runs_is_known_and_keeps_to_its_sources(
    kafka: str, http: httpx.Client, collector: RunningCollector
) -> None:
    name = f"till-{uuid4().hex[:8]}"
    key = add_source(collector.keys, name, ["/till/*"])
    headers = {"Authorization": f"Bearer {key}"}
    deadline = time.monotonic() + 5
    while post(http, b"[]", **headers).status_code == 401:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    own, foreign = event(source="/till/3"), event(source="/web")
    status, shown = answer(http, batch(encoded(own), encoded(foreign)), **headers)
    assert (status, shown["accepted"]) == (200, 1)
    assert shown["rejected"] == [
        {
            "index": 1,
            "id": foreign["id"],
            "code": "source_not_allowed",
            "path": "$.source",
            "message": "this key may not send events of this source",
        }
    ]
    assert f'rejected_total{{reason="source_not_allowed",source="{name}"}} 1.0' in http.get("/metrics").text


def test_no_such_page_and_no_such_method_are_problems_too(http: httpx.Client) -> None:
    answers = [http.get("/nowhere"), http.get("/v1/events")]
    assert [(a.status_code, a.json()["code"], a.headers["content-type"]) for a in answers] == [
        (404, "not_found", "application/problem+json"),
        (405, "method_not_allowed", "application/problem+json"),
    ]


def test_it_says_how_it_is(http: httpx.Client) -> None:
    assert (http.get("/health").json(), http.get("/ready").json()) == ({"status": "alive"}, {"status": "ready"})
    text = http.get("/metrics").text
    assert "portrait_collector_kafka_connected 1.0" in text
    assert 'portrait_collector_request_seconds_bucket{le="0.005",source="tests",status="200"}' in text


def test_every_example_of_its_documentation_works_as_it_stands(http: httpx.Client) -> None:
    content = http.get("/openapi.json").json()["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    tried = {
        (content_type, name): answer(http, encoded(example["value"]), content_type)[1]
        for content_type, body in content.items()
        for name, example in body["examples"].items()
    }
    assert len(tried) == 2 * (len(EVENT_TYPES) + 1)  # each of them, and the batch, in two media types
    assert {key: shown["rejected"] for key, shown in tried.items()} == {key: [] for key in tried}


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_its_documentation_needs_nobody_else(http: httpx.Client, page: str) -> None:
    shown = http.get(page, headers={"authorization": ""})
    asked = re.findall(r"""(?:src|href)=["']([^"']+)["']""", shown.text)
    assert [each for each in asked if not each.startswith("/")] == []
    parts = [http.get(each) for each in asked]
    assert {part.status_code for part in parts} == {200}
    assert max(len(part.content) for part in parts) > 500_000


def test_a_slow_sender_is_given_up_and_holds_nobody_else(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector, collector.http() as http:
        host, port = collector.url.removeprefix("http://").split(":")
        slow = []
        for _ in range(20):
            connection = socket.create_connection((host, int(port)), timeout=5)
            connection.sendall(
                f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {collector.key}\r\n"
                f"Content-Type: {MANY}\r\nContent-Length: 1000\r\n\r\n[".encode()
            )
            slow.append(connection)
        assert answer(http, batch(encoded(event()))) == (200, {"accepted": 1, "rejected": []})
        for connection in slow:
            connection.close()
        assert answer(http, batch(encoded(event()))) == (200, {"accepted": 1, "rejected": []})


def test_it_stops_when_told_after_it_has_answered(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector:
        answered: list[tuple[int, Any]] = []
        mark = uuid4().hex[:8]

        def send(number: int) -> None:
            body = batch(*(encoded(event(f"{mark}-{number}-{n}")) for n in range(1_500)))
            with collector.http() as http:
                answered.append(answer(http, body))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while 'received_total{source="tests"} 6000.0' not in httpx.get(collector.url + "/metrics").text:
            time.sleep(0.01)
        assert collector.stop() == 0, collector.log.read_text()
        for thread in threads:
            thread.join()
    assert answered == [(200, {"accepted": 1_500, "rejected": []})] * 4
    assert len([id_ for id_ in ids_in(kafka) if id_.startswith(mark)]) == 6_000


def test_a_wrong_setting_ends_it_at_once_with_advice(kafka: str, tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="PORTRAIT_COLLECTOR_PORT: 'x' is not a whole number"),
        running_collector(kafka, tmp_path, PORTRAIT_COLLECTOR_PORT="x"),
    ):
        pass


@pytest.mark.crash
def test_without_kafka_and_without_a_spool_it_serves_and_accepts_nothing(tmp_path: Path) -> None:
    without = running_collector("127.0.0.1:1", tmp_path, connected=False, PORTRAIT_SPOOL="off")
    with without as collector, collector.http() as http:
        answered = post(http, batch(encoded(event())))
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "2")
        assert answered.elapsed.total_seconds() < 3
        assert http.get("/ready").status_code == 503


@pytest.mark.crash
@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_without_a_spool_it_answers_503_within_3_seconds_while_kafka_is_silent_and_then_goes_on(
    breakable_kafka: tuple[Child, str], tmp_path: Path, fault: str
) -> None:
    broker, address = breakable_kafka
    with running_collector(address, tmp_path, PORTRAIT_SPOOL="off") as collector, collector.http() as http:
        before, after = event(), event()
        assert answer(http, batch(encoded(before))) == (200, {"accepted": 1, "rejected": []})
        getattr(broker, fault)()
        for size in (1, 100, 1_000, 1):
            answered = post(http, batch(*(encoded(event()) for _ in range(size))))
            assert (answered.status_code, answered.json()["code"]) == (503, "unavailable")
            assert int(answered.headers["retry-after"]) > 0
            assert answered.elapsed.total_seconds() < 3
        assert http.get("/health").status_code == 200
        assert http.get("/ready").status_code == 503
        if fault == "freeze":
            broker.thaw()
        else:
            broker.start()
            broker.wait_ready()
        wait_for(collector, "/ready")
        assert answer(http, batch(encoded(after))) == (200, {"accepted": 1, "rejected": []})
    assert {before["id"], after["id"]} <= ids_in(address)


@pytest.mark.crash
def test_killed_under_load_it_loses_nothing_that_it_acknowledged(kafka: str, tmp_path: Path) -> None:
    mark = uuid4().hex[:8]
    acknowledged: list[str] = []
    stop = threading.Event()

    def send(collector: RunningCollector, thread: int) -> None:
        number = 0
        with collector.http() as http:
            while not stop.is_set():
                ids = [f"{mark}-{thread}-{number}-{n}" for n in range(50)]
                number += 1
                try:
                    status, shown = answer(http, batch(*(encoded(event(id_)) for id_ in ids)))
                except httpx.TransportError:
                    return
                if status == 200 and shown["accepted"] == 50:
                    acknowledged.extend(ids)

    for round_ in range(3):
        home = tmp_path / str(round_)
        home.mkdir()
        with running_collector(kafka, home) as collector:
            threads = [threading.Thread(target=send, args=(collector, 10 * round_ + n)) for n in range(4)]
            for thread in threads:
                thread.start()
            goal = len(acknowledged) + 1_000
            while len(acknowledged) < goal:
                time.sleep(0.005)
            collector.process.kill()
            collector.process.wait()
            for thread in threads:
                thread.join()
    assert set(acknowledged) - ids_in(kafka) == set()
