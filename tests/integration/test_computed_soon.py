"""A worker that runs on the real clock: segments follow within seconds when a job has run, with nobody doing anything else."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from ops.adopters import draw
from ops.computed import hand_over
from tests.crash.load import Raw, send
from tests.crash.stream import Servers, stream

pytestmark = pytest.mark.integration

HOUR_MS = 60 * 60 * 1000


def purchase(card: str, at: int) -> Raw:
    """Somebody buys the new shoe at Unix ms `at`."""
    item = {"sku": "SHOE", "name": "Giày", "quantity": "1", "amount": "50000"}
    event = {
        "specversion": "1.0",
        "id": card,
        "source": "/till",
        "type": "loyalty.card_scanned.v1",
        "time": datetime.fromtimestamp(at / 1000, UTC).isoformat(),
        "data": {
            "customer": {"card_no": card},
            "store_id": "HCM-01",
            "basket": {"id": card, "items": [item], "total": {"amount": "50000", "currency": "VND"}},
        },
    }
    return Raw("events.loyalty", f"card_no:{card}".encode(), json.dumps(event).encode())


def test_segments_follow_within_seconds_when_a_job_has_run(servers: Servers) -> None:
    with stream(servers) as running:
        running.worker(PORTRAIT_NOW_MS="")
        running.until(lambda: running.rows("select 1 from portrait.sweeps where finished_at is not null"), 30)
        now = time.time_ns() // 1_000_000
        send(running.kafka, [purchase("8401", now - 2 * HOUR_MS), purchase("8402", now - HOUR_MS)])
        running.until(lambda: running.rows("select count(*) from portrait.customers") == [(2,)], 30)
        assert draw(running.url, buyers=2, products=1, after_days=0).customers["early_majority"] == 1
        assert hand_over(running.url, time.time_ns() // 1_000_000, lambda _done, _of: None).changed == 2
        handed = time.monotonic()
        query = "select segment, action, backfill from crm.segment_changes where family = 'adopters' order by segment"
        running.until(lambda: len(running.rows(query)) == 2, 30, what="customers in their groups of adopters")
        print(f"in their groups {time.monotonic() - handed:.1f} s after the job")
        assert running.rows(query) == [("early_majority", "entered", False), ("late_majority", "entered", False)]
