"""The client and a real collector: everything arrives, also over a Kafka that freezes and a collector that restarts."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ops.local.child import Child
from producers.client import Client
from producers.openapi.events import first_examples
from schemas.topics import RAW_NAMES
from tests.integration.running_collector import running_collector
from tests.topic_reader import records

pytestmark = pytest.mark.integration


def form(mark: str, number: int) -> dict[str, Any]:
    data = {"form": {"id": "f", "kind": "contact"}, "customer": {"email": f"{number}@example.vn"}}
    return {"id": f"{mark}-{number}", "type": "web.form_submitted.v1", "data": data}


def how_often(bootstrap: str, mark: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in records(bootstrap, *RAW_NAMES):
        if mark.encode() in record.value:
            id_ = record.value.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
            counts[id_] = counts.get(id_, 0) + 1
    return counts


def test_every_kind_of_event_arrives_and_what_is_wrong_comes_back(kafka: str, tmp_path: Path) -> None:
    mark = uuid4().hex
    with running_collector(kafka, tmp_path) as collector:
        with Client(collector.url, key=collector.key, source="/tests") as portrait:
            for example in first_examples().values():
                portrait.send(example | {"id": f"{mark}-{example['type']}"})
            portrait.send({"id": f"{mark}-wrong", "type": "web.form_submitted.v1", "data": {}})
        assert portrait.accepted == len(first_examples())
        assert [(rejected.id, rejected.code) for rejected in portrait.rejected] == [(f"{mark}-wrong", "missing_field")]
    assert how_often(kafka, mark) == {f"{mark}-{kind}": 1 for kind in first_examples()}


@pytest.mark.crash
def test_everything_arrives_over_a_kafka_that_freezes_and_a_collector_without_a_spool(
    breakable_kafka: tuple[Child, str], tmp_path: Path
) -> None:
    broker, address = breakable_kafka
    mark = uuid4().hex
    with running_collector(address, tmp_path, PORTRAIT_SPOOL="off") as collector:
        with Client(collector.url, key=collector.key, source="/tests", batch_events=100) as portrait:
            for number in range(1_000):
                portrait.send(form(mark, number))
            broker.freeze()
            for number in range(1_000, 2_000):
                portrait.send(form(mark, number))
            with pytest.raises(Exception, match="events are not answered yet"):
                portrait.flush(4)
            broker.thaw()
        assert (portrait.accepted, portrait.rejected_count) == (2_000, 0)
    assert set(how_often(address, mark)) == {f"{mark}-{number}" for number in range(2_000)}
