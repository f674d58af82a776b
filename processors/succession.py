"""What was fetched, and whether it follows on what was before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from processors.apply import Slice
from processors.guard import fail_stop
from sinks.store import Partition, Span

_HOLE_SECONDS = 10.0


class Fetched(NamedTuple):
    """Records of one fetch from one partition, and how to read them. `span`: their offsets."""

    partition: Partition
    span: Span
    records: Sequence[Any]
    read: Callable[[Sequence[Any]], Slice]

    def within(self, span: Span) -> Fetched:
        """Those of the records that are in `span`."""
        return self if span == self.span else self._replace(span=span, records=within(self.records, span))


def within(records: Sequence[Any], span: Span) -> Sequence[Any]:
    """Those of the records of a fetch that are in `span`."""
    return (
        records
        if span.first <= records[0].offset
        else [each for each in records if span.first <= each.offset < span.end]
    )


class Succession:
    """The next offset of each partition that is being read.

    After an assignment reading begins anew, and fetches of the time before may still turn up. One that does not begin where
    reading stands is passed over, and will be fetched again; one that does begin there is as good as any, and the next fetch,
    which begins where reading began, is taken from where that one ended. When fetches go on coming that do not follow,
    records were lost between Kafka and here.
    """

    def __init__(self) -> None:
        self._next: dict[Partition, int] = {}
        self._holes: dict[Partition, float] = {}

    def begin(self, positions: Mapping[Partition, int]) -> None:
        """Reading starts, or starts anew, at `positions`."""
        self._next.update(positions)
        for partition in positions:
            self._holes.pop(partition, None)

    def take(self, partition: Partition, span: Span) -> Span | None:
        """What of `span` comes next, which it then did; None when nothing does. Ends the process when a hole does not close."""
        expected = self._next.get(partition, span.first)
        if span.end <= expected:
            return None
        if span.first > expected:
            since = self._holes.setdefault(partition, time.monotonic())
            if time.monotonic() - since > _HOLE_SECONDS:
                fail_stop(
                    f"{partition.topic}/{partition.number}: offsets {expected} to {span.first - 1} were not handed over"
                )
            return None
        self._holes.pop(partition, None)
        self._next[partition] = span.end
        return Span(expected, span.end)
