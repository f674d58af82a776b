"""(k): a segment is added to a store that has many customers: until it is known of each of them whether they are in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from psycopg2.extensions import cursor

from ops.bench.population import populate
from ops.bench.results import Swept
from ops.bench.stack import BenchStack, bench_stack
from ops.bench.watch import STALLED_SECONDS, costs, outbox_empty, surroundings, wait_for
from ops.local.home import LOOPBACK, LocalStackError

Progress = Callable[[str, int, int], None]

SEGMENT = "bench_enrolled"

RULES = f"""
family: bench
about: A family of the operator's own, of which one customer in ten is.
version: 1
choose: every
segments:
  - segment: {SEGMENT}
    about: Got a card within the last 73 days, and has bought nothing yet.
    when: orders == 0 && within(first_seen, "73d")
"""
"""People enrol evenly over 730 days."""

_EVERY = 0.1  # seconds between looks
_SWEPT = "portrait_segments_swept"

_TOOK = """
    select extract(epoch from finished_at - begun_at)::float8 from portrait.sweeps order by begun_at desc limit 1
"""
"""Seconds from when a worker came with the new rules until everybody was evaluated by them, by PostgreSQL's clock."""


def measure_new_rules(people: int, anchor: datetime, workers: int, parent: Path | None, progress: Progress) -> Swept:
    """Starts `workers` with the new rules over a store of `people`, and watches. Raises LocalStackError."""
    with bench_stack(parent, workers, lambda text: progress(text, 0, 0), RULES) as stack:
        customers = populate(stack, people, anchor, lambda done, of: progress("Enrolling the population", done, of))
        started = time.monotonic()
        stack.start("relay", *stack.workers)
        moved, swept = time.monotonic(), 0
        while swept < customers:
            if not swept:  # the last look before the first of them counts
                begun, before = time.monotonic(), stack.meter.read()
            time.sleep(_EVERY)
            stack.check()
            now, then = time.monotonic(), swept
            swept = sum(_swept(stack, name) for name in stack.workers)
            if swept > then:
                moved = now
            if now - moved > STALLED_SECONDS:
                raise LocalStackError(
                    f"{swept:,} of {customers:,} were evaluated, then nobody for {STALLED_SECONDS:.0f} s"
                )
            progress("Evaluating everybody by the new rules", swept, customers)
        ended, after = time.monotonic(), stack.meter.read()
        wait_for(stack, _finished, "to be done with the new rules")
        ((took,),) = stack.ask(_TOOK)
        published = wait_for(stack, outbox_empty, "to publish the changes")
        ((entered,),) = stack.ask("select count(*) from portrait.memberships where segment = %s", SEGMENT)
        return Swept(
            customers=customers,
            entered=int(entered),
            rate=customers / took,
            seconds=ended - started,
            published=published - ended,
            costs=costs(stack.meter, before, after, swept),
            surroundings=surroundings(before, after, ended - begun, os.cpu_count() or 1),
        )


def _finished(at: cursor) -> bool:
    at.execute(_TOOK)
    row = at.fetchone()
    return row is not None and row[0] is not None


def _swept(stack: BenchStack, worker: str) -> int:
    """How many customers the worker has evaluated because of new rules, since it started."""
    with urlopen(f"http://{LOOPBACK}:{stack.home.port(f'{worker}-metrics')}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return int(sum(sample.value for family in families if family.name == _SWEPT for sample in family.samples[:1]))
