"""`portrait rejected`: what was refused, why, and how it gets in after all."""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ops.commands import rejected_fix
from ops.commands.rejected_replays import show_replays
from ops.commands.rejected_which import (
    LimitOption,
    OriginsArgument,
    ReasonOption,
    SinceOption,
    SourceOption,
    named_or_which,
    which_letters,
)
from ops.indent import indent, place_of
from ops.local.home import LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    counted,
    database_url,
    example,
    kafka_address,
    print_json,
    program,
    reference_of,
)

if TYPE_CHECKING:
    from ops.rejected import Letter, Replay

app = typer.Typer(
    help="Events that were refused: list them, look at one, repair it, send it again.", no_args_is_help=True
)

Origin = Annotated[str, typer.Argument(metavar="ORIGIN", help="As `portrait rejected ls` shows it.")]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    rejected_fix.register(app)
    portrait.add_typer(app, name="rejected", rich_help_panel="Operate")


@app.command("ls", epilog=example("portrait rejected ls", "portrait rejected ls --reason invalid_value --since 2h"))
def list_letters(
    reason: ReasonOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list, the newest first.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List what was refused, the newest first, with the reason and the place in the event."""
    from ops.rejected import letters

    which = which_letters(reason, source, since)
    with _database(home) as url:
        found, counts = letters(url, **which, limit=limit)
    if json:
        print_json([_as_json(each) for each in found])
        return
    if not found:
        console.print("Nothing was refused." if not (reason or source or since) else "Nothing like that was refused.")
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("refused", "reason", "at", "source", "origin", "sent again"):
        table.add_column(title, no_wrap=title in ("refused", "reason"), overflow="fold")
    for each in found:
        table.add_row(
            f"{each.rejected_at:%Y-%m-%d %H:%M:%S}",
            each.reason,
            escape(each.path),
            escape(each.source or "?"),
            escape(each.origin),
            "" if each.replayed_at is None else f"[green]{each.replayed_at:%Y-%m-%d %H:%M}[/green]",
        )
    console.print(table)
    total = sum(count for count, _ in counts.values())
    reasons = ", ".join(f"{code} {count:,}" for code, (count, _) in counts.items())
    console.print(f"\n{len(found):,} of {total:,}: {reasons}. Look at one: {program()} rejected show ORIGIN")


@app.command("show", epilog=example("portrait rejected show events.web/2/1041"))
def show_letter(origin: Origin, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one refused event: all of it, what is wrong with it, and where."""
    from ops.rejected import attempts, letter

    with _database(home) as url:
        told, payload = letter(url, origin)
        tried = attempts(url, origin)
    if json:
        shown = {"payload": _text(payload), "payload_base64": base64.b64encode(payload).decode()}
        print_json(_as_json(told) | shown | {"attempts": [each._asdict() for each in tried]})
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("origin", escape(told.origin))
    table.add_row("refused", f"{told.rejected_at:%Y-%m-%d %H:%M:%S} UTC")
    table.add_row("reason", f"[red]{told.reason}[/red] at [bold]{escape(told.path)}[/bold]")
    table.add_row("", escape(told.message))
    table.add_row("source, id", f"{escape(told.source or '?')}  {escape(told.event_id or '?')}")
    table.add_row("belongs on", told.topic or "the topic of its type")
    if told.replayed_at is not None:
        table.add_row("sent again", f"{told.replayed_at:%Y-%m-%d %H:%M:%S} UTC, as {escape(told.replayed_as or '?')}")
    for each in tried:
        how = "" if each.patch is None else f", patched with {' '.join(each.patch.split())}"
        style = "green" if each.outcome == "sent" else "red"
        what = f"[{style}]{each.outcome}[/{style}] by {escape(each.by + how)}: {escape(each.detail)}"
        table.add_row(f"{each.at:%Y-%m-%d %H:%M:%S}", what)
    console.print(table)
    console.print(f"\n[dim]{told.size:,} bytes:[/dim]")
    for line in _pointed(payload, told.path, told.message):
        console.print(line, soft_wrap=True)
    if told.replayed_at is None:
        console.print(f"\nRepair it and send it: {program()} rejected replay {escape(told.origin)} --edit")


@app.command(
    "replay",
    epilog=example(
        "portrait rejected replay events.web/2/1041 --edit",
        "portrait rejected replay events.web/2/1041 --file mended.json",
        "portrait rejected replay --reason unknown_type --since 2d --dry-run",
    ),
)
def replay_letters(
    origins: OriginsArgument = None,
    reason: ReasonOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="The event, repaired.")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Repair the event in your editor ($VISUAL, $EDITOR).")] = False,
    limit: LimitOption = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send refused events to their topics again, as they are or repaired, if they are valid now: those that are named, or all of
    a --reason, a --source, --since then, that were not sent again.

    What was sent again already is not sent twice. Exit code 1 when something is refused again.
    """
    from ops.offsets import kafka_errors
    from ops.rejected import Outcome, replay, waiting

    which = which_letters(reason, source, since)
    named_or_which("send again", origins, which)
    if (file or edit) and (len(origins or ()) != 1 or (file and edit)):
        raise LocalStackError("--file and --edit repair one event: name its ORIGIN, and give one of the two")
    bootstrap = kafka_address(home)
    reference = reference_of(home)
    with _database(home) as url:
        chosen = origins or waiting(url, limit, **which)
        repaired = file.read_bytes() if file else _edited(url, chosen[0]) if edit else None

        def repair(_: str, payload: bytes) -> bytes:
            return payload if repaired is None else repaired

        done: list[Replay] = []
        with kafka_errors(bootstrap), counted("Sending again", "events", len(chosen)) as told:
            for each in replay(url, bootstrap, chosen, reference, repair=repair, dry_run=dry_run):
                done.append(each)
                told(len(done), len(chosen))
    if json:
        print_json([each._asdict() for each in done])
    else:
        show_replays(done)
    if any(each.outcome is Outcome.REFUSED for each in done):
        raise typer.Exit(1)


def _edited(url: str, origin: str) -> bytes:
    from ops.rejected import letter

    _, payload = letter(url, origin)
    text = payload.decode(errors="replace")
    shown = "\n".join(line.text for line in indent(text)) if text.lstrip().startswith(("{", "[")) else text
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.NamedTemporaryFile("w+", suffix=".json", encoding="utf-8") as file:  # for its owner's eyes only
        file.write(shown + "\n")
        file.flush()
        try:
            ended = subprocess.run([*editor, file.name], check=False).returncode
        except OSError as error:
            raise LocalStackError(f"{editor[0]}: {error.strerror}; set EDITOR, or use --file") from error
        edited = Path(file.name).read_bytes().strip()
    if ended != 0 or not edited or edited == shown.encode():
        raise LocalStackError("nothing was changed in the editor, and nothing was sent")
    return edited


def _pointed(payload: bytes, path: str, message: str) -> Iterator[Text]:
    """The payload, line by line; under the line that is wrong, an arrow and what is wrong."""
    text = payload.decode(errors="backslashreplace")
    lines = indent(text) if text.lstrip().startswith(("{", "[")) else []
    if not lines:
        yield Text(text if text else "(nothing)")
        return
    place = None if path == "$" else place_of(lines, path)
    for number, line in enumerate(lines):
        if place is None or number != place[0]:
            yield Text("  " + line.text)
            continue
        here = len(line.text) - len(line.text.lstrip())
        yield Text.assemble(("▶ ", "red"), (line.text, "bold red" if place[1] else ""))
        told = message if place[1] else f"{path.rpartition('.')[2]}: {message}"
        yield Text(" " * (here + 2) + "↑ " + told, style="red")


def _text(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None


def _as_json(letter: Letter) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in vars(letter).items()}


@contextmanager
def _database(home: Path | None) -> Iterator[str]:
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        yield url
