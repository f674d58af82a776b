"""One source cannot starve another: the real collector, flooded from several connections by one, and asked by another."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from producers.keys.changes import add_source
from producers.keys.page_form import PageForm
from producers.keys.webhook import Webhook
from tests.integration.running_collector import RunningCollector, running_collector
from tests.integration.test_collector import event

pytestmark = pytest.mark.integration

QUIET_SECONDS = 2.0
"""Within which every request of the quiet source is answered, or its client gives up and the test fails."""
MB = 1024 * 1024


@contextmanager
def flood(collector: RunningCollector, key: str, connections: int, events: int) -> Iterator[Counter[int]]:
    """So many connections, each of which sends one batch after the other while the block lasts. Yields status → answers."""
    answered: Counter[int] = Counter()
    over = threading.Event()
    body = json.dumps([event(uuid4().hex) for _ in range(events)]).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}

    def send() -> None:
        with httpx.Client(base_url=collector.url, headers=headers, timeout=30) as http:
            while not over.is_set():
                answered[http.post("/v1/events", content=body).status_code] += 1

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


@contextmanager
def stalled(collector: RunningCollector, key: str, size: int) -> Iterator[bytes]:
    """A request of `size` bytes that stops before its last one. Yields what the collector has answered by then, if anything."""
    at = urlsplit(collector.url)
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode()
    with socket.create_connection((str(at.hostname), at.port or 80), timeout=20) as connection:
        with suppress(OSError):  # it may be refused before all is sent
            connection.sendall(head + b"[" + b" " * (size - 2))
        connection.settimeout(0.5)
        answered = b""
        with suppress(OSError):
            answered = connection.recv(20)
        yield answered


def asked(collector: RunningCollector, key: str, times: int, events: int = 1) -> list[tuple[int, Any]]:
    """What one client is answered that sends one request after the other."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=collector.url, headers=headers, timeout=QUIET_SECONDS) as http:
        answers = [http.post("/v1/events", json=[event() for _ in range(events)]) for _ in range(times)]
    return [(each.status_code, each.json().get("accepted")) for each in answers]


def test_who_sends_more_than_it_may_is_told_to_wait_and_others_do_not_notice(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector:
        noisy = add_source(collector.keys, "noisy", events_per_second=200)
        quiet = add_source(collector.keys, "quiet")
        until_known(collector, noisy, quiet)
        with flood(collector, noisy, connections=8, events=100) as answered:
            assert asked(collector, quiet, 40) == [(200, 1)] * 40
            assert asked(collector, quiet, 10, events=50) == [(200, 50)] * 10
        assert set(answered) == {200, 429}
        assert answered[429] > answered[200]


def test_without_a_limit_who_floods_does_not_take_the_threads_of_others(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path) as collector:
        noisy, quiet = (add_source(collector.keys, name) for name in ("noisy", "quiet"))
        until_known(collector, noisy, quiet)
        with flood(collector, noisy, connections=16, events=1000) as answered:
            assert asked(collector, quiet, 40) == [(200, 1)] * 40
            assert asked(collector, quiet, 10, events=50) == [(200, 50)] * 10
        assert answered[200] > 0


def test_without_a_limit_who_fills_the_memory_fills_its_own_share_of_it(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path, PORTRAIT_COLLECTOR_MEMORY_MB="16") as collector, ExitStack() as requests:
        noisy, quiet, third = (add_source(collector.keys, name) for name in ("noisy", "quiet", "third"))
        until_known(collector, noisy, quiet, third)
        answers = [requests.enter_context(stalled(collector, noisy, 2 * MB)) for _ in range(9)]
        answers += [requests.enter_context(stalled(collector, third, 1 * MB)) for _ in range(9)]
        assert asked(collector, quiet, 10, events=100) == [(200, 100)] * 10
        assert sum(answer.startswith(b"HTTP/1.1 503") for answer in answers[:9]) >= 5
        assert sum(answer.startswith(b"HTTP/1.1 503") for answer in answers[9:]) >= 4


def test_a_source_may_be_held_to_small_requests_at_every_door_and_others_are_not(kafka: str, tmp_path: Path) -> None:
    webhook = Webhook(platform="form", mapping="khoa-hoc.yaml")
    (tmp_path / "khoa-hoc.yaml").write_text("questions: fields\ndata: {customer: {email: '{email}'}}", "utf-8")
    with running_collector(kafka, tmp_path) as collector:
        small = add_source(collector.keys, "small", request_kb=2)
        asking = add_source(collector.keys, "asking", request_kb=2, webhook=webhook)
        form = PageForm(thanks="https://cuahang.example/cam-on")
        add_source(collector.keys, "page", request_kb=2, form=form)
        free = add_source(collector.keys, "free")
        until_known(collector, small, free)
        call = {"type": "track", "event": "Opened", "userId": "u-7"}

        def answers(padded: int) -> dict[str, int]:
            """What each door answers to a request of so many bytes."""

            def ask(path: str, body: Any, key: str = "", packed: bool = False, **headers: str) -> int:
                text = body if isinstance(body, str) else json.dumps(body)
                content = (text + " " * (padded - len(text.encode()))).encode()
                headers |= {"Authorization": f"Bearer {key}"} if key else {}
                headers |= {"Content-Encoding": "gzip"} if packed else {}
                sent = gzip.compress(content) if packed else content
                return httpx.post(collector.url + path, content=sent, headers=headers, timeout=20).status_code

            as_json = {"Content-Type": "application/json"}
            return {
                "events": ask("/v1/events", event(), small, **as_json),
                "events, gzip": ask("/v1/events", event(), small, packed=True, **as_json),
                "calls": ask("/v1/track", call, small),
                "calls, key in the body": ask("/v1/batch", {"batch": [call], "writeKey": small}),
                "webhook": ask("/v1/hooks/asking", {"email": "lan@example.com"}, asking, **as_json),
                "form": ask(
                    "/v1/forms/page",
                    "email=lan%40example.com&m=",
                    **{"Content-Type": "application/x-www-form-urlencoded"},
                ),
                "another source": ask("/v1/events", event(), free, **as_json),
            }

        doors = ("events", "events, gzip", "calls", "calls, key in the body", "webhook")
        assert answers(2 * 1024) == dict.fromkeys(doors, 200) | {"form": 303, "another source": 200}
        assert answers(2 * 1024 + 1) == dict.fromkeys((*doors, "form"), 413) | {"another source": 200}


def until_known(collector: RunningCollector, *keys: str) -> None:
    """Wait until the collector has read its file of keys again."""
    for key in keys:
        with httpx.Client(base_url=collector.url, headers={"Authorization": f"Bearer {key}"}, timeout=10) as http:
            while http.post("/v1/events", json=[]).status_code == 401:
                threading.Event().wait(0.05)
