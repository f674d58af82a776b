"""What was found, for a terminal and for `docs/performance.md`."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table as RichTable

from ops.bench.results import Results
from ops.bench.tables import beside, tables

BUSY = 0.05
"""A share of the machine that others took, above which figures say more about them than about us."""


def show(results: Results, console: Console) -> None:
    """Print it for people."""
    for table in tables(results):
        made = RichTable(title=table.title, title_justify="left", title_style="bold", header_style="dim", box=None)
        for column in table.columns:
            made.add_column(column.strip(), justify="right" if column.startswith(" ") else "left")
        for row in table.rows:
            made.add_row(*row)
        console.print()
        console.print(made)
        if table.note:
            console.print(table.note, style="dim", width=110)
    for warning in warnings(results):
        console.print(f"[yellow]! {warning}[/yellow]")


def markdown(results: Results) -> str:
    """The same, to be pasted."""
    parts = []
    for table in tables(results):
        rule = ["--:" if column.startswith(" ") else "---" for column in table.columns]
        lines = [[column.strip() for column in table.columns], rule, *table.rows]
        note = f"\n{table.note}\n" if table.note else ""
        parts.append(f"### {table.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + note)
    parts += [f"> {warning}\n" for warning in warnings(results)]
    return "\n".join(parts)


def warnings(results: Results) -> Iterator[str]:
    """Why these figures should not be believed."""
    machine = results.machine
    if machine.load > 0.5 * machine.cores:
        yield f"the load average was {machine.load} before the start: others were busy, and the figures are noisy"
    for letter, run in (
        ("a", results.backlog),
        ("b", results.sustained),
        ("c", results.latency),
        ("e", results.crowded),
        ("i", results.turning),
        ("k", results.swept),
    ):
        if run is not None and run.surroundings.others + run.surroundings.stolen > BUSY:
            yield f"({letter}) shared the machine: {beside(run.surroundings)}"
    if results.revision.endswith("+"):
        yield f"files differ from the commit {results.revision[:-1]}"
