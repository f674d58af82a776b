"""Spans of time as people type them: 30m, 2h, 3d, 1w. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ops.local.home import LocalStackError

_SPAN = re.compile(r"0*([1-9][0-9]{0,3})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ADVICE = "give 30m, 2h, 3d or 1w"


def read_span(option: str, text: str) -> timedelta:
    """From a minute to 9,999 weeks. Raises LocalStackError, which names `option`."""
    span = _span(text)
    if span is None:
        raise LocalStackError(f"{option} {text}: {_ADVICE}")
    return span


def read_since(option: str, text: str, now: datetime) -> datetime:
    """A span before `now`, or a date in ISO 8601: one of this machine's when it names no zone. Raises LocalStackError."""
    span = _span(text)
    if span is not None:
        return now - span
    try:
        at = datetime.fromisoformat(text.strip())
        return at if at.tzinfo else at.astimezone()
    except (ValueError, OverflowError, OSError):
        raise LocalStackError(f"{option} {text}: {_ADVICE}, or a date such as 2026-11-23T08:00") from None


def _span(text: str) -> timedelta | None:
    told = _SPAN.fullmatch(text.strip())
    return None if told is None else timedelta(**{_UNITS[told[2]]: int(told[1])})
