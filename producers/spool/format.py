"""How the records of one request stand in a file of the spool, and how they are read back from a damaged one. Pure.

    magic 4 | length of the payload 4 | checksum of the payload 4 | checksum of these twelve bytes 4 | payload

Integers are little-endian, checksums are CRC-32C, the payload is msgpack. Every checksum begins with the salt of the
file, 8 random bytes that nobody sends: what a sender writes into an event can never be taken for a frame. The magic begins
with a byte that no UTF-8 text has. The header has a checksum of its own so that its length can be believed: a frame that
is longer than what is left of the file was being written when the process ended, and a frame whose payload is damaged
can be passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from crc32c import crc32c

from producers.record import Record

MAGIC = b"\xffSP\x01"
_FIRST = struct.Struct("<4sII")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIRST.size + _CHECKSUM.size
_CHUNK = 1024 * 1024

Read = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of the file, fewer where it ends."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """The records of one request: whose it was, and when it was received (Unix ms)."""

    ms: int
    source: str
    records: tuple[Record, ...]


class Kept(NamedTuple):
    """A whole entry, the bytes of the file that it takes, and the name of the file where that is known."""

    offset: int
    end: int
    entry: Entry
    segment: str = ""


class Damaged(NamedTuple):
    """Bytes that once were entries, or part of one."""

    offset: int
    end: int


class Torn(NamedTuple):
    """The beginning of an entry at the end of the file: it was never written whole, so it was never acknowledged."""

    offset: int
    end: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def encode_entry(entry: Entry) -> bytes:
    """The payload of a frame."""
    return _encode(entry)


def frame(payload: bytes, salt: bytes) -> bytes:
    """What is written into the file that has `salt`."""
    first = _FIRST.pack(MAGIC, len(payload), _checksum(payload, salt))
    return b"".join((first, _CHECKSUM.pack(_checksum(first, salt)), payload))


def scan(read: Read, salt: bytes, start: int, end: int) -> Iterator[Kept | Damaged | Torn]:
    """All that stands between the offsets `start`, where a frame begins, and `end`, in order and without a gap."""
    at = start
    while at < end:
        length, expected = _header(read(at, min(HEADER_BYTES, end - at)), salt)
        behind = end if length is None else at + HEADER_BYTES + length
        if length is not None and behind <= end:
            payload = read(at + HEADER_BYTES, length)
            entry = _entry(payload) if _checksum(payload, salt) == expected else None
            if entry is not None:
                yield Kept(at, behind, entry)
                at = behind
                continue
        # Bytes may have been lost as well as changed: a frame that can be believed may stand before this one's end.
        following = _next_frame(read, salt, at + 1, min(behind + HEADER_BYTES - 1, end))
        if following is None and (behind > end or (length is None and _is_beginning(read, at, end))):
            yield Torn(at, end)
            return
        following = behind if following is None else following
        yield Damaged(at, following)
        at = following


def _checksum(data: bytes, salt: bytes) -> int:
    return int(crc32c(data, crc32c(salt)))


def _header(header: bytes, salt: bytes) -> tuple[int | None, int]:
    """Length and checksum of the payload; no length when this is not the header of a frame."""
    if len(header) < HEADER_BYTES:
        return None, 0
    magic, length, expected = _FIRST.unpack_from(header)
    whole = magic == MAGIC and _CHECKSUM.unpack_from(header, _FIRST.size)[0] == _checksum(header[: _FIRST.size], salt)
    return (length if whole else None), expected


def _entry(payload: bytes) -> Entry | None:
    try:
        return _decode(payload)
    except msgspec.DecodeError:
        return None


def _next_frame(read: Read, salt: bytes, start: int, end: int) -> int | None:
    """Where the next header that can be believed stands, at `start` or later."""
    at = start
    while at + HEADER_BYTES <= end:
        chunk = read(at, min(_CHUNK, end - at))
        found = chunk.find(MAGIC)
        if found < 0:
            at += max(1, len(chunk) - len(MAGIC) + 1)
            continue
        at += found
        if at + HEADER_BYTES <= end and _header(read(at, HEADER_BYTES), salt)[0] is not None:
            return at
        at += 1
    return None


def _is_beginning(read: Read, start: int, end: int) -> bool:
    """Whether this is what is left of a write that did not come to its end: part of a header, or nothing but zeros."""
    if end - start < HEADER_BYTES:
        rest = read(start, end - start)
        if MAGIC.startswith(rest[: len(MAGIC)]):
            return True
    return all(not any(read(at, min(_CHUNK, end - at))) for at in range(start, end, _CHUNK))
