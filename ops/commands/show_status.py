"""How `portrait status` looks."""

from __future__ import annotations

from rich.table import Table

from ops.local.home import Home
from ops.local.supervisor import State
from ops.spool import Spool
from ops.status import Reading, Report
from ops.terminal import console, table_of


def show(report: Report, home: Home) -> None:
    """Print `report` for people."""
    if report.processes:
        console.print(_processes(report))
    else:
        which = "" if home.path == Home.at().path else f" --home {home.path}"
        console.print(f"Nothing runs in {home.path}. Start it with `portrait up --detach{which}`.", soft_wrap=True)
    if report.readings:
        console.print()
        console.print(_readings(report.readings))
    if report.spool is not None and report.spool.records:
        console.print()
        console.print(_spool(report.spool))
    if report.balance is not None:
        console.print()
        console.print(_books(report))
    for problem in report.problems:
        console.print(f"[red]✗[/red] {problem}")


def _processes(report: Report) -> Table:
    table = table_of("process", "state", " pid", " up for", " restarts")
    for line in (*report.processes, *([report.supervisor] if report.supervisor else [])):
        style = "green" if line.state == State.READY else "yellow"
        table.add_row(
            line.name,
            f"[{style}]{line.state}[/{style}]",
            "" if line.pid is None else str(line.pid),
            "" if line.up is None else _duration(line.up),
            str(line.restarts) if line.restarts else "",
        )
    return table


def _readings(readings: tuple[Reading, ...]) -> Table:
    """One line a topic, and one for each partition that lags."""
    table = table_of("topic", "partition", " position", " end", " lag", " oldest waits")
    for topic in dict.fromkeys(each.topic for each in readings):
        own = [each for each in readings if each.topic == topic]
        table.add_row(
            topic,
            f"all {len(own)}",
            f"{sum(each.position for each in own):,}",
            f"{sum(each.end for each in own):,}",
            _lag(sum(each.lag_events for each in own)),
            _waits(max(each.lag_seconds for each in own)),
        )
        for each in own:
            if each.lag_events:
                place = (str(each.partition), f"{each.position:,}", f"{each.end:,}")
                table.add_row("", *place, _lag(each.lag_events), _waits(each.lag_seconds), style="dim")
    return table


def _spool(spool: Spool) -> Table:
    table = table_of("spool", " records", " MB", " of at most", " oldest waits")
    size, limit = (f"{size / 1024**2:,.1f}" for size in (spool.size_bytes, spool.limit_bytes))
    table.add_row("waits for Kafka", _lag(spool.records), size, limit, _waits(spool.oldest_seconds))
    return table


def _books(report: Report) -> Table:
    books = report.balance
    assert books is not None
    table = table_of("received", "=", " stored", " duplicate", " rejected", " suppressed", "")
    verdict = "[green]✓ the books balance[/green]"
    if not report.caught_up:
        waiting = sum(each.lag_events for each in report.readings) + (report.spool.records if report.spool else 0)
        verdict = f"[yellow]on the way: {waiting:,} to read, {report.outbox or 0:,} to publish[/yellow]"
    elif not books.balanced:
        told = books.stored + books.duplicate + books.rejected + books.suppressed
        verdict = f"[red]✗ off by {books.received - told:+,}; see docs/operating.md[/red]"
    counts = (books.stored, books.duplicate, books.rejected, books.suppressed)
    table.add_row(f"{books.received:,}", "=", *(f"{count:,}" for count in counts), verdict)
    if report.unreadable:
        table.add_row("", "", "", "", "", "", f"[red]{report.unreadable:,} records on our topics are not ours[/red]")
    return table


def _lag(events: int) -> str:
    return f"[yellow]{events:,}[/yellow]" if events else "0"


def _waits(seconds: float) -> str:
    return _duration(seconds) if seconds else ""


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
