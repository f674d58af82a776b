"""`portrait map`: see what a mapping makes of a sample before anything is sent."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ops.local.home import Home, LocalStackError
from ops.terminal import HomeOption, JsonOption, console, example, print_json, reference_of

if TYPE_CHECKING:
    from ops.map_trial import Trial
    from producers.files.mapping import FileMapping
    from producers.forms.mapping import FormMapping

app = typer.Typer(help="Mappings, of forms and of files: check one, or try it on a sample.", no_args_is_help=True)

MappingArgument = Annotated[
    str, typer.Argument(metavar="MAPPING", help="A YAML file, also one in HOME; or contacts, loyalty_scans, cdnow.")
]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    portrait.add_typer(app, name="map", rich_help_panel="Operate")


@app.command("check", epilog=example("portrait map check .portrait/tu-van.yaml"))
def check(mapping: MappingArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Say whether a mapping is right, and which questions or columns it reads. A mistake is told with its line."""
    from producers.forms.mapping import FormMapping

    read = _read(mapping, home)
    columns = sorted(read.read_columns if isinstance(read, FormMapping) else read.named_columns)
    if json:
        print_json({"type": read.type, "reads": columns})
        return
    console.print(f"[green]✓[/green] {escape(mapping)} makes {read.type}, and reads")
    for column in columns:
        console.print(f"  {escape(column)}", soft_wrap=True)


@app.command(
    "try",
    epilog=example(
        "portrait map try .portrait/tu-van.yaml sample.json",
        "portrait map try --page .portrait/lien-he.yaml sample.txt",
        "portrait map try scans.yaml scans.csv",
    ),
)
def try_out(
    mapping: MappingArgument,
    sample: Annotated[
        Path,
        typer.Argument(
            metavar="SAMPLE",
            exists=True,
            dir_okay=False,
            help="What the service sends; or what a page sends; or a file of rows.",
        ),
    ],
    source: Annotated[str, typer.Option(help="The name of the source in the file of keys.")] = "sample",
    page: Annotated[
        bool, typer.Option("--page", help="As of a form on a page, which anybody may send: not all of it is believed.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show the event that a sample would become, what nothing reads of it, and what is wrong. Nothing is sent.

    Of a file of rows it is the first row. The exit code is 1 when the event would be refused, or not all of it understood.
    """
    from ops.file_encoding import in_its_encoding
    from ops.map_trial import try_mapping
    from producers.files.mapping import MappingError
    from producers.files.rows import FileError
    from producers.forms.mapping import FormMapping

    read = _read(mapping, home)
    if page and isinstance(read, FormMapping):
        read = read.for_anybody(consent=False)
    try:
        if not isinstance(read, FormMapping):
            read = in_its_encoding(sample, read)
        trial = try_mapping(read, sample, reference_of(home), source)
    except (MappingError, FileError) as error:
        raise LocalStackError(str(error)) from error
    except OSError as error:
        raise LocalStackError(f"{sample}: {error.strerror}") from error
    if json:
        print_json(_as_json(trial))
    else:
        _show(trial)
    if not trial.good:
        raise typer.Exit(1)


def _read(name: str, home: Path | None) -> FormMapping | FileMapping:
    from ops.map_trial import read_mapping
    from producers.files.mapping import MappingError

    beside = Home.at(home).path / name
    try:
        return read_mapping(str(beside) if beside.is_file() and not Path(name).exists() else name)
    except MappingError as error:
        raise LocalStackError(str(error)) from error


def _as_json(trial: Trial) -> dict[str, object]:
    refused = trial.refused and dict(zip(("code", "path", "message"), map(str, trial.refused), strict=True))
    return {
        "event": trial.event,
        "refused": refused,
        "unread": list(trial.unread),
        "absent": [{"name": name, "nearest": near} for name, near in trial.absent],
        "wrong": [{"column": column, "message": message} for column, message in trial.wrong],
        "unreadable": [{"path": path, "code": code} for path, code in trial.unreadable],
    }


def _show(trial: Trial) -> None:
    if trial.event is not None:
        typer.echo(json_text.dumps(trial.event, ensure_ascii=False, indent=2))
    if trial.unread:
        _list("Nothing reads these; what was answered is kept in the event:", trial.unread)
    if trial.absent:
        _list(
            "Named by the mapping, and not in this sample:",
            (f"{name}; is it {near}?" if near else name for name, near in trial.absent),
        )
    if trial.wrong:
        _list("[red]Cannot be read:[/red]", (f"{column}: {message}" for column, message in trial.wrong))
    if trial.unreadable:
        _list("[red]Will be left out:[/red]", (f"{path}: {code}" for path, code in trial.unreadable))
    if trial.refused:
        code, path, message = trial.refused
        console.print(f"[red]✗ Refused[/red] ({code}) at {escape(path)}: {escape(message)}", soft_wrap=True)
    elif trial.event is not None:
        console.print("[green]✓[/green] This would be taken.")


def _list(title: str, lines: Iterable[str]) -> None:
    console.print(title)
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True)
