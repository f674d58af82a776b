"""PostgreSQL answers late, not at all, or with an error: the worker comes through, and nothing is left out or counted twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.faults import nobody_saves
from tests.crash.load import deliveries, load, send
from tests.crash.oracle import check
from tests.crash.proxy import cut_at_commit
from tests.crash.stream import Servers, stream
from tests.small_disk import mounted_disk

pytestmark = [pytest.mark.crash, pytest.mark.integration]

LOG = deliveries(1_500, seed=5)


def test_a_connection_that_breaks_at_commit_leaves_nothing_out_and_counts_nothing_twice(servers: Servers) -> None:
    with stream(servers) as running, cut_at_commit(running.url, every=4) as (proxy, url):
        worker = running.worker(PORTRAIT_WORKER_URL=url, PORTRAIT_BATCH_EVENTS="100", PORTRAIT_FETCH_RECORDS="100")
        with load(running.kafka, LOG, seconds=3) as under_way:
            running.until(lambda: under_way.done)
        running.drain()
        assert check(running, LOG).received == len(LOG)
        assert {"arrived", "lost"} <= set(proxy.cut)
        assert worker.codes == []


def test_a_worker_whose_partition_stands_still_ends_and_goes_on_when_it_can(servers: Servers) -> None:
    with stream(servers) as running:
        with nobody_saves(running) as halted:
            worker = running.worker(PORTRAIT_STALL_SECONDS="2")
            send(running.kafka, LOG)
            running.until(lambda: halted() > 0, 30, what="a transaction that halts")
            running.until(lambda: worker.codes, 40, what="the end of a worker that stands still")
        running.expel_the_dead()
        running.drain()
        check(running, LOG)
        assert set(worker.codes) == {"exit 72"}
        assert "none was applied for 2 s" in worker.log


@pytest.fixture
def small_disk(servers: Servers) -> Iterator[Path]:
    """A file system of 48 MB that PostgreSQL may write to."""
    with mounted_disk(48) as place:
        owner = (servers.home.postgres / "data").stat()
        tables = place / "tables"
        tables.mkdir(mode=0o700)
        os.chown(tables, owner.st_uid, owner.st_gid)
        place.chmod(0o755)
        yield place


def test_a_full_disk_stops_the_worker_until_there_is_room_again(servers: Servers, small_disk: Path) -> None:
    with stream(servers, tables=small_disk / "tables") as running:
        worker = running.worker(PORTRAIT_BATCH_EVENTS="200", PORTRAIT_FETCH_RECORDS="100")
        send(running.kafka, LOG[:300])
        running.drain()
        before = running.positions()
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 64 * 1024))
        send(running.kafka, LOG[300:])
        running.until(lambda: "No space left on device" in worker.log, 30, what="a disk that is full")
        ballast.unlink()
        assert all(running.positions()[place] >= at for place, at in before.items())
        running.drain()
        check(running, LOG)
        assert worker.codes == []
