"""The watcher of a drop folder: looks, imports what is whole, and says so in words; through outages of Kafka, disk and folder."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from producers.drop_folder.folder import DropFolder, FolderAway, Seen, shown
from producers.drop_folder.one_file import DropImport, Held
from producers.drop_folder.sent_lines import SentLines

log = logging.getLogger(__name__)

_LOOK = 1.0
_AGAIN = 30.0
"""Seconds between looks, and until what had to stay is tried again."""


class Watcher:
    """Watches `folder`; what is whole is given to `importer`. What does not change is said once."""

    def __init__(self, folder: DropFolder, importer: DropImport, home: Path) -> None:
        self._folder = folder
        self._importer = importer
        self._home = home
        self._said: dict[Path, str] = {}
        self._held: dict[Path, float] = {}
        self.good = True
        """Whether no file failed so far, and none had to stay."""

    def run(self, stopping: Event) -> None:
        """Until `stopping` is set. Raises FolderAway when the folder is not there at the start, FolderTaken."""
        with self._folder.locked() as still:
            log.info("%s: watching", self._folder.path)
            self._forget_old()
            self._while_there(still, stopping)
        while not stopping.wait(_LOOK):
            try:
                with self._folder.locked() as still:
                    log.info("%s: is there again; watching", self._folder.path)
                    self._while_there(still, stopping)
            except FolderAway:
                continue

    def once(self, settle: float, stopping: Event) -> None:
        """Take what is there and whole; a file that is being written stays for the next time. Raises as `run`."""
        with self._folder.locked():
            self._forget_old()
            seen = self._folder.look()
            if seen.growing and not stopping.wait(settle + 0.05):
                seen = self._folder.look()
            self._take(seen, stopping)
            for path in seen.growing:
                log.info("%s: is still being written; it is left for the next time", shown(path))

    def _while_there(self, still: Callable[[], bool], stopping: Event) -> None:
        while not stopping.is_set():
            try:
                seen = self._folder.look()
                if not still():
                    raise FolderAway(f"{self._folder.path} is gone, or another one in its place")
            except FolderAway as error:
                log.error("%s; waiting until it is there", error)
                return
            self._take(seen, stopping)
            stopping.wait(_LOOK)

    def _take(self, seen: Seen, stopping: Event) -> None:
        for path in seen.strange:
            self._say(
                path, f"{shown(path)}: left alone; only plain .csv, .txt, .tsv, .jsonl and .ndjson files are read"
            )
        for path in seen.whole:
            if stopping.is_set():
                return
            if time.monotonic() < self._held.get(path, 0.0):
                continue
            try:
                outcome = self._importer.take(path)
            except Held as error:
                self.good = False
                self._held[path] = time.monotonic() + _AGAIN
                self._say(path, f"{error}. It stays where it is and is tried again")
                continue
            self._held.pop(path, None)
            self._said.pop(path, None)
            self.good = self.good and outcome.good
            log.log(logging.INFO if outcome.good else logging.WARNING, "%s", outcome.line())
        there = {*seen.whole, *seen.growing, *seen.strange}
        self._said = {path: said for path, said in self._said.items() if path in there}
        self._held = {path: until for path, until in self._held.items() if path in there}

    def _say(self, path: Path, text: str) -> None:
        if self._said.get(path) != text:
            self._said[path] = text
            log.warning("%s", text)

    def _forget_old(self) -> None:
        try:
            lines = SentLines(self._home)
            try:
                lines.forget_old(time.time())
            finally:
                lines.close()
        except (OSError, sqlite3.Error) as error:
            log.warning("%s: what was sent long ago is not forgotten: %s", self._home, error)
