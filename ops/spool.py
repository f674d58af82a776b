"""What the collector keeps on its disk while Kafka is away, as its metrics tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from ops.local.home import COLLECTOR_URL
from producers.spool.search import Searched
from producers.spool.state import SpoolState

COLLECTORS = "PORTRAIT_COLLECTORS"
"""The addresses of all collectors, with commas between, where there are several: each has a spool of its own."""

_PREFIX = "portrait_collector_spool_"
_SECONDS = 2.0
_NEARLY_FULL = 0.8


class Spool(SpoolState):
    """Records that wait for Kafka, their bytes on the disk, how many there may be, since when the oldest waits; and what was
    set aside for a person to look at.
    """

    @property
    def problems(self) -> list[str]:
        """What needs a person, in words."""
        found = []
        if self.aside_files:
            found.append(f"the spool has set {self.aside_files} file(s) aside; see docs/operating.md")
        if self.size_bytes + self.aside_bytes > _NEARLY_FULL * self.limit_bytes:
            share = 100 * (self.size_bytes + self.aside_bytes) / self.limit_bytes
            found.append(f"the spool is {share:.0f} % full; see docs/operating.md")
        return found


class CollectorSilent(Exception):
    """No collector answers there, so nobody knows what is in its spool."""


def collectors_of(settings: Mapping[str, str]) -> list[str]:
    """The addresses of all collectors that are known."""
    stated = settings.get(COLLECTORS) or settings.get(COLLECTOR_URL, "")
    return list(dict.fromkeys(address for each in stated.split(",") if (address := each.strip().rstrip("/"))))


def together(spools: Iterable[Spool]) -> Spool | None:
    """What several hold; None when there is none."""
    found = list(spools)
    if not found:
        return None
    oldest = max(each.oldest_seconds for each in found)
    sums = (sum(column) for column in zip(*(_counts(each) for each in found), strict=True))
    records, size_bytes, limit_bytes, aside_files, aside_bytes = sums
    return Spool(records, size_bytes, limit_bytes, oldest, aside_files, aside_bytes)


def _counts(spool: Spool) -> tuple[int, int, int, int, int]:
    return spool.records, spool.size_bytes, spool.limit_bytes, spool.aside_files, spool.aside_bytes


def read_spool(collector: str) -> Spool | None:
    """Ask the collector at this address (`http://…`). None when it has no spool. Raises CollectorSilent."""
    try:
        answer = httpx.get(f"{collector}/metrics", timeout=_SECONDS)
        answer.raise_for_status()
        told = {
            family.name.removeprefix(_PREFIX): family.samples[0].value
            for family in text_string_to_metric_families(answer.text)
            if family.name.startswith(_PREFIX)
        }
    except (httpx.HTTPError, ValueError) as error:
        raise CollectorSilent(
            f"the collector at {collector} does not answer: {error or type(error).__name__}"
        ) from error
    if not told.get("limit_bytes"):
        return None
    return Spool(
        records=int(told["records"]),
        size_bytes=int(told["size_bytes"]),
        limit_bytes=int(told["limit_bytes"]),
        oldest_seconds=told["oldest_seconds"],
        aside_files=int(told["aside_files"]),
        aside_bytes=int(told["aside_bytes"]),
    )


def search_collector(collector: str, key: str, event_id: str, source: str | None, seconds: float) -> Searched:
    """Have the collector at this address look for an event in its spool, for so long. `key` is one that traces. Raises
    CollectorSilent.
    """
    try:
        answer = httpx.get(
            f"{collector}/v1/spool",
            params={"id": event_id, "seconds": f"{seconds:.2f}"} | ({} if source is None else {"source": source}),
            headers={"Authorization": f"Bearer {key}"},
            timeout=_SECONDS,
        )
        if answer.status_code == 401:
            raise CollectorSilent(f"the collector at {collector} does not know this key as one that traces")
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=Searched)
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        raise CollectorSilent(f"the collector at {collector} does not say: {error or type(error).__name__}") from error
