"""Watching events arrive in the store, from outside, by what anybody can ask the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import cursor

from ops.bench.meter import Meter, Reading
from ops.bench.results import Cost, Surroundings
from ops.bench.stack import BenchStack
from ops.local.child import tail
from ops.local.home import LocalStackError
from schemas.topics import VALID

STALLED_SECONDS = 120.0
_EVERY = 0.05  # seconds between questions: what a commit can seem later than it was

_APPLIED = """
    select coalesce(sum(next_offset - first_offset), 0)::bigint from portrait.positions where topic = %s
"""


class Seen(NamedTuple):
    """`stored` events of `events.valid` were committed at `at` (monotonic seconds, when the question was answered)."""

    at: float
    stored: int


@contextmanager
def asking(stack: BenchStack) -> Iterator[cursor]:
    """A cursor that sees every commit at once."""
    connection = psycopg2.connect(stack.database, application_name="portrait-bench")
    try:
        connection.autocommit = True
        with connection.cursor() as at:
            yield at
    finally:
        connection.close()


def applied(at: cursor) -> int:
    """How many records of `events.valid` the store has applied."""
    at.execute(_APPLIED, (VALID,))
    row = at.fetchone()
    assert row is not None
    return int(row[0])


def commits(stack: BenchStack, until: int, base: int = 0) -> Iterator[Seen]:
    """Every growth of what is stored beyond `base`, as it is seen, the last one when `until` events are there.

    Raises LocalStackError when a process dies, or when nothing has moved for two minutes.
    """
    with asking(stack) as at:
        last, moved = 0, time.monotonic()
        while last < until:
            stored = applied(at) - base
            now = time.monotonic()
            if stored > last:
                last, moved = stored, now
                yield Seen(now, stored)
                continue
            if now - moved > STALLED_SECONDS:
                raise LocalStackError(
                    f"the store has stood at {last:,} of {until:,} events for {STALLED_SECONDS:.0f} s; "
                    f"the end of the first worker's log:\n{tail(stack.children['worker-1'].log)}"
                )
            stack.check()
            time.sleep(_EVERY)


def wait_for(
    stack: BenchStack, condition: Callable[[cursor], bool], what: str, seconds: float = STALLED_SECONDS
) -> float:
    """Waits until `condition` holds; returns when that was seen.

    Raises LocalStackError when a process dies, or after `seconds`.
    """
    deadline = time.monotonic() + seconds
    with asking(stack) as at:
        while not condition(at):
            stack.check()
            if time.monotonic() > deadline:
                raise LocalStackError(f"{what} took longer than {seconds:.0f} s")
            time.sleep(_EVERY)
        return time.monotonic()


def all_settled(at: cursor) -> bool:
    """Whether it is decided of every identifier whose it is."""
    at.execute("select not exists (select from portrait.unsettled)")
    return at.fetchone() == (True,)


def outbox_empty(at: cursor) -> bool:
    """Whether the relay has nothing left to publish."""
    at.execute("select not exists (select from portrait.outbox)")
    return at.fetchone() == (True,)


def costs(meter: Meter, before: Reading, after: Reading, events: int) -> tuple[Cost, ...]:
    """What each process cost between two readings, for `events` events."""
    return tuple(
        Cost(
            name,
            cpu_us=1e6 * (spent - before.cpu.get(name, 0.0)) / events,
            rss_mb=meter.peaks[name] / 1e6,
        )
        for name, spent in after.cpu.items()
    )


def surroundings(before: Reading, after: Reading, seconds: float, cores: int) -> Surroundings:
    """What went on beside the bench between two readings."""
    ours = sum(after.cpu.values()) - sum(before.cpu.get(name, 0.0) for name in after.cpu)
    whole = max(seconds, 1e-9) * cores
    busy, stolen = after.machine - before.machine, after.stolen - before.stolen
    shares = (busy - ours) / whole, stolen / whole, 1 - (busy + stolen) / whole
    return Surroundings(*(max(0.0, share) for share in shares))
