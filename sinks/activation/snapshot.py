"""A snapshot: who is in which segment, as a CSV file that is there whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from schemas import portrait
from sinks.activation.targets import CsvSettings
from sinks.postgres.targets import Membership

COLUMNS = ("customer_id", "segment", "since", "reason")
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def write_snapshot(name: str, settings: CsvSettings, members: Iterable[Membership], at: datetime) -> Path:
    """Write `NAME-TIME.csv`, then delete what is older than the newest `keep` of these files. Raises OSError.

    Who looks into the directory sees a whole file or none: it is written under another name, forced to the disk, and renamed.
    """
    directory = Path(settings.directory)
    file = directory / f"{name}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv"
    begun = directory / f".{file.name}.{os.getpid()}"
    try:
        with open(begun, "w", encoding="utf-8-sig" if settings.bom else "utf-8", newline="") as opened:
            write_members(opened, members, settings.traits)
            opened.flush()
            os.fsync(opened.fileno())
        begun.replace(file)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise
    _fsync(directory)
    for old in _written(directory, name)[: -settings.keep]:
        old.unlink(missing_ok=True)
    return file


def write_members(to: TextIO, members: Iterable[Membership], traits: Sequence[str]) -> None:
    """One line a membership, after the line of column names, as RFC 4180 has it."""
    writer = csv.writer(to)
    writer.writerow([harmless(title) for title in (*COLUMNS, *traits)])
    for member in members:
        known = portrait.decode(member.state).traits if traits and member.state is not None else {}
        values = [known[name][0] if name in known else None for name in traits]
        since = member.since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        writer.writerow([member.customer, harmless(member.segment), since, *map(harmless, (member.reason, *values))])


def harmless(value: Any) -> str:
    """`value` as a cell that no spreadsheet takes for a formula: text that would begin one gets an apostrophe before it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value.lstrip().startswith(_FORMULA) or value.startswith(("\t", "\r", "\n")):
        return f"'{value}"
    return value


def _written(directory: Path, name: str) -> list[Path]:
    """The files of this target, the oldest first."""
    own = re.compile(rf"{re.escape(name)}-[0-9]{{8}}T[0-9]{{6}}Z\.csv")
    return sorted(file for file in directory.iterdir() if own.fullmatch(file.name))


def _fsync(directory: Path) -> None:
    """Force the directory itself to the disk, where that can be done."""
    with suppress(OSError):
        opened = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
