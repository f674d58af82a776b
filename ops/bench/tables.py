"""What was found as tables: each a title, columns, rows and a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ops.bench.goals import BACKLOG_RATE, PUBLISHED, PUBLISHED_ABOUT, verdicts
from ops.bench.results import Backlog, Cost, Results, Surroundings

_AT_THE_DOOR = ("collector", "kafka")
_AT_THE_SWEEP = ("worker-1", "postgres", "relay")


class Table(NamedTuple):
    """`columns` that begin with a space are numbers. `note` is said below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def tables(results: Results) -> list[Table]:
    """Everything that was measured, the goals first."""
    return [table for table in _tables(results) if table.rows]


def _tables(results: Results) -> Iterator[Table]:
    yield Table(
        "Goals",
        ("what", " goal", " found", " ratio", ""),
        [(v.about, v.goal, v.found, f"{v.ratio:.2f}", "met" if v.met else "missed") for v in verdicts(results)],
    )
    yield from _throughput(results)
    if latency := results.latency:
        yield Table(
            f"(c) From the HTTP answer to visible in crm, at {latency.rate:,.0f} events/s",
            (" probes", " p50", " p90", " p99", " longest", " answer p50", " answer p99", " late requests"),
            [
                (
                    f"{latency.probes:,}",
                    *(_ms(each) for each in (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.max_ms)),
                    *(_ms(each) for each in (latency.answer_p50_ms, latency.answer_p99_ms)),
                    str(latency.late),
                )
            ],
            f"For {latency.seconds:.0f} s. {beside(latency.surroundings)}",
        )
    doors = results.doors or ()
    yield Table(
        "(j) From HTTP into Kafka, the collector alone",
        ("", " connections", " requests/s", " events/s", " p50", " p99", *(f" {name} µs" for name in _AT_THE_DOOR)),
        [
            (
                *(door.kind, str(door.connections), f"{door.requests:,.0f}", f"{door.rate:,.0f}"),
                *(_ms(door.p50_ms), _ms(door.p99_ms)),
                *(f"{door.cpu_us(name):,.0f}" for name in _AT_THE_DOOR),
            )
            for door in doors
        ],
        "µs of CPU a request. " + " ".join(f"{door.kind}: {beside(door.surroundings)}" for door in doors),
    )
    if swept := results.swept:
        yield Table(
            "(k) Everybody evaluated by a new segment",
            (
                "",
                " customers",
                " entered",
                " customers/s",
                " with start-up",
                " published",
                *(f" {name} µs" for name in _AT_THE_SWEEP),
            ),
            [
                (
                    "(k)",
                    f"{swept.customers:,}",
                    f"{swept.entered:,}",
                    f"{swept.rate:,.0f}",
                    f"{swept.seconds:.1f} s",
                    f"{swept.published:.1f} s",
                    *(
                        f"{sum(cost.cpu_us for cost in swept.costs if cost.process == name):.1f}"
                        for name in _AT_THE_SWEEP
                    ),
                )
            ],
            f"µs of CPU a customer. with start-up: from the start of the processes; published: the outbox empty, after the last. "
            f"{beside(swept.surroundings)}",
        )
    stores = {"a": results.backlog, "e": results.crowded, "g, linked": results.linked, "h, shared": results.shared}
    kept = [(letter, each) for letter, run in stores.items() if run is not None for each in run.kept]
    if kept:
        yield Table(
            "What the store keeps, in MB",
            ("", "table", " rows", " indexes", " index pages found in memory"),
            [
                (f"({letter})", each.table, f"{each.rows_mb:,.0f}", f"{each.indexes_mb:,.0f}", f"{each.index_hits:.1%}")
                for letter, each in kept
            ],
        )
    runs = {"a": results.backlog, "b": results.sustained, "e": results.crowded}
    measured = {letter: run.costs for letter, run in runs.items() if run is not None}
    if measured:
        yield _costs(measured)
    yield Table(
        "(d) Each stage alone, on one thread",
        ("stage", " n", "of", " µs by the clock", " µs of CPU here", " a second"),
        [
            (
                stage.name,
                f"{stage.events:,}",
                f"{stage.unit}s",
                f"{stage.wall_us:.1f}",
                f"{stage.cpu_us:.1f}",
                f"{1e6 / stage.wall_us:,.0f}" if stage.wall_us else "",
            )
            for stage in results.stages or ()
        ],
    )
    if results.flat:
        yield Table(
            "(f) RSS of the largest worker, MB, at each tenth of the events",
            (" events", *(f" {tenth}/10" for tenth in range(1, 11)), " bytes on disk"),
            [
                (f"{flat.events:,}", *(f"{rss:.0f}" for rss in flat.rss_mb), f"{flat.disk_bytes:,}")
                for flat in results.flat
            ],
        )
    yield _machine(results)


def _backlogs(results: Results) -> tuple[tuple[str, Backlog | None], ...]:
    return (
        ("a", results.backlog),
        ("e", results.crowded),
        ("g, one", results.alone),
        ("g, linked", results.linked),
        ("h, none", results.unshared),
        ("h, shared", results.shared),
        ("i", results.turning),
    )


def _throughput(results: Results) -> Iterator[Table]:
    runs = [(letter, run) for letter, run in _backlogs(results) if run is not None]
    yield Table(
        "From a backlog in events.valid into crm",
        (
            "",
            " events",
            " workers",
            " customers before",
            " after",
            " events/s",
            " with start-up",
            " first commit",
            " published",
        ),
        [_backlog(letter, run) for letter, run in runs],
        " ".join(f"({letter}): {beside(run.surroundings)}" for letter, run in runs)
        + " events/s: from the first commit to the last; with start-up: from the start of the processes to the last "
        "commit; first commit: after that start; published: the outbox empty, after the last commit.",
    )
    if sustained := results.sustained:
        yield Table(
            "(b) From HTTP into crm",
            (
                " events",
                " a request",
                " workers",
                " events/s",
                " answered/s",
                " answer p50",
                " answer p99",
                " sent again",
            ),
            [
                (
                    f"{sustained.events:,}",
                    str(sustained.batch),
                    str(sustained.workers),
                    f"{sustained.rate:,.0f}",
                    f"{sustained.answered:,.0f}",
                    _ms(sustained.p50_ms),
                    _ms(sustained.p99_ms),
                    str(sustained.retries),
                )
            ],
            f"{sustained.connections} connections, each sends when it was answered. {beside(sustained.surroundings)}",
        )
    if backlog := results.backlog:
        yield Table(
            "Beside others",
            ("tool", " events/s", " (a) to it"),
            [(each.tool, f"{each.rate:,.0f}", f"{backlog.rate / each.rate:.2f} ×") for each in PUBLISHED]
            + [("the goal of this project", f"{BACKLOG_RATE:,.0f}", f"{backlog.rate / BACKLOG_RATE:.2f} ×")],
            PUBLISHED_ABOUT,
        )


def _backlog(letter: str, run: Backlog) -> tuple[str, ...]:
    return (
        f"({letter})",
        *(f"{number:,}" for number in (run.events, run.workers, run.existing, run.customers)),
        f"{run.rate:,.0f}",
        f"{run.rate_with_start:,.0f}",
        f"{run.first_commit:.1f} s",
        f"{run.published:.1f} s",
    )


def _costs(measured: dict[str, tuple[Cost, ...]]) -> Table:
    names = dict.fromkeys(cost.process for costs in measured.values() for cost in costs)
    cells = {(letter, cost.process): cost for letter, costs in measured.items() for cost in costs}

    def row(name: str) -> Iterator[str]:
        yield name
        for letter in measured:
            cost = cells.get((letter, name))
            yield from ("", "") if cost is None else (f"{cost.cpu_us:.1f}", f"{cost.rss_mb:.0f}")

    totals = [_sum(costs) for costs in measured.values()]
    return Table(
        "What each process costs: µs of CPU an event, and the most memory it held, in MB",
        ("process", *(column for letter in measured for column in (f" ({letter}) µs", f" ({letter}) MB"))),
        [
            *(tuple(row(name)) for name in names),
            ("all but the bench", *(cell for total in totals for cell in (total, ""))),
        ],
        "Until everything is published. postgres is all its processes; what they share counts once.",
    )


def _sum(costs: Iterable[Cost]) -> str:
    return f"{sum(cost.cpu_us for cost in costs if cost.process not in ('bench', 'sender')):.1f}"


def _machine(results: Results) -> Table:
    machine = results.machine
    return Table(
        "Where and how",
        ("", ""),
        [
            ("processor", f"{machine.cpu}, {machine.cores} cores"),
            ("memory", f"{machine.memory_gb} GB"),
            ("system", f"{machine.system}, {machine.disk}"),
            ("versions", f"Python {machine.python}, Kafka {machine.kafka}, PostgreSQL {machine.postgres}"),
            ("packages", ", ".join(f"{name} {version}" for name, version in machine.packages.items())),
            ("load average before", str(machine.load)),
            ("command", f"`{results.command}`"),
            ("when", f"{results.begun}, commit {results.revision}"),
        ],
    )


def beside(surroundings: Surroundings) -> str:
    return (
        f"{surroundings.others:.0%} of the machine went to other programs, {surroundings.stolen:.0%} was stolen, "
        f"{surroundings.idle:.0%} was idle."
    )


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms"
