"""Look for one event in a spool, beside the collector that uses it. Nothing is locked, moved or changed.

Segments are append-only, so what was written whole can be read at any time; one that is deleted meanwhile was drained.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from producers.broker.named import letter_id, named
from producers.spool.files import ASIDE, REFUSED, Segment, cursor_in, reading, segments_in
from producers.spool.format import Kept, scan
from schemas.topics import REJECTED

_PLAIN = re.compile(r"[A-Za-z0-9._:@+=~-]+")
"""An id that stands in JSON as it is, if no letter of it is escaped; then each escape begins with the same four."""
_ESCAPE = rb"\u00"
_ATTEMPTS = 5


class Spooled(NamedTuple):
    """A record that is in a spool. `sender` is the name of the key, `received_ms` Unix time. `source` is the event's, None of a
    dead letter that names none. `reason` is why it was refused, for a dead letter. `refused` when Kafka will never take it.
    """

    sender: str
    received_ms: int
    topic: str
    source: str | None
    reason: str | None
    refused: bool


class Searched(NamedTuple):
    """What was found, how many segments were looked at, and how many of them are left: there was no time, or they are damaged."""

    found: tuple[Spooled, ...]
    segments: int
    left: int


def search(directory: Path, event_id: str, source: str | None, seconds: float) -> Searched:
    """Look for the event in the spool in `directory`, for so long. Raises OSError when the directory cannot be read."""
    until = time.monotonic() + seconds
    waiting, unreadable = _listed(directory)
    found: list[Spooled] = []
    done = 0
    for segment, start, is_refused in waiting:
        if time.monotonic() > until:
            break
        done += 1
        for kept in _entries(segment, start, event_id):
            found += _named_so(kept, event_id, source, is_refused)
    return Searched(tuple(found), done, len(waiting) - done + max(0, unreadable))


def _listed(directory: Path) -> tuple[list[tuple[Segment, int, bool]], int]:
    """Segments, from where in them, and whether Kafka refused what is in them; and how many files nobody can read."""
    for attempt in range(_ATTEMPTS):
        try:
            first, offset = cursor_in(directory)
            waiting = [(each, offset if each.path.name == first else 0, False) for each in segments_in(directory)]
            aside = directory / ASIDE
            refused = segments_in(aside, REFUSED) if aside.is_dir() else []
            files = [each.name for each in aside.iterdir() if not each.name.startswith(".")] if aside.is_dir() else []
            return waiting + [(each, 0, True) for each in refused], len(files) - len(refused)
        except FileNotFoundError:  # of a file that was drained while they were listed
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _entries(segment: Segment, start: int, event_id: str) -> Iterator[Kept]:
    try:
        if _may_hold(segment, event_id):
            with reading(segment) as read:
                for each in scan(read, segment.salt, start, segment.size):
                    if isinstance(each, Kept):
                        yield each
    except FileNotFoundError:
        return  # drained meanwhile


def _may_hold(segment: Segment, event_id: str) -> bool:
    """Whether it is worth decoding: a file is looked through a hundred times as fast as it is decoded."""
    if not _PLAIN.fullmatch(event_id):
        return True
    text = segment.path.read_bytes()
    return letter_id(event_id).encode() in text or _ESCAPE in text


def _named_so(kept: Kept, event_id: str, source: str | None, refused: bool) -> Iterator[Spooled]:
    for record in kept.entry.records:
        told = named(record.topic, record.value, event_id, source)
        if told is not None:
            reason = told.reason if record.topic == REJECTED else None
            yield Spooled(kept.entry.source, kept.entry.ms, record.topic, told.source, reason, refused)
