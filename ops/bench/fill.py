"""Fills `events.valid` as `prepare` would, on all cores: raw events of a workload, prepared, acknowledged by Kafka."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache

from ops.bench.workload import Workload
from processors.prepare import prepare
from processors.reference import Reference, load_reference
from producers.broker.publisher import Publisher
from producers.record import Record
from schemas import clean
from schemas.clean import CleanEvent
from schemas.rejected import Rejected
from schemas.topics import VALID, raw_topic

_CHUNK = 2_500

Pair = tuple[bytes, bytes]
"""Key and value of a record on `events.valid`."""


@cache
def reference() -> Reference:
    """What `prepare` looks up, with the settings of this environment."""
    return load_reference(os.environ)


def prepared(payload: bytes, origin: str, received_ms: int) -> CleanEvent:
    """The clean event of a raw one of ours. Raises ValueError when it is refused, which the workload must not be."""
    outcome = prepare(payload, origin=origin, received_ms=received_ms, reference=reference())
    if isinstance(outcome, Rejected):
        raise ValueError(f"the workload's own event is refused: {outcome}")
    return outcome


def clean_events(workload: Workload, first: int, end: int) -> Iterator[CleanEvent]:
    """Events `first` to `end` of the workload, as they come out of `prepare`."""
    received = int(workload.anchor.timestamp() * 1000)
    for number, payload in enumerate(workload.payloads(first, end), first):
        topic = raw_topic(workload.type_of(number))
        yield prepared(payload, f"{topic}/{number % 8}/{number}", received)


def fill_valid(workload: Workload, kafka: str, progress: Callable[[int, int], None]) -> None:
    """Prepares all events of `workload` and writes them to `events.valid`. `progress` is told (done, of how many)."""
    publisher = Publisher(kafka, topics=(VALID,), timeout=60.0, linger_ms=20)
    try:
        publisher.wait_connected(30.0)
        done = 0
        for pairs in _in_order(workload):
            publisher.publish([Record(VALID, key, value) for key, value in pairs]).result()
            done += len(pairs)
            progress(done, workload.events)
    finally:
        publisher.close()


def _pairs(workload: Workload, first: int, end: int) -> list[Pair]:
    return [(clean.partition_key(event), clean.encode(event)) for event in clean_events(workload, first, end)]


def _in_order(workload: Workload) -> Iterator[list[Pair]]:
    """Made by several processes, a few chunks ahead, in the order of the workload."""
    processes = os.cpu_count() or 1
    if workload.events <= 2 * _CHUNK:  # less work than starting them
        yield from (_pairs(workload, first, end) for first, end in workload.chunks(_CHUNK))
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        ahead: deque[Future[list[Pair]]] = deque()
        for first, end in workload.chunks(_CHUNK):
            ahead.append(pool.submit(_pairs, workload, first, end))
            if len(ahead) > 2 * processes:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
