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


class Succession:
    """The next offset of each partition that is being read.

    After an assignment reading begins anew, and fetches of the time before may still turn up: they do not follow, are passed
    over, and will be fetched again. When fetches go on coming that do not follow, records were lost between Kafka and here.
    """

    def __init__(self) -> None:
        self._next: dict[Partition, int] = {}
        self._holes: dict[Partition, float] = {}

    def begin(self, positions: Mapping[Partition, int]) -> None:
        """Reading starts, or starts anew, at `positions`."""
        self._next.update(positions)
        for partition in positions:
            self._holes.pop(partition, None)

    def follows(self, partition: Partition, span: Span) -> bool:
        """Whether `span` is the next one, which it then was. Ends the process when a hole does not close."""
        expected = self._next.get(partition)
        if expected is not None and span.first < expected:
            return False
        if expected is not None and span.first > expected:
            since = self._holes.setdefault(partition, time.monotonic())
            if time.monotonic() - since > _HOLE_SECONDS:
                fail_stop(
                    f"{partition.topic}/{partition.number}: offsets {expected} to {span.first - 1} were not handed over"
                )
            return False
        self._holes.pop(partition, None)
        self._next[partition] = span.end
        return True
