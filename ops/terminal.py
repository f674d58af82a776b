"""What all commands share: where they print, how they show that work goes on, and the option `--home`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from ops.local.home import DATABASE_URL, KAFKA, Home, LocalStackError

if TYPE_CHECKING:
    from processors.reference import Reference
    from processors.segments.catalogue import Catalogue

_PIPED_WIDTH = 160  # columns, where nobody tells how wide a line may be


def _console(stream: TextIO, stderr: bool) -> Console:
    known = stream.isatty() or "COLUMNS" in os.environ
    return Console(stderr=stderr, highlight=False, width=None if known else _PIPED_WIDTH)


console = _console(sys.stdout, stderr=False)
errors = _console(sys.stderr, stderr=True)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="The directory of the stack; else PORTRAIT_HOME, else .portrait"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def example(*lines: str) -> str:
    """The end of a command's help: how it is typed."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  $ {line}" for line in lines)])


def program() -> str:
    """How this command is typed here: `portrait` when the shell would find it, else with its path."""
    typed = Path(sys.argv[0])
    found = shutil.which("portrait")
    if typed.name != "portrait" or (found is not None and Path(found).resolve() == typed.resolve()):
        return "portrait"
    return os.path.relpath(typed)


def print_json(document: Any) -> None:
    """One JSON document on standard output, letters as they are."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def settings_of(home: Path | None) -> dict[str, str]:
    """Every `PORTRAIT_…` setting of that home and of the environment; the home need not be there."""
    return Home.at(home).settings()


def database_url(home: Path | None) -> str:
    """The address of the database, with full rights. Raises LocalStackError when there is none."""
    return _needed(home, DATABASE_URL, "PostgreSQL")


def kafka_address(home: Path | None) -> str:
    """The address of Kafka. Raises LocalStackError when there is none."""
    return _needed(home, KAFKA, "Kafka")


def reference_of(home: Path | None) -> Reference:
    """What events are read with: region, currency, places. Raises LocalStackError when a setting of it is wrong."""
    from processors.reference import BadReference, load_reference

    try:
        return load_reference(settings_of(home))
    except BadReference as error:
        raise LocalStackError(str(error)) from error


def segments_of(home: Path | None) -> Catalogue:
    """The segments: those that ship, and the installation's own. Raises LocalStackError when one of these is wrong."""
    from processors.segments.catalogue import read_catalogue
    from processors.segments.rules import BadSegments

    own = settings_of(home).get("PORTRAIT_SEGMENTS")
    try:
        return read_catalogue(reference_of(home).timezone, Path(own) if own else None)
    except (BadSegments, OSError) as error:
        raise LocalStackError(str(error)) from error


def _needed(home: Path | None, name: str, what: str) -> str:
    value = settings_of(home).get(name)
    if not value:
        raise LocalStackError(
            f"{Home.at(home).path} knows no {what}. Start a stack with `portrait up --detach`, "
            f"name the directory of another one with --home, or set {name}"
        )
    return value


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """The speed, in `task.fields["unit"]` a second, or nothing before it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {task.fields['unit']}/s", style="cyan")


def counting() -> Progress:
    """A progress bar for things that are counted. Give each task a field `unit`, such as "events"."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=errors,
    )


@contextmanager
def counted(description: str, unit: str, total: int | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error; call what it yields with (done, total), total None when it is not known."""
    with counting() as progress:
        task = progress.add_task(description, total=total, unit=unit)

        def told(done: int, of: int | None) -> None:
            progress.update(task, completed=done, total=of)

        yield told


def table_of(*titles: str) -> Table:
    """A plain table; a column whose title begins with a blank is of numbers."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title.strip(), justify="right" if title.startswith(" ") else "left")
    return table
