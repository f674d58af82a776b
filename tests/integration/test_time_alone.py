"""A worker that runs on the real clock: what ends by time alone ends when it should, with nobody doing anything."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from tests.crash.load import Raw, send
from tests.crash.stream import Servers, stream

pytestmark = pytest.mark.integration

SOON_MS = 4_000
MONTH_MS = 31 * 24 * 60 * 60 * 1000


def purchase(at: int) -> Raw:
    """A purchase at Unix ms `at`."""
    event = {
        "specversion": "1.0",
        "id": "first",
        "source": "/till",
        "type": "loyalty.card_scanned.v1",
        "time": datetime.fromtimestamp(at / 1000, UTC).isoformat(),
        "data": {
            "customer": {"card_no": "8401"},
            "store_id": "HCM-01",
            "basket": {"id": "1", "total": {"amount": "50000", "currency": "VND"}},
        },
    }
    return Raw("events.loyalty", b"card_no:8401", json.dumps(event).encode())


def test_a_segment_is_left_soon_after_its_time_is_over_and_not_before(servers: Servers) -> None:
    with stream(servers) as running:
        running.worker(PORTRAIT_NOW_MS="")
        running.until(lambda: running.rows("select 1 from portrait.sweeps where finished_at is not null"), 30)
        over = time.time_ns() // 1_000_000 + SOON_MS  # a month after this purchase its customer is new no more
        send(running.kafka, [purchase(over - MONTH_MS)])
        at = "floor(extract(epoch from at) * 1000)::bigint"
        changes = f"select segment, action, {at} from crm.segment_changes where family = 'lifecycle' order by change_id"
        running.until(lambda: len(running.rows(changes)) == 3, 30, what="a customer who is new no more")
        told = running.rows(changes)
        assert [each[:2] for each in told] == [("new", "entered"), ("new", "left"), ("current", "entered")]
        entered, left, current = (at for *_, at in told)
        print(f"left {left - over} ms after its time was over")
        assert entered < over <= left == current
