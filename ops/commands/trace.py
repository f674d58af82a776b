"""`portrait trace`: where an event is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ops.local.home import Home
from ops.terminal import HomeOption, JsonOption, console, example, print_json, settings_of, table_of

if TYPE_CHECKING:
    from ops.whereabouts import Found, Trace


def register(portrait: typer.Typer) -> None:
    """Give this command to `portrait`."""
    portrait.command(
        "trace",
        rich_help_panel="Look",
        epilog=example("portrait trace form-1041", "portrait trace form-1041 --source /web/shop --json"),
    )(show_trace)


def show_trace(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The id that the sender gave the event.")],
    source: Annotated[str | None, typer.Option(help="Its CloudEvents source; else every source.")] = None,
    most: Annotated[
        int, typer.Option(min=1, help="Of the records that wait in Kafka, look at so many at most.")
    ] = 20_000,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="Answer within so long.")] = 2.0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say where an event is now: spooled, in Kafka, rejected and why, or stored and for whom; and when each step was.

    Exit code 1 when it was never seen, 3 when it was not found and something could not be asked.
    """
    from ops.trace import trace

    told = trace(settings_of(home), Home.at(home), event_id, source, most=most, seconds=seconds)
    if json:
        print_json(told.as_json())
    else:
        _show(told)
    if not told.events:
        raise typer.Exit(3 if told.unasked else 1)


def _show(told: Trace) -> None:
    if not told.events:
        said = "not found, but not everything could be asked" if told.unasked else "never seen"
        console.print(f"[bold]{escape(told.id)}[/bold]: [red]{said}[/red]\n", soft_wrap=True)
    for found in told.events:
        _show_event(told.id, found)
    for where in told.searched:
        console.print(f"[dim]searched: {escape(where)}[/dim]", soft_wrap=True)
    for what in told.unasked:
        console.print(f"[yellow]not searched: {escape(what)}[/yellow]", soft_wrap=True)


def _show_event(event_id: str, found: Found) -> None:
    style = {"stored": "green", "rejected": "red", "set aside": "red"}.get(str(found.state), "yellow")
    name = f"[bold]{escape(event_id)}[/bold] of {escape(found.source or 'a source that could not be read')}"
    console.print(f"{name}: [{style}]{escape(found.says)}[/{style}]", soft_wrap=True)
    if found.type is not None:
        console.print(f"  {escape(found.type)}, which happened {found.happened_at:%Y-%m-%d %H:%M:%S} UTC")
    if found.duplicates:
        times = "once" if found.duplicates == 1 else f"{found.duplicates:,} times"
        console.print(f"  received {times} more, and counted once")
    table = table_of("when (UTC)", "what", "where")
    for step in found.steps:
        when = "" if step.at is None else f"{step.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(when, escape(step.what), escape(step.place))
    console.print(table, "")
