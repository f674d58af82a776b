"""Changing the file of keys: a sender is added, gets another key, is shut out or let in again.

The file is changed as a document, so that what somebody has written into an entry stays there, whatever it is. The new file
is read before it takes the place of the old one: a change never leaves a file behind that the collector cannot read.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from producers.keys.file import NAME, KeysError, hash_key, make_key, read_sources
from producers.yaml_text import read_yaml

Entry = dict[str, Any]


def add_source(path: Path, name: str, allow: Sequence[str] = (), **more: Any) -> str:
    """Add a sender (the file is made when missing, mode 0600) and return its key, which is kept nowhere else.

    `allow` are globs of CloudEvents sources, none for every one; `more` are further fields of the entry. Raises KeysError when
    the name is taken or not made of letters, digits, `.`, `_` and `-`.
    """
    key = make_key()
    with _changing(path) as entries:
        if not re.fullmatch(NAME.strip("^$"), name):
            told = f"{name!r} is not a name: use letters, digits, '.', '_' and '-', at most 64"
            raise KeysError(f"{path}: sources.{len(entries)}.name: {told}")
        if any(each.get("name") == name for each in entries):
            raise KeysError(f"{path}: there is a source {name!r} already")
        kept = {field: _plain(value) for field, value in more.items() if value not in (None, False)}
        entries.append({"name": name, "key_sha256": hash_key(key), "allow": list(allow) or ["*"], **kept})
    return key


def said_of_new(path: Path) -> str:
    """For whoever is about to add a sender: that the file is not there yet, so another one may be meant; else ""."""
    return (
        "" if path.exists() else f"{path} is a new file of keys: a collector reads the one that its PORTRAIT_KEYS names"
    )


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value


def rotate(path: Path, name: str, keep_old: timedelta | None = None) -> str:
    """Give a sender another key, and return it; the old one is good for `keep_old` more, None for not at all. One that was older
    still is good no more. Raises KeysError.
    """
    key = make_key()
    with _changing(path) as entries:
        entry = _named(path, entries, name)
        entry.pop("old_key_until", None)
        entry.pop("old_key_sha256", None)
        if keep_old is not None:
            entry["old_key_sha256"] = entry["key_sha256"]
            entry["old_key_until"] = (datetime.now(UTC) + keep_old).replace(microsecond=0)
        entry["key_sha256"] = hash_key(key)
    return key


def disable(path: Path, name: str, disabled: bool) -> None:
    """Shut a sender out, or let it in again. Raises KeysError."""
    with _changing(path) as entries:
        entry = _named(path, entries, name)
        entry.pop("disabled", None)
        if disabled:
            entry["disabled"] = True


def _named(path: Path, entries: Sequence[Entry], name: str) -> Entry:
    for entry in entries:
        if entry.get("name") == name:
            return entry
    raise KeysError(f"{path}: there is no source {name!r}; `portrait sources ls` lists them")


@contextmanager
def _changing(path: Path) -> Iterator[list[Entry]]:
    """The entries of the file, to be changed in the block, by one process at a time; written when it ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries: list[Entry] = []
        if path.exists():
            read_sources(path)
            entries = (read_yaml(path.read_text(encoding="utf-8")) or {}).get("sources") or []
        yield entries
        new = path.with_name(path.name + ".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            yaml.safe_dump({"sources": entries}, file, sort_keys=False, allow_unicode=True)
            file.flush()
            os.fsync(file.fileno())
        try:
            read_sources(new)
        except KeysError as error:
            new.unlink()
            raise KeysError(str(error).replace(str(new), str(path))) from error
        new.replace(path)
