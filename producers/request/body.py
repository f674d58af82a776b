"""Read the body of a request within its limits: bytes on the wire, bytes when inflated, time, and memory for all."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from types import TracebackType

from producers.request.problems import Problem, unavailable

MAX_BODY_BYTES = 5 * 1024 * 1024
"""Of one request, on the wire as well as inflated."""


_GZIP = b"\x1f"
"""The first byte of gzip, and of no JSON."""


class Memory:
    """How many bytes of requests are being worked on, and how many may be. For one event loop.

    A source may have as much as is left for others, and no more: one alone gets a half of all, two that want everything a
    third each, and whoever comes next finds room, however much these send (Choudhury and Hahne, "Dynamic queue length
    thresholds in a shared memory packet switch", 1998).
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._taken: Counter[str] = Counter()

    def lease(self, source: str = "-") -> Lease:
        """For a request of `source`; those of which nobody knows it yet share one."""
        return Lease(self, source)

    def take(self, source: str, size: int) -> None:
        """Raises Problem 503 when that is more than the source may have now."""
        if self._taken[source] + size > self._free - size:
            raise unavailable("too much is on its way; send it again in a moment")
        self._free -= size
        self._taken[source] += size

    def give_back(self, source: str, size: int) -> None:
        """What `take` took."""
        self._free += size
        self._taken[source] -= size


class Lease:
    """The share of one request; given back when the block ends."""

    def __init__(self, memory: Memory, source: str) -> None:
        self._memory = memory
        self._source = source
        self._size = 0

    def grow(self, size: int) -> None:
        """Raises Problem 503 when there is no room."""
        self._memory.take(self._source, size)
        self._size += size

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.give_back(self._source, self._size)


async def read_body(
    chunks: AsyncIterator[bytes], *, gzipped: bool | None, lease: Lease, seconds: float, limit: int = MAX_BODY_BYTES
) -> bytes:
    """The whole body, inflated. Stops reading, and inflating, at the first byte too many. When nobody knows whether it is
    `gzipped` (None), its first byte says so.

    Raises Problem: 400 for what is not gzip, 408 after `seconds`, 413 above `limit` bytes, 503 without memory.
    """
    inflate = _Inflater() if gzipped else None
    parts: list[bytes] = []
    received = size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in chunks:
                received += len(chunk)
                if received > limit:
                    raise too_large(limit)
                if gzipped is None and chunk:
                    gzipped = chunk.startswith(_GZIP)
                    inflate = _Inflater() if gzipped else None
                part = inflate.feed(chunk, limit, size) if inflate else chunk
                size += len(part)
                lease.grow(len(part))
                parts.append(part)
    except TimeoutError:
        raise Problem(408, "too_slow", f"the body took longer than {seconds:g} s") from None
    if inflate and not inflate.whole:
        raise Problem(400, "not_gzip", "the gzip data ends too early")
    return b"".join(parts)


def is_gzip(encoding: str) -> bool:
    """What `Content-Encoding` says. Raises Problem 415 for any other encoding."""
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise Problem(415, "unsupported_encoding", "send Content-Encoding: gzip, or none")
    return encoding.endswith("gzip")


def too_large(limit: int = MAX_BODY_BYTES) -> Problem:
    return Problem(413, "too_large", f"a request has at most {limit} bytes, also when inflated")


class _Inflater:
    """gzip, also of several members, that never makes more than it is allowed to."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self.whole = False

    def feed(self, data: bytes, limit: int, size: int = 0) -> bytes:
        """What `data` inflates to, after `size` bytes. Raises Problem 413 above `limit` bytes, 400 when it is not gzip."""
        room = limit - size
        made: list[bytes] = []
        while data:
            try:
                if self._member.eof:
                    self._member = zlib.decompressobj(wbits=31)
                part = self._member.decompress(data, room + 1)
            except zlib.error:
                raise Problem(400, "not_gzip", "the body is not gzip, as Content-Encoding says") from None
            room -= len(part)
            if room < 0:
                raise too_large(limit)
            made.append(part)
            data = self._member.unconsumed_tail or self._member.unused_data
        self.whole = self._member.eof
        return b"".join(made)
