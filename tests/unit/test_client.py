"""The client against a server that answers as it is told, over real HTTP."""

import gzip
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import pytest

from producers.client import Client, NotDelivered, QueueFull, RejectedEvent, sending
from producers.client.outgoing import encode_event
from schemas.codec import read_event, read_json
from schemas.events import CardScannedEvent
from schemas.rejected import Rejected

Answer = tuple[int, dict[str, str], Any]


class ScriptedCollector:
    """Answers the n-th request with the n-th of `script`, the rest with 200. `None` closes the connection instead."""

    def __init__(self) -> None:
        self.script: list[Answer | None] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.answering = threading.Event()
        self.answering.set()
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                scripted.batches.append(json.loads(gzip.decompress(body)))
                scripted.headers.append({name.lower(): value for name, value in self.headers.items()})
                scripted.times.append(time.monotonic())
                scripted.answering.wait(10)
                number = len(scripted.batches) - 1
                told = scripted.script[number] if number < len(scripted.script) else ok(len(scripted.batches[-1]))
                if told is None:
                    self.close_connection = True
                    return
                status, headers, document = told
                payload = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(payload))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def ok(accepted: int, *rejected: dict[str, Any]) -> Answer:
    return 200, {}, {"accepted": accepted, "rejected": list(rejected)}


def failing(status: int, **headers: str) -> Answer:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, {"code": "unavailable"}


@pytest.fixture
def collector() -> Iterator[ScriptedCollector]:
    server = ScriptedCollector()
    yield server
    server.close()


@pytest.fixture
def make(collector: ScriptedCollector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Client]]:
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.01)
    logging.getLogger("producers.client").setLevel(logging.CRITICAL)
    made: list[Client] = []

    def client(**options: Any) -> Client:
        made.append(Client(collector.url, key="the-key", source="/tests", **options))
        return made[-1]

    yield client
    for each in made:
        with suppress(NotDelivered):
            each.close(timeout=0.2)


def note(number: int = 1) -> dict[str, Any]:
    return {"id": f"e-{number}", "type": "web.form_submitted.v1", "data": {"number": number}}


def ids(batch: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in batch]


def test_events_travel_in_gzipped_batches_with_the_key(
    collector: ScriptedCollector, make: Callable[..., Client]
) -> None:
    with make(batch_events=3) as portrait:
        assert [portrait.send(note(number)) for number in range(7)] == [f"e-{number}" for number in range(7)]
    assert [ids(batch) for batch in collector.batches] == [["e-0", "e-1", "e-2"], ["e-3", "e-4", "e-5"], ["e-6"]]
    assert collector.headers[0]["authorization"] == "Bearer the-key"
    assert collector.headers[0]["content-type"] == "application/cloudevents-batch+json"
    assert collector.headers[0]["content-encoding"] == "gzip"
    assert (portrait.accepted, portrait.rejected_count) == (7, 0)


def test_a_batch_leaves_when_it_is_heavy_enough(collector: ScriptedCollector, make: Callable[..., Client]) -> None:
    with make(batch_bytes=1_300, max_age=60) as portrait:
        for number in range(4):
            portrait.send(note(number) | {"subject": "x" * 400})
    assert [len(batch) for batch in collector.batches] == [2, 2]


def test_a_batch_leaves_when_it_is_old_enough(collector: ScriptedCollector, make: Callable[..., Client]) -> None:
    portrait = make(max_age=0.05)
    portrait.send(note())
    deadline = time.monotonic() + 5
    while not portrait.accepted:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [ids(batch) for batch in collector.batches] == [["e-1"]]


@pytest.mark.parametrize(
    "trouble", [None, failing(503), failing(429), failing(500), failing(408), (200, {}, b"<html>")]
)
def test_trouble_is_met_with_the_same_events_again(
    collector: ScriptedCollector, make: Callable[..., Client], trouble: Answer | None
) -> None:
    collector.script = [trouble, trouble]
    with make() as portrait:
        portrait.send({"type": "t", "data": {}})
        portrait.send({"type": "t", "data": {}})
        portrait.flush(10)
    assert len(collector.batches) == 3
    assert collector.batches[0] == collector.batches[1] == collector.batches[2]
    assert portrait.accepted == 2


def test_a_collector_that_is_not_there_yet_is_waited_for(
    make: Callable[..., Client], collector: ScriptedCollector
) -> None:
    collector.close()
    portrait = make()
    portrait.send(note())
    with pytest.raises(
        NotDelivered, match=r"^1 events are not answered yet: ConnectError: .*, at 127.0.0.1:\d+$"
    ) as caught:
        portrait.flush(1)
    assert [json.loads(event)["id"] for event in caught.value.events] == ["e-1"]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_it_comes_back_no_sooner_than_it_is_told(
    collector: ScriptedCollector, make: Callable[..., Client], form: str
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    collector.script = [failing(503, Retry_After="1" if form == "seconds" else later)]
    with make() as portrait:
        portrait.send(note())
    assert collector.times[1] - collector.times[0] >= 0.9


def test_what_is_refused_is_reported_and_not_sent_again(
    collector: ScriptedCollector, make: Callable[..., Client]
) -> None:
    entry = {"index": 1, "id": "e-1", "code": "missing_field", "path": "$.data.form", "message": "Field required"}
    collector.script = [ok(2, entry)]
    reported: list[RejectedEvent] = []
    with make(on_rejected=reported.append, max_age=60) as portrait:
        for number in range(3):
            portrait.send(note(number))
    (rejected,) = portrait.rejected
    assert reported == [rejected]
    assert (rejected.id, rejected.code, rejected.path, rejected.message) == (
        "e-1",
        "missing_field",
        "$.data.form",
        "Field required",
    )
    assert json.loads(rejected.event)["data"] == {"number": 1}
    assert (portrait.accepted, portrait.rejected_count, len(collector.batches)) == (2, 1, 1)


def test_a_callback_that_fails_stops_nothing(collector: ScriptedCollector, make: Callable[..., Client]) -> None:
    collector.script = [ok(0, {"index": 0, "id": "e-1", "code": "x", "path": "$", "message": ""})]

    def fail(_: RejectedEvent) -> None:
        raise RuntimeError

    with make(on_rejected=fail) as portrait:
        portrait.send(note(1))
        portrait.flush(5)
        portrait.send(note(2))
    assert (portrait.accepted, portrait.rejected_count) == (1, 1)


def test_a_batch_too_large_is_halved_and_an_event_too_large_refused(
    collector: ScriptedCollector, make: Callable[..., Client]
) -> None:
    collector.script = [failing(413), ok(2), failing(413), failing(413), ok(1)]
    with make(max_age=60) as portrait:
        for number in range(4):
            portrait.send(note(number))
    assert [ids(batch) for batch in collector.batches] == [
        ["e-0", "e-1", "e-2", "e-3"],
        ["e-0", "e-1"],
        ["e-2", "e-3"],
        ["e-2"],
        ["e-3"],
    ]
    assert ([rejected.id for rejected in portrait.rejected], portrait.accepted) == (["e-2"], 3)


@pytest.mark.parametrize("status", [400, 401, 404, 415])
def test_a_client_that_is_wrong_says_so_and_gives_its_events_back(
    collector: ScriptedCollector, make: Callable[..., Client], status: int
) -> None:
    collector.script = [failing(status)]
    portrait = make()
    portrait.send(note())
    with pytest.raises(NotDelivered, match=f"the collector answers {status}") as caught:
        portrait.flush(5)
    assert [json.loads(event)["id"] for event in caught.value.events] == ["e-1"]
    with pytest.raises(NotDelivered, match=f"the collector answers {status}"):
        portrait.send(note(2))
    assert len(collector.batches) == 1


def test_a_full_queue_raises_when_asked_to(collector: ScriptedCollector, make: Callable[..., Client]) -> None:
    collector.answering.clear()
    portrait = make(queue_events=2, batch_events=1, when_full="raise")
    portrait.send(note(0))
    while len(collector.batches) < 1:
        time.sleep(0.005)
    portrait.send(note(1))
    portrait.send(note(2))
    with pytest.raises(QueueFull, match="2 events wait"):
        portrait.send(note(3))
    collector.answering.set()
    portrait.flush(5)
    assert [ids(batch) for batch in collector.batches] == [["e-0"], ["e-1"], ["e-2"]]


def test_a_full_queue_blocks_until_there_is_room(collector: ScriptedCollector, make: Callable[..., Client]) -> None:
    collector.answering.clear()
    portrait = make(queue_events=1, batch_events=1)
    portrait.send(note(0))
    while len(collector.batches) < 1:
        time.sleep(0.005)
    portrait.send(note(1))
    with pytest.raises(QueueFull):
        portrait.send(note(2), timeout=0.05)
    threading.Timer(0.05, collector.answering.set).start()
    portrait.send(note(3), timeout=5)
    portrait.flush(5)
    assert [id_ for batch in collector.batches for id_ in ids(batch)] == ["e-0", "e-1", "e-3"]


def test_a_closed_client_takes_nothing(make: Callable[..., Client]) -> None:
    portrait = make()
    portrait.close()
    with pytest.raises(RuntimeError, match="closed"):
        portrait.send(note())


NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)


def test_what_is_missing_is_filled_in() -> None:
    event_id, payload = encode_event({"type": "t", "data": {}}, source="/shop", now=NOW)
    assert json.loads(payload) == {
        "specversion": "1.0",
        "id": str(UUID(event_id)),
        "source": "/shop",
        "time": "2026-11-23T02:30:00+00:00",
        "type": "t",
        "data": {},
    }


def test_what_is_given_stays() -> None:
    own = {
        "specversion": "1.0",
        "id": "1",
        "source": "/own",
        "time": "2026-01-01T00:00:00Z",
        "type": "t",
        "data": {"a": None},
    }
    assert encode_event(own, source="/shop") == ("1", json.dumps(own, separators=(",", ":")).encode())


def test_exact_values_are_understood() -> None:
    number = uuid4()
    data = {"a": Decimal("1E+3"), "b": NOW, "c": date(2026, 11, 23), "d": number, "e": (1, True, "Đà Nẵng")}
    _, payload = encode_event({"type": "t", "data": data | {"answers": {"score": 4.5}}}, source="/s")
    assert json.loads(payload)["data"] == {
        "a": "1000",
        "b": "2026-11-23T02:30:00+00:00",
        "c": "2026-11-23",
        "d": str(number),
        "e": [1, True, "Đà Nẵng"],
        "answers": {"score": 4.5},
    }


def test_a_model_is_taken_and_can_be_read_again() -> None:
    data = {"customer": {"card_no": "7"}, "store_id": "1", "basket": {"total": {"amount": "12.50", "currency": "USD"}}}
    event = CardScannedEvent.model_validate(
        {"specversion": "1.0", "id": "1", "source": "/s", "time": NOW, "type": "loyalty.card_scanned.v1", "data": data}
    )
    _, payload = encode_event(event, source=None)
    document = read_json(payload)
    assert not isinstance(document, Rejected)
    assert read_event(document) == (event, [])


@pytest.mark.parametrize(
    ("event", "problem", "message"),
    [
        (
            {"data": {"order": {"total": {"amount": 12.5}}}},
            TypeError,
            r"\$\.data\.order\.total\.amount: 12\.5 is a float",
        ),
        ({"data": {"items": [{"amount": 1.0}]}}, TypeError, r"\$\.data\.items\[0\]\.amount"),
        ({"time": datetime(2026, 1, 1)}, ValueError, "has no zone"),
        ({"data": {1: 2}}, TypeError, "the name 1 is not text"),
        ({"data": {"a": object()}}, TypeError, "object is nothing that JSON has"),
        ({"subject": "x" * 1024 * 1024}, ValueError, "at most 1048576 bytes"),
    ],
)
def test_what_is_not_exact_is_refused(event: dict[str, Any], problem: type[Exception], message: str) -> None:
    with pytest.raises(problem, match=message):
        encode_event(event, source="/s")


def test_an_event_needs_a_source() -> None:
    with pytest.raises(ValueError, match="has no source"):
        encode_event({"type": "t"}, source=None)
