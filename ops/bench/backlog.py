"""(a), (e) to (h): a full `events.valid` into the store, as fast as the workers can."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ops.bench.fill import fill_valid
from ops.bench.results import Backlog, Flat, Kept
from ops.bench.stack import BenchStack, bench_stack
from ops.bench.watch import Seen, all_settled, commits, costs, outbox_empty, surroundings, wait_for
from ops.bench.workload import Workload
from ops.local.home import LocalStackError

Progress = Callable[[str, int, int], None]
"""Told (what is being done, how much of it is done, of how much)."""


def measure_backlog(
    workload: Workload,
    workers: int,
    parent: Path | None,
    progress: Progress,
    populate: Callable[[BenchStack], int] = lambda _: 0,
    seen: Callable[[BenchStack, Seen], None] = lambda *_: None,
) -> Backlog:
    """Writes `workload` to `events.valid` in a stack of its own, then starts relay and workers, and watches.

    `populate` fills the store beforehand and returns with how many customers; `seen` is told of every growth of the
    store. Raises LocalStackError.
    """
    with bench_stack(parent, workers, lambda text: progress(text, 0, 0)) as stack:
        existing = populate(stack)
        fill_valid(workload, stack.kafka, lambda done, of: progress("Preparing the backlog", done, of))
        stack.ask("checkpoint")  # what was written before is not to be paid for now
        begun = time.monotonic()
        stack.start("relay", *stack.workers, wait=False)
        first = last = Seen(begun, 0)
        before = stack.meter.read()
        for each in commits(stack, workload.events):
            last = each
            if not first.stored:
                first, before = each, stack.meter.read()
                stack.ask("select pg_stat_reset()")
            seen(stack, each)
            progress("From events.valid into crm", each.stored, workload.events)
        last = Seen(wait_for(stack, all_settled, "to settle who is who"), last.stored)
        wait_for(stack, outbox_empty, "to publish the profiles")
        published = time.monotonic()
        after = stack.meter.read()
        measured = last.stored - first.stored
        if not measured:
            raise LocalStackError(f"{workload.events} events were one commit; give more --events")
        return Backlog(
            events=workload.events,
            workers=workers,
            existing=existing,
            customers=_checked(stack, workload),
            rate=measured / (last.at - first.at),
            rate_with_start=last.stored / (last.at - begun),
            first_commit=first.at - begun,
            published=published - last.at,
            costs=costs(stack.meter, before, after, measured),
            surroundings=surroundings(before, after, published - first.at, os.cpu_count() or 1),
            kept=_kept(stack),
        )


def measure_flatness(workload: Workload, workers: int, parent: Path | None, progress: Progress) -> Flat:
    """The memory of the largest worker at each tenth of `workload`."""
    tenths: list[float] = []
    disk = 0

    def note(stack: BenchStack, each: Seen) -> None:
        nonlocal disk
        while len(tenths) < 10 and each.stored * 10 >= workload.events * (len(tenths) + 1):
            memory = stack.meter.memory()
            tenths.append(max(memory[name] for name in stack.workers) / 1e6)
            disk = _size(stack.home.path / "faust")

    measure_backlog(workload, workers, parent, progress, seen=note)
    return Flat(workload.events, tuple(tenths), disk)


def _kept(stack: BenchStack) -> tuple[Kept, ...]:
    rows = stack.ask(
        """
        select relname, pg_table_size(relid) / 1e6, pg_indexes_size(relid) / 1e6,
               coalesce(idx_blks_hit::float8 / nullif(idx_blks_hit + idx_blks_read, 0), 1)
        from pg_statio_user_tables
        where schemaname = 'portrait' and relname in ('customers', 'events', 'identifiers', 'links')
        order by relname
        """
    )
    return tuple(Kept(name, float(rows_mb), float(indexes_mb), float(hits)) for name, rows_mb, indexes_mb, hits in rows)


def _checked(stack: BenchStack, workload: Workload) -> int:
    """How many customers there are; raises LocalStackError unless every event of the workload is stored, once."""
    ((stored,),) = stack.ask("select count(*) from portrait.events where source like %s", f"/{workload.name}/%")
    if stored != workload.events:
        raise LocalStackError(
            f"{workload.events:,} events were sent, {stored:,} are stored: no speed makes up for that"
        )
    ((customers,),) = stack.ask("select count(*) from portrait.customers")
    return int(customers)


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()) if directory.exists() else 0
