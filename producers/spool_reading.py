"""Reading a segment of the spool: its entries in order; what is damaged is set aside with a loud word, the rest goes on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

from producers.spool_files import Directory, Segment, parts_of, reading
from producers.spool_format import Kept, Torn, scan

log = logging.getLogger(__name__)


def entries(files: Directory, segment: Segment, start: int, end: int) -> Iterator[Kept]:
    """The entries between two offsets of a segment. Raises OSError, also when what is damaged cannot be set aside."""
    with reading(segment) as read:
        for each in scan(read, segment.salt, start, end):
            if isinstance(each, Kept):
                yield each
                continue
            name = f"{segment.path.name}.{each.offset}-{each.end}.damaged"
            if files.set_aside(name, parts_of(read, each.offset, each.end)):
                log.error("%s: bytes %d to %d are damaged; set aside as %s", segment.path, each.offset, each.end, name)


def recover(files: Directory, segment: Segment, start: int) -> None:
    """Count what a process before has left in a segment, and cut off what it was writing when it ended: nobody was told
    that this was kept. Raises OSError.
    """
    with reading(segment) as read:
        torn = next((each for each in scan(read, segment.salt, start, segment.size) if isinstance(each, Torn)), None)
    if torn is not None:
        cut = torn.end - torn.offset
        log.warning("%s: cut off the last %d bytes, which were never acknowledged", segment.path, cut)
        os.truncate(segment.path, torn.offset)
        segment.size = torn.offset
    for each in entries(files, segment, start, segment.size):
        segment.held[each.entry.source] += 1
        segment.records += len(each.entry.records)


def received_ms(segment: Segment, start: int, end: int) -> int | None:
    """When the first entry between two offsets was received, Unix ms. Raises OSError."""
    with reading(segment) as read:
        return next((each.entry.ms for each in scan(read, segment.salt, start, end) if isinstance(each, Kept)), None)
