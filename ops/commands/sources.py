"""`portrait sources`: who may send, and what becomes of what they send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ops.local.home import COLLECTOR_URL, DATABASE_URL, Home, LocalStackError
from ops.spans import read_span
from ops.terminal import HomeOption, JsonOption, console, errors, example, print_json, settings_of, table_of

if TYPE_CHECKING:
    from ops.sources import Door, Kept
    from producers.keys import Source

app = typer.Typer(help="Who may send: their keys, and what becomes of what they send.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, '.', '_' and '-', at most 64.")]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    portrait.add_typer(app, name="sources", rich_help_panel="Operate")


@app.command("ls", epilog=example("portrait sources ls", "portrait sources ls --json"))
def list_sources(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the keys with what the collector has counted of each, and the CloudEvents sources with what is stored of each."""
    with _keys(home) as file:
        from producers.keys import read_sources

        known = read_sources(file) if file.exists() else ()
    unknown: list[str] = [] if file.exists() else [f"keys: there is no file {file}"]
    doors, kept = _doors(home, unknown), _stored(home, unknown)
    if json:
        print_json(
            {
                "keys": [_as_json(each, doors) for each in known],
                "stored": None if kept is None else {name: vars(each) for name, each in kept.items()},
                "unknown": unknown,
            }
        )
        return
    _show_keys(known, doors)
    if kept:
        console.print()
        _show_stored(kept)
    for what in unknown:
        console.print(f"[yellow]not known: {escape(what)}[/yellow]", soft_wrap=True)


@app.command(
    epilog=example("portrait sources add till --allow '/shops/*'", "portrait sources add web-shop --public"),
)
def add(
    name: Name,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="CloudEvents sources that it may use; else every one.")
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="So many events a second at most.")] = None,
    size: Annotated[int | None, typer.Option(min=1, metavar="KB", help="So many KB a request at most.")] = None,
    public: Annotated[bool, typer.Option("--public", help="For web pages: calls of the Segment API only.")] = False,
    traces: Annotated[bool, typer.Option("--traces", help="Asks where events are, and sends none.")] = False,
    home: HomeOption = None,
) -> None:
    """Add a source, and print its key: once, it is kept as a digest only. The collector knows it within a second."""
    from producers.keys import changes

    if public and traces:
        raise LocalStackError("a key that everybody knows cannot be one that traces: --public or --traces")
    with _keys(home) as file:
        new = changes.said_of_new(file)
        key = changes.add_source(
            file, name, allow or (), events_per_second=rate, request_kb=size, public=public, traces=traces
        )
    if new:
        errors.print(f"{escape(new)}; `portrait up` makes one for its home, --home names another", soft_wrap=True)
    typer.echo(key)


@app.command(epilog=example("portrait sources rotate till", "portrait sources rotate web-shop --keep-old 1d"))
def rotate(
    name: Name,
    keep_old: Annotated[
        str | None, typer.Option(metavar="TIME", help="The old key is good so long: 30m, 2h, 1d, 1w; else not at all.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Give a source another key, and print it: once. Without --keep-old the old one is refused within a second."""
    from producers.keys import changes

    span = None if keep_old is None else read_span("--keep-old", keep_old)
    with _keys(home) as file:
        from producers.keys import read_sources

        key = changes.rotate(file, name, span)
        signs = next((each.webhook for each in read_sources(file) if each.name == name), None)
    typer.echo(key)
    if signs is not None and signs.secret_file is not None:
        # Who changes the key because a secret became known must not believe that this was it.
        errors.print(
            f"What is sent to this webhook is signed with the secret in {escape(str(file.parent / signs.secret_file))}, "
            "which stays as it is: put a new one into that file, each on a line of its own while both are good",
            soft_wrap=True,
        )


@app.command(epilog=example("portrait sources disable till"))
def disable(name: Name, home: HomeOption = None) -> None:
    """Shut a source out: its keys are answered 401 within a second. What it has sent stays."""
    _turn(home, name, True)


@app.command(epilog=example("portrait sources enable till"))
def enable(name: Name, home: HomeOption = None) -> None:
    """Let a source in again, with the key that it had."""
    _turn(home, name, False)


def _turn(home: Path | None, name: str, disabled: bool) -> None:
    from producers.keys import changes

    with _keys(home) as file:
        changes.disable(file, name, disabled)
    errors.print(f"{name} is {'disabled' if disabled else 'enabled'}")


@contextmanager
def _keys(home: Path | None) -> Iterator[Path]:
    """The file of keys; what is wrong with it is said."""
    from ops.sources import keys_file
    from producers.keys import KeysError

    file = keys_file(settings_of(home), Home.at(home))
    try:
        yield file
    except KeysError as error:
        raise LocalStackError(str(error)) from error
    except OSError as error:
        raise LocalStackError(f"{file}: {error.strerror}") from error


def _doors(home: Path | None, unknown: list[str]) -> dict[str, Door] | None:
    import httpx

    from ops.sources import at_the_door

    url = settings_of(home).get(COLLECTOR_URL)
    try:
        if url:
            return at_the_door(url)
        why = f"no collector is known; set {COLLECTOR_URL}"
    except (httpx.HTTPError, ValueError) as error:
        why = f"the collector at {url} does not answer ({error or type(error).__name__})"
    unknown.append(f"received, accepted, rejected, late, ahead by key: {why}")
    return None


def _stored(home: Path | None, unknown: list[str]) -> dict[str, Kept] | None:
    import psycopg2

    from ops.sources import in_the_store

    url = settings_of(home).get(DATABASE_URL)
    try:
        if url:
            return in_the_store(url)
        why = f"no database is known; set {DATABASE_URL}"
    except psycopg2.Error as error:
        why = f"the store does not answer ({' '.join(str(error).split()) or type(error).__name__})"
    unknown.append(f"stored, duplicates, rejected by CloudEvents source: {why}")
    return None


def _as_json(source: Source, doors: dict[str, Door] | None) -> dict[str, Any]:
    from ops.sources import Door

    return {
        "name": source.name,
        "allow": source.allow,
        "disabled": source.disabled,
        "public": source.public,
        "traces": source.traces,
        "events_per_second": source.events_per_second,
        "request_kb": source.request_kb,
        "old_key_until": None if source.old_key_until is None else source.old_key_until.isoformat(),
        "counted": None if doors is None else vars(doors.get(source.name, Door())),
    }


def _show_keys(known: tuple[Source, ...], doors: dict[str, Door] | None) -> None:
    from ops.sources import Door

    titles = (" received", " accepted", " rejected", " late", " ahead", " skewed", " spooled", " turned away")
    table = table_of("key", "is", "may send", *titles)
    for source in known:
        told = Door() if doors is None else doors.get(source.name, Door())
        numbers = (told.received, told.accepted, sum(told.rejected.values()), told.late, told.ahead, told.skewed)
        more = (told.spooled, told.turned_away)
        counts = ["?"] * 8 if doors is None else [f"{each:,}" for each in (*numbers, *more)]
        sends = "nothing" if source.traces else escape(" ".join(source.allow))
        table.add_row(escape(source.name), _state(source), sends, *counts)
        for reason, count in told.rejected.items():
            table.add_row("", "", "", "", "", f"{count:,}", reason, style="dim")
    console.print(table)
    if doors is not None:
        console.print("[dim]counted since the collector started[/dim]")


def _state(source: Source) -> str:
    what = ["disabled"] if source.disabled else []
    what += ["public"] if source.public else []
    what += ["traces"] if source.traces else []
    what += [f"≤ {source.events_per_second:,}/s"] if source.events_per_second else []
    what += [f"≤ {source.request_kb:,} KB"] if source.request_kb else []
    if source.old_key_until is not None and source.old_key_until.timestamp() > time.time():
        what.append(f"old key until {source.old_key_until:%Y-%m-%d %H:%M}")
    return ", ".join(what)


def _show_stored(kept: dict[str, Kept]) -> None:
    table = table_of("CloudEvents source", " stored", " duplicates", " rejected", "by reason")
    for name, each in kept.items():
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(each.rejected.items()))
        numbers = (each.stored, each.duplicates, sum(each.rejected.values()))
        table.add_row(escape(name or "(none could be read)"), *(f"{number:,}" for number in numbers), reasons)
    console.print(table)
