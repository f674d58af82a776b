"""(j): the collector alone, from a request to the acknowledgement of Kafka: how many it answers a second. No worker runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ops.bench.results import Door
from ops.bench.sender import ARRAY, Form
from ops.bench.stack import BenchStack
from ops.bench.through_http import quantile, sending
from ops.bench.watch import costs, surroundings
from ops.bench.workload import Event, Workload

Progress = Callable[[str, int, int], None]

SENT_AT = "2026-11-25T08:00:00.000Z"


class Kind(NamedTuple):
    """A way of sending: `batch` events a request, over so many connections; `of` makes a line of the file of an event."""

    name: str
    batch: int
    connections: int
    form: Form
    of: Callable[[Event], Any]


def call_of(event: Event) -> dict[str, Any]:
    """What a client of Segment or RudderStack would have said in the place of an event of the bench."""
    data = event["data"]
    customer = data["customer"]
    call: dict[str, Any] = {
        "messageId": event["id"],
        "originalTimestamp": event["time"],
        "context": {"library": {"name": "rudder-analytics-python", "version": "2.1.0"}, "locale": "vi-VN"},
    }
    if "basket" in data:
        basket = data["basket"]
        products = [
            {"sku": each["sku"], "name": each["name"], "category": each["category"]} for each in basket["items"]
        ]
        said = {"order_id": basket["id"], "total": basket["total"]["amount"], "currency": "VND", "products": products}
        return call | {"type": "track", "event": "Order Completed", "userId": customer["card_no"], "properties": said}
    if "form" in data:
        traits = {"name": customer["full_name"], "birthday": customer["birthday"], "phone": customer["phone"]}
        return call | {"type": "identify", "userId": customer["email"], "traits": traits | {"email": customer["email"]}}
    return call | {
        "type": "track",
        "event": data["action"],
        "anonymousId": customer["facebook_id"],
        "properties": data["content"],
    }


KINDS = (
    Kind("single events", 1, 48, Form("/v1/events", b"", b""), lambda event: event),
    Kind("batches of 100", 100, 8, ARRAY, lambda event: event),
    Kind(
        "batches of 100 calls, as RudderStack sends them",
        100,
        8,
        Form("/v1/batch", b'{"sentAt":"' + SENT_AT.encode() + b'","batch":[', b"]}"),
        call_of,
    ),
)


def measure_doors(stack: BenchStack, workload: Workload, progress: Progress) -> Iterator[Door]:
    """Each kind with events of its own: all of `workload` in batches, a fifth of it in requests of one event."""
    progress("Starting the collector", 0, 0)
    stack.start("collector")
    for at, kind in enumerate(KINDS):
        events = workload.events if kind.batch > 1 else workload.events // 5
        file = stack.home.path / f"door-{at}.jsonl"
        _write(Workload(f"{workload.name}{at}", events, workload.customers, workload.anchor), kind, file, progress)
        yield _measured(stack, kind, file, events, progress)


def _write(workload: Workload, kind: Kind, file: Path, progress: Progress) -> None:
    encode = msgspec.json.Encoder().encode
    with open(file, "wb") as lines:
        for first, end in workload.chunks(2_000):
            lines.writelines(encode(kind.of(workload.event(number))) + b"\n" for number in range(first, end))
            progress("Making the events", end, workload.events)


def _measured(stack: BenchStack, kind: Kind, file: Path, events: int, progress: Progress) -> Door:
    before, known = stack.meter.read(), 0
    with sending(stack, file, kind.batch, None, kind.connections, kind.form) as answers:
        while known < -(-events // kind.batch):
            known += len(answers.since(known))
            progress(f"From HTTP into Kafka: {kind.name}", min(known * kind.batch, events), events)
            time.sleep(0.05)
        after = stack.meter.read()
        told = answers.all()
    begun, ended = min(sent.left for sent in told), max(sent.answered for sent in told)
    took = sorted(1000 * (sent.answered - sent.left) for sent in told)
    return Door(
        kind=kind.name,
        events=events,
        batch=kind.batch,
        connections=kind.connections,
        requests=len(told) / (ended - begun),
        rate=events / (ended - begun),
        p50_ms=quantile(took, 0.50),
        p99_ms=quantile(took, 0.99),
        costs=costs(stack.meter, before, after, events),
        surroundings=surroundings(before, after, ended - begun, os.cpu_count() or 1),
    )
