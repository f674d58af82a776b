"""(b), (c): from HTTP into the store, through the collector and the workers: how many a second, and how late."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ops.bench.results import Latency, Sustained
from ops.bench.sender import ARRAY, Form, Sent
from ops.bench.stack import PARTITIONS, BenchStack
from ops.bench.watch import applied, asking, commits, costs, outbox_empty, surroundings, wait_for
from ops.bench.workload import Workload
from ops.local.home import LocalStackError
from schemas.topics import TOPICS

Progress = Callable[[str, int, int], None]

CONNECTIONS = 4
PROBE_EVERY = 20
"""One event of so many is looked for in (c)."""

_POLL = 0.01  # seconds between looks for probes: what a latency can be too long by


class Answers:
    """What the load generator has reported so far."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process = process
        self._errors = errors
        self._told: list[Sent] = []
        self._thread = threading.Thread(target=self._listen, name="answers", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        decode = msgspec.json.Decoder(Sent).decode
        for line in self._process.stdout:
            self._told.append(decode(line))

    def since(self, known: int) -> list[Sent]:
        """What was reported after the first `known` answers. Raises LocalStackError when the generator has failed."""
        if self._process.poll():
            raise LocalStackError(f"the load generator failed: {self._errors.read_text()}")
        return self._told[known:]

    def all(self) -> list[Sent]:
        """Every answer, once the generator has ended."""
        self._process.wait(timeout=60)
        self._thread.join()
        return self.since(0)

    def close(self) -> None:
        """Waits for the end of a generator that was told to stop, and lets go of its pipe."""
        self._process.wait(timeout=10)
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def start_parts(stack: BenchStack, progress: Progress) -> None:
    """Starts collector, relay and workers; returns when every worker has its share of the partitions."""
    progress("Starting the collector and the workers", 0, 0)
    stack.start("collector", "relay", *stack.workers)
    partitions = PARTITIONS * sum("prepare" in topic.readers or "customers" in topic.readers for topic in TOPICS)

    def assigned(at: Any) -> bool:
        at.execute(
            "select (select count(*) from portrait.positions), "
            "(select count(*) from pg_stat_activity where application_name = 'portrait-worker')"
        )
        known, connected = at.fetchone()
        return bool(known >= partitions and connected >= len(stack.workers))

    wait_for(stack, assigned, "to share out the partitions")


def write_payloads(workload: Workload, file: Path, progress: Progress) -> None:
    """One event a line."""
    with open(file, "wb") as lines:
        for first, end in workload.chunks(2_000):
            lines.write(b"\n".join(workload.payloads(first, end)) + b"\n")
            progress("Making the events", end, workload.events)


@contextmanager
def sending(
    stack: BenchStack, file: Path, batch: int, rate: float | None, connections: int = CONNECTIONS, form: Form = ARRAY
) -> Iterator[Answers]:
    """The load generator at work, as a process of its own."""
    limits = () if rate is None else ("--rate", str(rate))
    errors = stack.home.log_file("sender")
    with open(errors, "wb") as said:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ops.bench.sender", stack.collector, str(file)),
                *("--batch", str(batch), "--connections", str(connections), *limits),
                *("--path", form.path, f"--begin={form.begin.decode()}", f"--end={form.end.decode()}"),
            ],
            env={**os.environ, "PORTRAIT_SOURCE_KEY": stack.source_key},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
    stack.meter.watch("sender", process.pid)
    answers = Answers(process, errors)
    try:
        yield answers
    finally:
        process.terminate()
        answers.close()


def send_all(
    stack: BenchStack, workload: Workload, file: Path, batch: int, progress: Progress
) -> tuple[float, list[Sent]]:
    """Sends `file`, which holds `workload`, as fast as it is taken, and waits until the last event is in the store.

    Returns when that was (monotonic), and every answer.
    """
    with asking(stack) as at:
        base = applied(at)
    ended = time.monotonic()
    with sending(stack, file, batch, None) as answers:
        for seen in commits(stack, workload.events, base):
            ended = seen.at
            answers.since(0)
            progress("From HTTP into crm", seen.stored, workload.events)
        return ended, answers.all()


def warm_up(stack: BenchStack, workload: Workload, batch: int, progress: Progress) -> None:
    """Sends a small workload and waits until everything is as quiet as before."""
    file = stack.home.path / "warm-up.jsonl"
    write_payloads(workload, file, progress)
    send_all(stack, workload, file, batch, progress)
    wait_for(stack, outbox_empty, "to publish the first profiles")


def measure_sustained(stack: BenchStack, workload: Workload, batch: int, progress: Progress) -> Sustained:
    """(b). The parts are running, and idle."""
    file = stack.home.path / "events.jsonl"
    write_payloads(workload, file, progress)
    stack.ask("checkpoint")
    before = stack.meter.read()
    ended, told = send_all(stack, workload, file, batch, progress)
    wait_for(stack, outbox_empty, "to publish the profiles")
    published, after = time.monotonic(), stack.meter.read()
    begun = min(sent.left for sent in told)
    took = sorted(1000 * (sent.answered - sent.left) for sent in told)
    return Sustained(
        events=workload.events,
        workers=len(stack.workers),
        batch=batch,
        connections=CONNECTIONS,
        rate=workload.events / (ended - begun),
        answered=workload.events / (max(sent.answered for sent in told) - begun),
        p50_ms=quantile(took, 0.50),
        p99_ms=quantile(took, 0.99),
        retries=sum(sent.tries - 1 for sent in told),
        costs=costs(stack.meter, before, after, workload.events),
        surroundings=surroundings(before, after, published - begun, os.cpu_count() or 1),
    )


def measure_latency(stack: BenchStack, workload: Workload, batch: int, rate: float, progress: Progress) -> Latency:
    """(c): `workload` at a steady `rate` (events a second). The parts are running, and idle."""
    file = stack.home.path / "events.jsonl"
    write_payloads(workload, file, progress)
    keys = [
        [workload.key(number) for number in range(first, end, PROBE_EVERY)] for first, end in workload.chunks(batch)
    ]
    begun, before = time.monotonic(), stack.meter.read()
    late: list[float] = []
    waiting: dict[str, float] = {}
    known = 0
    with sending(stack, file, batch, rate) as answers, asking(stack) as at:
        moved = time.monotonic()
        while known < len(keys) or waiting:
            for sent in answers.since(known):
                known += 1
                waiting.update(dict.fromkeys(keys[sent.number], sent.answered))
            if waiting:
                at.execute("select key from portrait.events where key = any (%s::uuid[])", (list(waiting),))
                found = at.fetchall()
                now = time.monotonic()
                late.extend(now - waiting.pop(key.replace("-", "")) for (key,) in found)
                moved = now if found else moved
            else:
                moved = time.monotonic()
            if time.monotonic() - moved > 60:
                raise LocalStackError(f"{len(waiting)} events have not become visible for 60 s; see {stack.home.log}")
            stack.check()
            progress(f"From HTTP into crm, {rate:,.0f} events a second", known * batch, workload.events)
            time.sleep(_POLL)
        seconds = time.monotonic() - begun
        after = stack.meter.read()
        told = answers.all()
    late.sort()
    took = sorted(sent.answered - sent.left for sent in told)
    return Latency(
        rate=rate,
        seconds=seconds,
        probes=len(late),
        p50_ms=1000 * quantile(late, 0.50),
        p90_ms=1000 * quantile(late, 0.90),
        p99_ms=1000 * quantile(late, 0.99),
        max_ms=1000 * late[-1],
        answer_p50_ms=1000 * quantile(took, 0.50),
        answer_p99_ms=1000 * quantile(took, 0.99),
        late=sum(sent.left - sent.due > 1.0 for sent in told),
        surroundings=surroundings(before, after, seconds, os.cpu_count() or 1),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of `ordered` (ascending, not empty) do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
