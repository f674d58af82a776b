"""Ids that Portrait gives out."""

from __future__ import annotations

import os
import time
from hashlib import blake2b


def event_key(source: str, event_id: str) -> str:
    """The key of an event for ever: 32 hex digits, a digest of (`source`, `id`), the pair that CloudEvents makes unique.

    Fits PostgreSQL's `uuid` and orders totally, so it also breaks ties between facts of the same instant.
    """
    return blake2b(f"{source}\0{event_id}".encode(), digest_size=16).hexdigest()


def new_customer_id() -> str:
    """A UUID version 7 (RFC 9562): it begins with the time, so the smaller of two customer ids is the older customer."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
