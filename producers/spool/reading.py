"""Reading a segment of the spool: its entries in order; what is damaged is set aside with a loud word, the rest goes on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator

from producers.spool.files import Directory, Segment, parts_of, reading
from producers.spool.format import Damaged, Kept, Read, Torn, scan

log = logging.getLogger(__name__)


def entries(files: Directory, segment: Segment, start: int, end: int) -> Iterator[Kept]:
    """The entries between two offsets of a segment. Raises OSError."""
    with reading(segment) as read:
        for each in scan(read, segment.salt, start, end):
            if isinstance(each, Kept):
                yield each._replace(segment=segment.path.name)
            else:
                _set_aside(files, segment, each, read)


def wanted(found: Iterable[Kept], wants: Callable[[Kept], bool], limit: int, end: int) -> tuple[list[Kept], int]:
    """Those of `found` that are wanted, `limit` bytes of them or a little more, and where they end; `end` when that were all."""
    taken, size = [], 0
    for each in found:
        if wants(each):
            taken.append(each)
            size += each.end - each.offset
            if size >= limit:
                return taken, each.end
    return taken, end


def recover(files: Directory, segment: Segment, start: int, *, newest: bool) -> None:
    """Count what a process before has left in a segment. Raises OSError.

    What it was writing when it ended is cut off: nobody was told that this was kept. That can be in its newest segment only;
    in any other an end that is missing was written whole once, and is damage.
    """
    with reading(segment) as read:
        for each in scan(read, segment.salt, start, segment.size):
            if isinstance(each, Kept):
                segment.held[each.entry.source] += 1
                segment.bytes[each.entry.source] += each.end - each.offset
                segment.records += len(each.entry.records)
            elif isinstance(each, Torn) and newest:
                log.warning("%s: cut off %d bytes that were never acknowledged", segment.path, each.end - each.offset)
                os.truncate(segment.path, each.offset)
                segment.size = each.offset
            else:
                _set_aside(files, segment, each, read)


def _set_aside(files: Directory, segment: Segment, part: Damaged | Torn, read: Read) -> None:
    name = f"{segment.path.name}.{part.offset}-{part.end}.damaged"
    try:
        new = files.set_aside(name, parts_of(read, part.offset, part.end))
    except OSError as error:
        # The disk may be full. What is drained makes room, so it goes on, and the whole file is set aside in the end.
        if not segment.keep:
            log.error("%s: bytes %d to %d are damaged: %s", segment.path, part.offset, part.end, error)
        segment.keep = True
        return
    if new:
        log.error("%s: bytes %d to %d are damaged; set aside as %s", segment.path, part.offset, part.end, name)


def received_ms(segment: Segment, start: int, end: int) -> int | None:
    """When the first entry between two offsets was received, Unix ms. Raises OSError."""
    with reading(segment) as read:
        return next((each.entry.ms for each in scan(read, segment.salt, start, end) if isinstance(each, Kept)), None)
