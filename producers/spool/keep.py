"""The spool: what Kafka does not take for now is kept on the local disk, and read again in the same order.

    append ─▶ queue ─▶ one thread: write all that waits, one fsync ─▶ acknowledged        read ─▶ Kafka ─▶ drained

What it promises: a future of `append` has a result only when the records are on the disk, and they are read until they
are `drained`, whatever happens to the process. What it does not: that they are read once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from producers.record import Record
from producers.spool.files import Directory, Segment, SpoolFailed, SpoolUnusable
from producers.spool.format import Entry, Kept, encode_entry, frame
from producers.spool.reading import entries, received_ms, wanted
from producers.spool.state import SpoolState, Waiting
from producers.spool.unread import Unread

log = logging.getLogger(__name__)

_ROOM_BYTES, _GROUP_BYTES = 64 * 1024, 4 * 1024 * 1024
_MOST_QUEUED_BYTES = 16 * 1024 * 1024
_SMALLEST_SEGMENT, _LARGEST_SEGMENT = 64 * 1024, 16 * 1024 * 1024
_DOUBT_SECONDS = _STALL_SECONDS = 5.0
_CLOSE_SECONDS = 5.0


class Spool:
    """One directory. `append`, `holds` and `state` are for any thread, the others for one."""

    def __init__(self, path: Path, limit: int) -> None:
        """Reads what a process before has left. `limit` is in bytes. Raises SpoolUnusable."""
        self._limit = limit
        self._segment_bytes = min(max(limit // 16, _SMALLEST_SEGMENT), _LARGEST_SEGMENT)
        self._files = Directory(path)
        self._changed = threading.Condition()
        self._queue: deque[Waiting] = deque()
        self._queued = 0
        self._writing = self._closing = False
        self._writing_since, self._failed_at = float("inf"), float("-inf")
        self._active: tuple[Segment, int] | None = None
        try:
            self._unread = Unread(self._files)
        except OSError as error:
            self._files.close()
            raise SpoolUnusable(f"the spool {path} cannot be read: {error}") from error
        self._deleting = 0
        self._number = max((segment.number for segment in self._unread.segments), default=0)
        if records := self._unread.records:
            log.warning("the spool %s holds %d records for Kafka", path, records)
        self._writer = threading.Thread(target=self._write_groups, name="spool", daemon=True)
        self._writer.start()

    @property
    def path(self) -> Path:
        return self._files.path

    def holds(self, source: str) -> bool:
        """Whether something of this source waits here: what comes next must wait behind it."""
        return source in self._unread.held

    @property
    def doubtful(self) -> bool:
        """Whether it has just failed to keep something, the disk does not answer, or it has no room for a request."""
        now = time.monotonic()
        full = self._used() + self._queued + _ROOM_BYTES > self._limit
        return full or now - self._failed_at < _DOUBT_SECONDS or now - self._writing_since > _STALL_SECONDS

    def append(self, source: str, records: Sequence[Record], ms: int) -> Future[None]:
        """Keep the records of one request, received at `ms` (Unix time). The result comes when they are on the disk;
        its exception is SpoolFailed.
        """
        waiting = Waiting(encode_entry(Entry(ms, source, tuple(records))), source, len(records), Future())
        waiting.result.set_running_or_notify_cancel()  # whoever waits may give up, and it is kept all the same
        with self._changed:
            used = self._used() + self._queued
            if self._closing:
                failure = SpoolFailed("spool_failed", "the collector is being stopped")
            elif time.monotonic() - self._writing_since > _STALL_SECONDS:
                failure = SpoolFailed("spool_failed", "the disk of the spool does not answer")
            elif self._queued and self._queued + waiting.size > _MOST_QUEUED_BYTES:
                failure = SpoolFailed("spool_failed", "the disk of the spool is slower than what comes")
                self._failed_at = time.monotonic()
            elif used + waiting.size > self._share(source):
                failure = SpoolFailed("spool_full", f"the spool is full: {used} of {self._limit} bytes are taken")
                self._failed_at = time.monotonic()
            else:
                self._queue.append(waiting)
                self._queued += waiting.size
                self._unread.add(source, waiting.size)
                self._changed.notify_all()
                return waiting.result
        waiting.result.set_exception(failure)
        return waiting.result

    def wait_for_entries(self, seconds: float) -> bool:
        """Whether there is something to read, now or before `seconds` have passed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closing or self._readable(), seconds)

    def read(self, limit: int) -> list[Kept]:
        """The next entries in order, `limit` bytes of them or a little more, but those of sources that are held; none when
        nothing is left. They are read again until they are `drained`. What is damaged is set aside. Raises OSError.
        """
        while True:
            with self._changed:
                finished = self._forget_finished()
                found_in = self._unread.next_segment()
            self._delete(finished)
            if found_in is None:
                return []
            segment, start = found_in
            end = segment.size
            found, at = wanted(entries(self._files, segment, start, end), self._unread.wants, limit, end)
            with self._changed:
                self._unread.read(found, (segment.path.name, at))
            if found:
                return found

    def drained(self, done: Sequence[Kept]) -> None:
        """All of `done` is in Kafka."""
        if not done:
            return
        with self._changed:
            self._unread.drained(done)
            segment, offset = self._unread.head()
        try:
            self._files.move_cursor(segment, offset)
        except OSError as error:
            log.warning("how far the spool was drained cannot be noted (%s): a restart sends it again", error)

    def hold(self, kept: Kept) -> None:
        """Read no more of the source of `kept`, the first that Kafka did not take of it, until it is released."""
        with self._changed:
            self._unread.hold(kept)

    def release(self, source: str) -> None:
        """Read again what was not drained of a source that was held."""
        with self._changed:
            self._unread.release(source)

    def refuse(self, kept: Kept, number: int) -> None:
        """Set a record of `kept` aside that Kafka will never take, as a segment of its own; once, however often it is told.
        Raises OSError.
        """
        # As hard to guess as the salt in the segment's name, of which it is made.
        salt = hashlib.sha256(f"{kept.segment} {kept.offset} {number}".encode()).digest()[:8]
        entry = kept.entry
        alone = frame(encode_entry(Entry(entry.ms, entry.source, (entry.records[number],))), salt)
        self._files.set_aside(f"{0:012}-{salt.hex()}.seg.refused", (alone,))

    def state(self) -> SpoolState:
        """What is in it now; looks at the disk."""
        aside = self._files.aside()
        with self._changed:
            records, size = self._unread.records, self._unread.size
        return SpoolState(records, size, self._limit, self._oldest_seconds(), len(aside), sum(aside))

    def close(self) -> None:
        """Writes what waits, and lets another process have the directory, if the disk answers. Nothing reads any more."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(_CLOSE_SECONDS)
        if self._writer.is_alive():  # it may write yet: nobody else gets the directory before this process has ended
            log.error("the disk of the spool %s does not answer; what waits for it was not acknowledged", self.path)
            return
        if self._active is not None:
            os.close(self._active[1])
        self._files.close()

    def _share(self, source: str) -> int:
        """The last eighth is for others while one source has more than half of it."""
        return self._limit - (self._limit // 8 if self._unread.bytes[source] > self._limit // 2 else 0)

    def _used(self) -> int:
        return self._unread.size + self._deleting + self._files.aside_bytes

    def _is_written_to(self, segment: Segment) -> bool:
        return self._active is not None and self._active[0] is segment and bool(self._queue or self._writing)

    def _readable(self) -> bool:
        return self._unread.next_segment() is not None or any(map(self._is_finished, self._unread.segments))

    def _is_finished(self, segment: Segment) -> bool:
        return not self._unread.needs(segment) and not self._is_written_to(segment)

    def _forget_finished(self) -> list[Segment]:
        """Those that are drained, but for what was set aside of them."""
        finished = [segment for segment in self._unread.segments if self._is_finished(segment)]
        for segment in finished:
            if self._active is not None and self._active[0] is segment:
                self._leave()
            self._unread.forget(segment)
            self._deleting += segment.size
        return finished

    def _delete(self, segments: Sequence[Segment]) -> None:
        """Not under the lock: a disk may take long for it, and `append` is called where nothing may wait."""
        for segment in segments:
            try:
                self._files.remove(segment)
            except OSError as error:
                log.error("%s is drained and cannot be deleted (%s): a restart sends it again", segment.path, error)
            with self._changed:
                self._deleting -= segment.size

    def _oldest_seconds(self) -> float:
        with self._changed:
            if not self._unread.held or not self._unread.segments:
                return 0.0
            segment, start = self._unread.head()
            end = segment.size
        try:
            ms = received_ms(segment, start, end)
        except OSError:  # drained and deleted meanwhile
            return 0.0
        return 0.0 if ms is None else round(max(0.0, time.time() - ms / 1000), 3)

    def _write_groups(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                group, size = [], 0
                while self._queue and size < _GROUP_BYTES:
                    group.append(self._queue.popleft())
                    size += group[-1].size
                self._writing, self._writing_since = True, time.monotonic()
            failure: Exception | None = None
            try:
                self._write(group, size)
            except Exception as error:
                log.error("the spool %s cannot be written: %s", self.path, error)
                failure = error
            with self._changed:
                self._writing, self._writing_since = False, float("inf")
                self._queued -= size
                if failure is not None:
                    self._failed_at = time.monotonic()
                    for waiting in group:
                        self._unread.take_back(waiting.source, waiting.size)
                self._changed.notify_all()
            for waiting in group:
                if failure is None:
                    waiting.result.set_result(None)
                else:
                    waiting.result.set_exception(SpoolFailed("spool_failed", f"the spool cannot be written: {failure}"))

    def _write(self, group: Sequence[Waiting], size: int) -> None:
        """All of `group` is on the disk when this returns. Raises OSError, and then none of it is in the spool."""
        with self._changed:
            if self._active is not None and self._active[0].size >= self._segment_bytes:
                self._leave()
            active = self._active
        if active is None:
            self._number += 1
            active = self._active = self._files.create(self._number)
        segment, file = active
        rest = memoryview(b"".join(frame(waiting.payload, segment.salt) for waiting in group))
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            # After an fsync that failed, nobody knows what of it is on the disk: this file is not written to again.
            with suppress(OSError):
                os.ftruncate(file, segment.size)
            with self._changed:
                self._leave()
            if not segment.size:
                segment.path.unlink(missing_ok=True)
            raise
        with self._changed:
            if not segment.size:
                self._unread.segments.append(segment)
            segment.size += size
            segment.records += sum(waiting.records for waiting in group)
            segment.held.update(waiting.source for waiting in group)

    def _leave(self) -> None:
        """Write to another segment from now on."""
        assert self._active is not None
        os.close(self._active[1])
        self._active = None
