"""What the figures are held against: our goals, and what others reach. Two cores that also run broker and database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ops.bench.results import Results

BACKLOG_RATE = 15_000.0
HTTP_RATE = 5_000.0
LATENCY_MS = 2_000.0
CROWDED_SHARE = 0.75
LINKED_SHARE = 0.85
SHARED_SHARE = 0.80
TURNING_SHARE = 0.90
DOOR_EVENTS_RATE = 10_000.0
DOOR_REQUESTS_RATE = 1_500.0
SWEPT_RATE = 1_000_000 / 60
PYTHON_RSS_MB = 300.0


class Verdict(NamedTuple):
    """A goal and what was found. `ratio` is found to goal, above 1 being better, whichever way the goal points."""

    about: str
    goal: str
    found: str
    ratio: float

    @property
    def met(self) -> bool:
        return self.ratio >= 1


class Published(NamedTuple):
    """What another tool reached, in events a second, with the job named in PUBLISHED_ABOUT."""

    tool: str
    rate: float


PUBLISHED_ABOUT = (
    "From one Kafka topic into PostgreSQL, 100,000 events, on two cores that also run both servers: deduplicate, "
    "find the customer by any identifier, keep a profile, upsert it and the event. Measured elsewhere, as competent "
    "users of each tool would write it; a simpler job than ours, which also merges customers, keeps links and history, "
    "segments, and publishes every change."
)
PUBLISHED = (
    Published("kafka-python, one event a transaction", 950),
    Published("stock Faust with take", 5_200),
    Published("stock Faust with takes of 5,000", 6_900),
    Published("quixstreams", 9_000),
    Published("bytewax", 11_900),
    Published("no Kafka at all, batches of 500 to 5,000", 17_000),
    Published("Debezium JDBC sink (flat rows, nothing computed)", 24_000),
)


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every goal that these results say something about."""
    backlog, sustained, latency, crowded = results.backlog, results.sustained, results.latency, results.crowded
    if backlog:
        yield _at_least("(a) backlog into crm, events/s", BACKLOG_RATE, backlog.rate)
    if sustained:
        yield _at_least("(b) HTTP into crm, events/s", HTTP_RATE, sustained.rate)
    if latency:
        yield Verdict(
            f"(c) answer to crm at {latency.rate:,.0f} events/s, p99",
            f"< {LATENCY_MS:,.0f} ms",
            f"{latency.p99_ms:,.0f} ms",
            LATENCY_MS / latency.p99_ms,
        )
    if backlog and crowded:
        share = crowded.rate / backlog.rate
        yield Verdict(
            f"(e) the same with {crowded.existing:,} customers",
            f"≥ {CROWDED_SHARE:.0%} of (a)",
            f"{share:.0%}",
            share / CROWDED_SHARE,
        )
    if crowded and results.turning:
        share = results.turning.rate / crowded.rate
        about = "(i) the same, while everybody is due once a day"
        yield Verdict(about, f"≥ {TURNING_SHARE:.0%} of (e)", f"{share:.0%}", share / TURNING_SHARE)
    if results.alone and results.linked:
        share = results.linked.rate / results.alone.rate
        about = "(g) three of ten events link two identifiers"
        yield Verdict(about, f"≥ {LINKED_SHARE:.0%} of one each", f"{share:.0%}", share / LINKED_SHARE)
    if results.unshared and results.shared:
        share = results.shared.rate / results.unshared.rate
        about = "(h) a tablet, a number, cards that several share"
        yield Verdict(about, f"≥ {SHARED_SHARE:.0%} of none", f"{share:.0%}", share / SHARED_SHARE)
    for door in results.doors or ():
        if door.batch == 1:
            yield _at_least(f"(j) {door.kind}, requests/s", DOOR_REQUESTS_RATE, door.requests)
        else:
            yield _at_least(f"(j) {door.kind}, events/s", DOOR_EVENTS_RATE, door.rate)
    if results.swept:
        yield _at_least("(k) everybody by new rules, customers/s", SWEPT_RATE, results.swept.rate)
    peaks = dict(_python_peaks(results))
    if peaks:
        name, peak = max(peaks.items(), key=lambda each: each[1])
        yield Verdict(
            f"RSS of a Python process, largest: {name}",
            f"< {PYTHON_RSS_MB:.0f} MB",
            f"{peak:.0f} MB",
            PYTHON_RSS_MB / peak,
        )
    if results.flat:
        large = max(results.flat, key=lambda flat: flat.events)
        growth = large.rss_mb[-1] / large.rss_mb[2]  # by then every worker has had batches of the largest size
        about = f"(f) RSS after {large.events:,} events, to that after 3/10"
        yield Verdict(about, "the same (≤ 1.1 ×)", f"{growth:.2f} ×", 1.1 / growth)


def _at_least(about: str, goal: float, found: float) -> Verdict:
    return Verdict(about, f"≥ {goal:,.0f}", f"{found:,.0f}", found / goal)


def _python_peaks(results: Results) -> Iterator[tuple[str, float]]:
    """Of our own processes in every measurement: (measurement and process, MB)."""
    for letter, run in (("a", results.backlog), ("b", results.sustained), ("e", results.crowded)):
        for cost in run.costs if run else ():
            if cost.process == "relay" or cost.process == "collector" or cost.process.startswith("worker-"):
                yield f"{cost.process} in ({letter})", cost.rss_mb
    for door in results.doors or ():
        yield from ((f"{cost.process} in (j)", cost.rss_mb) for cost in door.costs if cost.process == "collector")
