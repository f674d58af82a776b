"""What each source sends, and what becomes of it: the collector counts by access key, the store by CloudEvents source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from ops.local.home import Home
from ops.sql import reading, rows
from producers.intake.metrics import UNKNOWN_SOURCE

_PREFIX = "portrait_collector_"
_COUNTED = {
    "events_received_total": "received",
    "events_accepted_total": "accepted",
    "events_late_total": "late",
    "events_ahead_total": "ahead",
    "events_skewed_total": "skewed",
    "spooled_records_total": "spooled",
}
_SECONDS = 2.0


@dataclass
class Door:
    """What a collector counted of one access key since it started. `ahead`: events that came before they happened; `skewed`:
    calls of a clock that is wrong, and was corrected; `turned_away`: requests answered 429."""

    received: int = 0
    accepted: int = 0
    late: int = 0
    ahead: int = 0
    skewed: int = 0
    spooled: int = 0
    turned_away: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass
class Kept:
    """What is in the store of one CloudEvents source, since ever."""

    stored: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


def keys_file(settings: Mapping[str, str], home: Home) -> Path:
    """Where the collector's keys are."""
    return Path(settings.get("PORTRAIT_KEYS") or home.path / "keys.yaml")


def at_the_door(collector: str) -> dict[str, Door]:
    """By access key, what the collector at this address has counted. Raises httpx.HTTPError or ValueError."""
    answer = httpx.get(f"{collector}/metrics", timeout=_SECONDS)
    answer.raise_for_status()
    found: defaultdict[str, Door] = defaultdict(Door)
    for family in text_string_to_metric_families(answer.text):
        for name, labels, value, *_ in family.samples:
            name, source = name.removeprefix(_PREFIX), labels.get("source", UNKNOWN_SOURCE)
            if name in _COUNTED:
                setattr(found[source], _COUNTED[name], int(value))
            elif name == "events_rejected_total":
                found[source].rejected[labels["reason"]] = int(value)
            elif name == "request_seconds_count" and labels["status"] == "429":
                found[source].turned_away += int(value)
    return dict(found)


def in_the_store(url: str, *, stored: bool = True, seconds: float | None = None) -> dict[str, Kept]:
    """By CloudEvents source, what is stored; under "" what named none. Without `stored`, which looks at every event, only
    what was repeated and rejected. A statement may take so many `seconds`. Raises psycopg2.Error.
    """
    found: defaultdict[str, Kept] = defaultdict(Kept)
    with reading(url, seconds) as at:
        for source, count in rows(at, "stored_by_source") if stored else []:
            found[source].stored = count
        for source, count in rows(at, "repeated_by_source"):
            found[source].duplicates = count
        for source, reason, count in rows(at, "rejected_by_source"):
            found[source or ""].rejected = dict(Counter(found[source or ""].rejected) + Counter({reason: count}))
    return dict(sorted(found.items()))
