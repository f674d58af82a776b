"""Which dead letters a command is about: those that are named, or all of a reason, of a source, since a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, TypedDict

import typer

from ops.local.home import LocalStackError
from ops.spans import read_since
from schemas.rejected import Reason

SinceOption = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Not older: 30m, 2h, 3d, 1w, or a date such as 2026-11-23T08:00.")
]
ReasonOption = Annotated[str | None, typer.Option(help="Only those refused for this reason.")]
SourceOption = Annotated[str | None, typer.Option(help="Only those of this CloudEvents source.")]
OriginsArgument = Annotated[list[str] | None, typer.Argument(metavar="ORIGIN…", show_default=False)]
LimitOption = Annotated[int, typer.Option(min=1, help="Where no ORIGIN is named: the most to send, the oldest first.")]


class Which(TypedDict):
    """What letters are to have in common; None for whatever it is."""

    reason: str | None
    source: str | None
    since: datetime | None


def which_letters(reason: str | None, source: str | None, since: str | None) -> Which:
    """Raises LocalStackError when `reason` is none that there is, or `since` no time."""
    if reason is not None and reason not in {*Reason}:
        raise LocalStackError(f"--reason {reason}: reasons are {', '.join(Reason)}")
    now = datetime.fromtimestamp(time.time(), UTC)
    return Which(reason=reason, source=source, since=None if since is None else read_since("--since", since, now))


def named_or_which(verb: str, origins: Sequence[str] | None, which: Which) -> None:
    """Raises LocalStackError unless it is said, in one way, which letters to `verb`."""
    if bool(origins) == any(value is not None for value in which.values()):
        raise LocalStackError(
            f"name the ORIGINs to {verb}, or say which: --reason, --source, --since; `portrait rejected ls` lists them"
        )
