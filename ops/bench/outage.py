"""What the collector does while Kafka is away: `python -m ops.bench.outage --rate 1000 --seconds 60`.

Requests of one event go to a collector by the clock; then Kafka is killed (or frozen) for so long, and comes back. Told are
the memory of the collector, how late it answers, and how soon its spool is empty again. Every event that was answered for
must be in Kafka in the end, else the run is an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
from kafka import KafkaConsumer, TopicPartition

from ops.bench.machine import look_at_machine, now
from ops.bench.sender import Sent
from ops.bench.through_http import quantile, write_payloads
from ops.bench.workload import Workload
from ops.local.child import Child, Process, tail
from ops.local.home import LOOPBACK, Home, LocalStackError
from ops.local.kafka import KafkaServer
from ops.local.stack import start_kafka
from ops.spool import CollectorSilent, Spool, read_spool
from ops.topics import create_topics
from producers.keys.changes import add_source
from schemas.topics import RAW_NAMES

_LEAD = 10.0  # seconds of every day before, and after
_EVERY = 0.1
_SILENCE = 30.0
_PATIENCE = 600.0
MB = 1024 * 1024


@dataclass
class Watched:
    """The most that was seen of the collector, and when (monotonic): Kafka left, came back, the spool was empty."""

    before: int = 0
    resident: int = 0
    records: int = 0
    size: int = 0
    left: float = 0.0
    back: float = 0.0
    empty: float = 0.0


class Outage:
    """One run, in a home of its own."""

    def __init__(self, home: Home, kafka: Child, collector: Child, url: str) -> None:
        self._home = home
        self._kafka = kafka
        self._collector = collector
        self._url = url
        self.seen = Watched()

    def run(self, fault: str, seconds: float) -> None:
        """Everything but the sending, which goes on meanwhile. Raises LocalStackError."""
        self.watch(_LEAD)
        self.seen.before, self.seen.resident = self.seen.resident, 0
        self.seen.left = time.monotonic()
        self._kafka.kill() if fault == "kill" else self._kafka.freeze()
        self.watch(seconds)
        if fault == "kill":
            self._kafka.start()
        else:
            self._kafka.thaw()
        self.watch(_PATIENCE, until=self._kafka.ready)
        self.seen.back = time.monotonic()
        self.watch(_PATIENCE, until=lambda: self.spool().records == 0)
        self.seen.empty = time.monotonic()

    def watch(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        process, end = psutil.Process(self._collector.pid), time.monotonic() + seconds
        while time.monotonic() < end and not until():
            self.seen.resident = max(self.seen.resident, process.memory_info().rss)
            spool = self.spool()
            self.seen.records, self.seen.size = (
                max(spool.records, self.seen.records),
                max(spool.size_bytes, self.seen.size),
            )
            time.sleep(_EVERY)

    def spool(self) -> Spool:
        """What the collector says, which may take it a while. Raises LocalStackError when it does not."""
        end = time.monotonic() + _SILENCE
        while True:
            with suppress(CollectorSilent):
                if spool := read_spool(self._url):
                    return spool
            if time.monotonic() > end:
                raise LocalStackError(
                    f"the collector does not answer; the end of its log:\n{tail(self._collector.log)}"
                )


def values_in(kafka: str) -> Iterator[bytes]:
    """The value of every record in the raw topics."""
    consumer = KafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, metrics_enabled=False)
    try:
        parts = [TopicPartition(topic, n) for topic in RAW_NAMES for n in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for batch in consumer.poll(timeout_ms=500).values():
                yield from (record.value for record in batch)
    finally:
        consumer.close()


def _told(begun: float, end: float, sent: list[Sent]) -> str:
    """How requests that were due between two instants were answered."""
    chosen = [each for each in sent if begun <= each.due < end]
    late = sorted(1000 * (each.answered - each.due) for each in chosen)
    ended = max(each.answered for each in chosen)
    rate = f"{len(chosen) / (ended - begun):,.0f} requests/s"
    return f"{rate}, answered p50 {quantile(late, 0.5):,.0f} ms, p99 {quantile(late, 0.99):,.0f} ms after it was due"


def measure(place: Path, rate: int, seconds: float, fault: str, connections: int) -> None:
    """Print what was found. Raises LocalStackError."""
    home = Home.open(place / "home")
    workload = Workload("outage", int(rate * (seconds + 3 * _LEAD)), range(20_000), now())
    file = place / "events.jsonl"
    write_payloads(workload, file, lambda *_: None)
    with ExitStack() as stack:
        kafka = stack.enter_context(start_kafka(home, say=lambda _: None))
        address = KafkaServer.at(home).address
        create_topics(address, 8)
        port, keys = home.port("collector"), home.path / "keys.yaml"
        key = add_source(keys, "bench")
        settings = {"PORTRAIT_KAFKA": address, "PORTRAIT_KEYS": str(keys), "PORTRAIT_COLLECTOR_PORT": str(port)}
        collector = Process("collector", (sys.executable, "-m", "producers.collector"), env=settings)
        child = stack.enter_context(Child(home, collector))
        child.start()
        url = f"http://{LOOPBACK}:{port}"
        outage = Outage(home, kafka, child, url)
        while read_spool(url) is None:
            time.sleep(_EVERY)
        words = (url, str(file), "--batch", "1", "--rate", str(rate), "--connections", str(connections))
        told = place / "told"
        with open(told, "wb") as output:
            sender = subprocess.Popen(
                [sys.executable, "-m", "ops.bench.sender", *words],
                env={**os.environ, "PORTRAIT_SOURCE_KEY": key},
                stdout=output,
            )
        stack.callback(sender.wait)
        stack.callback(sender.terminate)
        outage.run(fault, seconds)
        if sender.wait():
            raise LocalStackError("the load generator failed")
        sent = [msgspec.json.decode(line, type=Sent) for line in told.read_bytes().splitlines()]
        outage.watch(_PATIENCE, until=lambda: outage.spool().records == 0)
        child.stop()
        found = sum(1 for _ in values_in(address))
        missing = set(file.read_bytes().splitlines()) - set(values_in(address))
    seen = outage.seen
    begun = min(each.due for each in sent)
    print(f"Kafka: {fault}, back after {seen.back - seen.left:.0f} s; {len(sent):,} requests of one event")
    print(f"before: {_told(begun, seen.left, sent)}; RSS {seen.before / MB:.0f} MB")
    print(
        f"away:   {_told(seen.left, seen.left + seconds, sent)}; RSS {seen.resident / MB:.0f} MB at most, draining included"
    )
    print(
        f"spool:  {seen.records:,} records, {seen.size / MB:.0f} MB at most, drained {seen.empty - seen.back:.1f} s after"
    )
    print(f"sent again after a 503: {sum(each.tries - 1 for each in sent):,}")
    print(f"Kafka has {found:,} records, {found - len(sent):,} of them twice; {len(missing):,} events are missing")
    print(look_at_machine(home.path))
    if missing:
        raise LocalStackError("events that were answered for are not in Kafka")


def main(arguments: list[str] | None = None) -> int:
    """0 when every event that was answered for is in Kafka."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.outage", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rate", type=int, default=1000, help="requests of one event a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long Kafka is away")
    parser.add_argument("--fault", choices=("kill", "freeze"), default="kill")
    parser.add_argument("--connections", type=int, default=32)
    asked = parser.parse_args(arguments)
    place = Path(tempfile.mkdtemp(prefix="portrait-bench-"))
    try:
        measure(place, asked.rate, asked.seconds, asked.fault, asked.connections)
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
