"""How far an import has come, kept in a small file, so that an interrupted one goes on where it was."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import msgspec


class Checkpoint(msgspec.Struct, frozen=True):
    """`rows` rows of the file are done: each is acknowledged or rejected; the rejects file had `rejects_size` bytes."""

    rows: int = 0
    sent: int = 0
    rejected: int = 0
    rejects_size: int = 0
    finished: bool = False


def import_name(path: Path, *about: str) -> str:
    """A name for the import of a file's content in one way: the digest of the content and of everything in `about`."""
    digest = sha256()
    with open(path, "rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    for text in about:
        digest.update(b"\0" + text.encode())
    return digest.hexdigest()[:32]


class CheckpointFile:
    """The checkpoint of one import, in `directory`/imports."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / "imports" / f"{name}.json"

    def read(self) -> Checkpoint:
        """Where it was; the beginning when there is nothing, or nothing that can be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Checkpoint)
        except (OSError, msgspec.DecodeError):
            return Checkpoint()

    def write(self, checkpoint: Checkpoint) -> None:
        """Replaces the file whole."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        with open(new, "wb") as file:
            file.write(msgspec.json.encode(checkpoint))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
