"""The bench itself, at a size that takes a minute: it measures everything, and what it sends is all stored."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ops.bench.results import Results
from ops.bench.run import Sizes, run_bench

pytestmark = pytest.mark.integration

SMALL = msgspec.structs.replace(
    Sizes.quick(1), events=4_000, customers=500, seconds=1.0, rate=200.0, population=2_000, stages=500
)


def test_the_bench_measures_what_it_is_asked_for_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file, tables, place = tmp_path / "bench.json", tmp_path / "bench.md", tmp_path / "place"
    place.mkdir()

    found = run_bench(("b", "c", "d", "e", "j", "k"), sizes=SMALL, json_file=file, markdown_file=tables, place=place)

    assert found.backlog is None
    assert found.flat is None
    assert found.sustained is not None
    assert found.latency is not None
    assert found.stages is not None
    assert found.crowded is not None
    assert (found.sustained.events, found.sustained.workers, found.sustained.batch) == (4_000, 1, 200)
    assert found.latency.probes == 10
    assert found.doors is not None
    assert [(door.batch, door.events) for door in found.doors] == [(1, 800), (100, 4_000), (100, 4_000)]
    assert all(0 < door.requests * door.batch == pytest.approx(door.rate) for door in found.doors)
    assert found.swept is not None
    assert (found.swept.customers, 100 <= found.swept.entered <= 300) == (2_000, True)
    assert (found.crowded.events, found.crowded.existing) == (4_000, 2_000)
    assert {cost.process for cost in found.crowded.costs} == {*("kafka", "postgres", "relay", "worker-1", "bench")}
    assert all(cost.rss_mb > 1 for cost in found.crowded.costs)
    assert {stage.events for stage in found.stages if stage.name.startswith("apply")} == {500}
    assert msgspec.json.decode(file.read_bytes(), type=Results) == found
    assert "## (b) From HTTP into crm" in tables.read_text()
    assert list(place.iterdir()) == []
