"""What the collector answers, read from the client's side."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx
from pydantic import BaseModel


class Refused(BaseModel):
    """One entry of `rejected`."""

    index: int
    code: str
    path: str
    message: str


class Answer(BaseModel):
    """The body of a 200."""

    accepted: int
    rejected: list[Refused]


def retry_after(answer: httpx.Response) -> float:
    """Seconds, from either form of the header; 0 without one."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), 300.0)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()), 300.0)
    except (ValueError, TypeError):
        return 0.0


def problem_code(answer: httpx.Response) -> str:
    """The `code` of an error, "" when it has none: something in between may have answered."""
    try:
        return str(answer.json().get("code", ""))[:100]
    except (ValueError, AttributeError):
        return ""
