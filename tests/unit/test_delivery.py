"""How long Kafka and the disk are waited for, when whoever sends wants an answer by then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any, cast

import pytest

from producers.broker.publisher import Publisher
from producers.doors.webhooks import PATIENCE
from producers.intake.delivery import Delivery, Patience
from producers.intake.turns import Turns
from producers.record import Record
from producers.request.problems import Problem
from producers.spool.keep import Spool


class Silent:
    """Kafka that never acknowledges, and a disk that is never done: what is handed over stays where it is."""

    def __init__(self) -> None:
        self.handed_over: list[Future[None]] = []

    def holds(self, source: str) -> bool:
        return False

    def publish(self, *_: Any) -> Future[None]:
        self.handed_over.append(Future())
        return self.handed_over[-1]

    append = publish


@pytest.fixture
def turns() -> Iterator[Turns]:
    with closing(Turns()) as made:
        yield made


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize(("spooling", "code", "asked"), [(True, "spool_failed", 2), (False, "unavailable", 1)])
def test_the_answer_comes_in_time_though_neither_kafka_nor_the_disk_answers(
    turns: Turns, spooling: bool, code: str, asked: int, count: int
) -> None:
    silent = Silent()
    delivery = Delivery(cast(Publisher, silent), cast(Spool, silent) if spooling else None, turns)
    records = [Record("events.social", None, b"{}")] * count
    begun = time.monotonic()
    with pytest.raises(Problem) as refused:
        asyncio.run(delivery.deliver("zalo-oa", records, Patience(kafka=0.1, altogether=0.2)))
    assert (refused.value.status, refused.value.code) == (503, code)
    assert len(silent.handed_over) == asked
    assert 0.1 <= time.monotonic() - begun < 5  # whoever is patient waits longer


def test_webhooks_are_answered_before_zalo_stops_waiting() -> None:
    assert PATIENCE.kafka is not None
    assert PATIENCE.altogether is not None
    assert PATIENCE.kafka < PATIENCE.altogether < 2
    assert PATIENCE.for_disk(0.5) == pytest.approx(1.3)
    assert PATIENCE.for_disk(5) == 0
