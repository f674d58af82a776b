"""`portrait import`: a file of rows becomes events."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ops.local.home import COLLECTOR_URL, SOURCE_KEY, Home, LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    counting,
    example,
    kafka_address,
    print_json,
    settings_of,
)

if TYPE_CHECKING:
    from producers.files.destinations import Destination

_SHOWN = 5


class Through(StrEnum):
    """The way that the events take."""

    KAFKA = "kafka"
    COLLECTOR = "collector"


def register(app: typer.Typer) -> None:
    """Give this command to `app`."""
    app.command(
        name="import",
        epilog=example(
            "portrait import contacts people.csv",
            "portrait import pos-export scans.csv.gz --map scans.yaml --source /pos/export",
        ),
        rich_help_panel="Run",
    )(import_rows)


def import_rows(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="contacts, loyalty_scans, cdnow; with --map any name of your own.")
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV or JSON Lines, also .gz.")
    ],
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="YAML", exists=True, dir_okay=False, help="What its columns mean.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The CloudEvents source; else the mapping's, else /import/KIND.")
    ] = None,
    through: Annotated[Through, typer.Option(help="Straight into Kafka, or through the collector.")] = Through.KAFKA,
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For rows that cannot be read; else in HOME/imports.")
    ] = None,
    stop_after: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop at that many bad rows.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Send everything again; what is stored counts once.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send every row of a file as an event. An import that was interrupted goes on where it was.

    The encoding is told by the bytes, unless the mapping names it: UTF-8, UTF-16, Windows-1258. A file in TCVN3 or VNI is not
    read. Rows that cannot be read do not stop it: they are kept with line and column, and the exit code is 1.
    """
    from ops.file_encoding import in_its_encoding
    from producers.files.destinations import ImportStopped
    from producers.files.importer import import_file
    from producers.files.mapping import MappingError, load_mapping
    from producers.files.rows import FileError

    chosen = Home.at(home)
    try:
        mapping = in_its_encoding(file, load_mapping(map_file or kind))
        sender = source or mapping.source or f"/import/{kind}"
        kept = rejects or chosen.path / "imports" / rejects_name(file, mapping.model_dump_json(), sender)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with counting() as progress, destination_of(through, home) as destination:
            task = progress.add_task(escape(file.name), total=None, unit="rows")

            def show(done: Any) -> None:
                # The file says how far it is in bytes, people want to know in rows: the total is estimated.
                share = done.bytes_read / max(1, done.bytes_total)
                progress.update(task, completed=done.rows, total=int(done.rows / share) if share else None)

            report = import_file(
                file,
                mapping,
                destination,
                home=chosen.path,
                source=sender,
                rejects=kept,
                stop_after=stop_after,
                again=again,
                progress=show,
            )
    except MappingError as error:
        raise LocalStackError(f"{error}. docs/getting-started.md says how a mapping is written") from error
    except OSError as error:
        raise LocalStackError(f"{error.filename}: {error.strerror}; choose another place with --home") from error
    except FileError as error:
        raise LocalStackError(f"{error}. What was read before is sent; mend the file and run this again") from error
    except ImportStopped as error:
        raise LocalStackError(f"{error}. Run the same command again: it goes on where it was") from error
    if json:
        print_json({**{name: getattr(report, name) for name in report.__slots__}, "rejects": str(kept)})
    elif report.resumed_at == report.rows and report.rows:
        console.print(
            f"All {report.rows:,} rows were read before: {report.sent:,} sent, {report.rejected:,} rejected. "
            "To send them once more: --again."
        )
    else:
        resumed = f" ({report.resumed_at:,} of them before)" if report.resumed_at else ""
        mark = "[yellow]![/yellow]" if report.rejected else "[green]✓[/green]"
        console.print(f"{mark} {report.rows:,} rows{resumed}: {report.sent:,} sent, {report.rejected:,} rejected")
    if report.rejected:
        if not json:
            _show_rejected(kept, report.rejected)
        raise typer.Exit(1)


def rejects_name(file: Path, *about: str) -> str:
    """The file for what is rejected of `file`: another one for a file of this name elsewhere, or for this one read otherwise."""
    digest = sha256("\0".join((str(file.resolve()), *about)).encode()).hexdigest()
    return f"{file.name}.{digest[:8]}.rejected.jsonl"


@contextmanager
def destination_of(
    through: Through, home: Path | None, *, patience: float = 60.0, wait: bool = True
) -> Iterator[Destination]:
    """Where events go, by the settings of `home`. A batch is tried for `patience` seconds. Raises LocalStackError when no address
    is known, and, with `wait`, when Kafka does not answer now."""
    from producers.broker.publisher import Publisher, Unavailable
    from producers.files.destinations import CollectorDestination, KafkaDestination

    if through is Through.COLLECTOR:
        settings = settings_of(home)
        if not settings.get(COLLECTOR_URL) or not settings.get(SOURCE_KEY):
            raise LocalStackError(f"set {COLLECTOR_URL} and {SOURCE_KEY}, or start a stack with `portrait up --detach`")
        collector = CollectorDestination(settings[COLLECTOR_URL], settings[SOURCE_KEY], patience)
        try:
            yield collector
        finally:
            collector.close()
        return
    bootstrap = kafka_address(home)
    publisher = Publisher(bootstrap, timeout=20)
    try:
        if wait:
            publisher.wait_connected(10)
        yield KafkaDestination(publisher, patience)
    except Unavailable as error:
        raise LocalStackError(f"{error}. See `portrait status`; start a stack with `portrait up --detach`") from error
    finally:
        publisher.close()


def _show_rejected(kept: Path, count: int) -> None:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("line", "column", "what is wrong"):
        table.add_column(title, overflow="fold")
    with open(kept, encoding="utf-8") as lines:
        for _, line in zip(range(_SHOWN), lines, strict=False):
            row = json_text.loads(line)
            table.add_row(str(row["line"]), escape(row["column"] or row["path"]), escape(row["message"]))
    console.print(table)
    more = f"{count - _SHOWN:,} more; all" if count > _SHOWN else "All"
    console.print(f"{more} of them are in {kept}", soft_wrap=True)
