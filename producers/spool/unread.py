"""The segments of a spool, and what of them is yet to be drained. Not for several threads at once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from producers.spool.files import Directory, Segment
from producers.spool.format import Kept
from producers.spool.progress import Place, Progress
from producers.spool.reading import recover

log = logging.getLogger(__name__)


class Unread:
    """`segments` in order; `held` counts the entries, by source, that are yet to be drained or written, `bytes` theirs."""

    def __init__(self, files: Directory) -> None:
        """What a process before has left. Raises OSError."""
        self.segments = files.segments()
        self.held: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        name, offset = files.cursor()
        first = self.segments[0].path.name if self.segments else ""
        start = offset if first == name else 0
        self._progress = Progress((first, start))
        for segment in list(self.segments):
            try:
                newest = segment.path.name == self.segments[-1].path.name
                recover(files, segment, start if segment.path.name == first else 0, newest=newest)
            except OSError as error:  # the others are read all the same
                files.put_aside(segment)
                self.segments.remove(segment)
                log.error("%s cannot be read (%s): set aside; put it back when it can", segment.path, error)
            else:
                self.held.update(segment.held)
                self.bytes.update(segment.bytes)
        self._window: list[tuple[str, Place]] = []
        self._end = self._progress.at

    @property
    def records(self) -> int:
        return sum(segment.records for segment in self.segments)

    @property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments)

    def add(self, source: str, size: int) -> None:
        """An entry of `size` bytes is to be written."""
        self.held[source] += 1
        self.bytes[source] += size

    def take_back(self, source: str, size: int) -> None:
        """It was not written."""
        self.bytes[source] -= size
        self.held[source] -= 1
        if self.held[source] <= 0:
            del self.held[source], self.bytes[source]

    def next_segment(self) -> tuple[Segment, int] | None:
        """What is to be read next, and from where."""
        name, offset = self._progress.at
        for segment in self.segments:
            start = offset if segment.path.name == name else 0
            if segment.path.name >= name and start < segment.size:
                return segment, start
        return None

    def head(self) -> tuple[Segment, int]:
        """The first segment, and how far nothing of it is needed any more."""
        name, offset = self._progress.head
        return self.segments[0], offset if self.segments[0].path.name == name else 0

    def wants(self, kept: Kept) -> bool:
        """Whether this is to be sent now."""
        return self._progress.wants(kept.entry.source, (kept.segment, kept.offset))

    def read(self, found: Sequence[Kept], end: Place) -> None:
        """All that is wanted before `end` are `found`."""
        self._window, self._end = [(each.entry.source, (each.segment, each.offset)) for each in found], end
        self._advance()

    def drained(self, done: Sequence[Kept]) -> None:
        """All of `done` is in Kafka."""
        segments = {segment.path.name: segment for segment in self.segments}
        for offset, end, entry, name in done:
            self.bytes[entry.source] -= end - offset
            self._progress.drained(entry.source, (name, offset))
            segments[name].records -= len(entry.records)
            self._release(segments[name], Counter((entry.source,)))
        self._advance()

    def hold(self, kept: Kept) -> None:
        """Its source is not wanted until it is released, and then from `kept` on."""
        self._progress.hold(kept.entry.source, (kept.segment, kept.offset))
        self._advance()

    def release(self, source: str) -> None:
        """Want a source again that was held."""
        self._progress.release(source)
        self._window, self._end = [], self._progress.at

    def needs(self, segment: Segment) -> bool:
        """Whether something of it is yet to be drained."""
        return self._progress.needs((segment.path.name, segment.size), segment.held)

    def forget(self, segment: Segment) -> None:
        """It is drained, but for what was damaged."""
        self._release(segment, Counter(segment.held))
        self.segments.remove(segment)

    def _advance(self) -> None:
        self._progress.advance(self._window, self._end)
        at = self._progress.at
        self._window = [each for each in self._window if each[1] >= at]

    def _release(self, segment: Segment, counted: Counter[str]) -> None:
        for counts in (segment.held, self.held):
            counts.subtract(counted)
            for source in counted:
                if counts[source] <= 0:
                    del counts[source]
        for source in counted:
            if source not in self.held:
                del self.bytes[source]
