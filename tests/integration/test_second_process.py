"""The collector's second process is killed and frozen while large requests come in: each is answered, nothing is lost."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.integration.running_collector import RunningCollector, running_collector
from tests.integration.test_collector import event
from tests.topic_reader import records

pytestmark = pytest.mark.integration

EVENTS = 100
SENDERS = 3


def second_of(collector: RunningCollector, seconds: float = 20.0) -> int:
    """The pid of the second process, as soon as there is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for child in psutil.Process(collector.process.pid).children():
            with suppress(psutil.Error):
                if child.status() != psutil.STATUS_ZOMBIE and "producers.intake.offloaded" in child.cmdline():
                    return child.pid
        time.sleep(0.05)
    raise AssertionError("there is no second process")


def calls(mark: str) -> list[dict[str, Any]]:
    return [
        {"type": "track", "event": "Seen", "userId": f"u-{n % 7}", "messageId": f"{mark}-{n}"} for n in range(EVENTS)
    ]


def test_every_answer_is_true_while_the_second_process_is_killed_and_frozen(kafka: str, tmp_path: Path) -> None:
    accepted: Counter[str] = Counter()
    over = threading.Event()
    wrong: list[str] = []

    def send(http: httpx.Client, segment: bool) -> None:
        while not over.is_set():
            mark = f"second-{uuid4().hex}"
            if segment:
                body, address = json.dumps({"batch": calls(mark)}).encode(), "/v1/batch"
            else:
                body, address = json.dumps([event(f"{mark}-{n}") for n in range(EVENTS)]).encode(), "/v1/events"
            answer = http.post(
                address,
                content=gzip.compress(body, 1),
                headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
            )
            if answer.status_code != 200 or answer.json()["accepted"] != EVENTS:
                wrong.append(answer.text)
            accepted[mark] += EVENTS

    with running_collector(kafka, tmp_path) as collector:
        first = second_of(collector)
        headers = {"Authorization": f"Bearer {collector.key}"}
        with httpx.Client(base_url=collector.url, headers=headers, timeout=30) as http:
            senders = [threading.Thread(target=send, args=(http, n % 2 == 1)) for n in range(SENDERS)]
            for each in senders:
                each.start()
            try:
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL):
                    time.sleep(1.0)
                    os.kill(second_of(collector), number)
                    time.sleep(6.0 if number == signal.SIGSTOP else 1.0)  # a frozen one is given up after five seconds
            finally:
                over.set()
                for each in senders:
                    each.join(60)
        assert wrong == []
        assert second_of(collector) != first
    found = Counter(
        json.loads(record.value)["id"].rpartition("-")[0]
        for record in records(kafka, "events.loyalty", "events.web")
        if b'"second-' in record.value
    )
    assert sum(accepted.values()) > 20 * EVENTS
    assert found == accepted  # each event once: it is Kafka's only when the collector itself has sent it


def test_with_one_process_threads_do_all_of_it(kafka: str, tmp_path: Path) -> None:
    with running_collector(kafka, tmp_path, PORTRAIT_COLLECTOR_PROCESSES="1") as collector:
        headers = {"Authorization": f"Bearer {collector.key}", "Content-Type": "application/json"}
        body = json.dumps([event(uuid4().hex) for _ in range(EVENTS)])
        answer = httpx.post(f"{collector.url}/v1/events", content=body, headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["accepted"]) == (200, EVENTS)
        assert psutil.Process(collector.process.pid).children() == []
