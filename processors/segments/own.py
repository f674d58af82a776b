"""An installation's own files of segments, which may change while a worker runs."""

from __future__ import annotations

import logging
from datetime import tzinfo
from pathlib import Path

from processors.segments.catalogue import Catalogue, Failure, Timer, read_catalogue
from processors.segments.files import files_in
from processors.segments.rules import BadSegments

FILES = "(files)"
"""In `Catalogue.failing`: files that cannot be used, and that those of before are used instead of."""

Look = tuple[tuple[str, int, int], ...]

logger = logging.getLogger(__name__)


class OwnSegments:
    """The segments that ship, and those of `directory`; None for no own ones. `zone`, `timer`, `clock`: see `Catalogue`."""

    def __init__(
        self, zone: tzinfo, directory: Path | None, timer: Timer | None = None, clock: Timer | None = None
    ) -> None:
        self._zone = zone
        self._directory = directory
        self._timers = timer, clock
        self._read = self._seen = self._look()

    def read(self) -> Catalogue:
        """As the files are now. Raises BadSegments."""
        return read_catalogue(self._zone, self._directory, *self._timers)

    def fresh(self, used: Catalogue) -> Catalogue | None:
        """As the files are now, if they are others than those last read, and were the same at the last look: who copies a file
        may be in the middle of it. Files that cannot be used are noted as a failure in those that are `used`."""
        seen, self._seen = self._seen, self._look()
        if self._seen != seen or self._seen == self._read:
            return None
        self._read = self._seen
        try:
            return self.read()
        except BadSegments as error:
            logger.error("these segments cannot be used, those of before are: %s", error)
            used.failing[FILES] = Failure(str(error), 1)
            return None

    def _look(self) -> Look | None:
        if self._directory is None:
            return None
        try:
            files = files_in(self._directory)
        except BadSegments as error:
            return ((str(error), 0, 0),)
        found = []
        for file in files:
            try:
                stat = file.stat()
            except OSError:
                continue  # it was there a moment ago
            found.append((file.name, stat.st_mtime_ns, stat.st_size))
        return tuple(found)
