"""The secrets that platforms sign with: files beside the file of keys, read again when they change, and never logged."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from producers.request.batch import BOM
from producers.versions import Version, version_of

log = logging.getLogger(__name__)

_MOST_BYTES = 4_096

Secrets = tuple[bytes, ...]
"""Any of them may have signed: there are two while one takes the place of the other."""


class SecretUnreadable(Exception):
    """There is no secret that could be used. The message says why, and what to do, without anything of the secret."""


class _Read(NamedTuple):
    version: Version | None
    secrets: Secrets
    problem: str


class SecretFiles:
    """The secrets in `directory`, by the names of their files: one secret a line."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, _Read] = {}

    def read(self, name: str) -> Secrets:
        """The secrets in the file `name`, one at least. Raises SecretUnreadable; that is logged once for each reason."""
        path = self._directory / name
        version = version_of(path)
        known = self._read.get(name)
        if (
            known is None or known.version != version or known.problem
        ):  # what is wrong may pass, such as too many open files
            secrets, problem = _secrets(path, version)
            if problem and (known is None or known.problem != problem):
                log.error("%s; what comes for it is answered 503 until then", problem)
            elif not problem:
                log.info("%s: read %d secrets", path, len(secrets))
            known = self._read[name] = _Read(version, secrets, problem)
        if known.problem:
            raise SecretUnreadable(known.problem)
        return known.secrets


def _secrets(path: Path, version: Version | None) -> tuple[Secrets, str]:
    if version is None:
        return (), f"{path}: there is no such file; put the secret of the webhook into it"
    if version.mode & 0o077:
        return (), f"{path} may be read by others; make it the collector's alone: chmod 600 {path}"
    if version.size > _MOST_BYTES:
        return (), f"{path} is too large for a secret"
    try:
        lines = path.read_bytes().removeprefix(BOM).splitlines()
    except OSError as error:
        return (), f"{path}: {error.strerror}"
    secrets = tuple(secret for line in lines if (secret := line.strip()))
    return secrets, "" if secrets else f"{path} is empty; put the secret of the webhook into it"
