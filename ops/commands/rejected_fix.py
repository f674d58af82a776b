"""`portrait rejected fix`: repair many refused events in the same way, and send them again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

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
    reference_of,
)

if TYPE_CHECKING:
    from ops.patches import Patch
    from ops.rejected import Replay

_CHANGES = {"+": "green", "-": "red", "@": "dim"}


def register(rejected: typer.Typer) -> None:
    """Give this command to `portrait rejected`."""
    rejected.command(
        "fix",
        epilog=example(
            'portrait rejected fix events.web/2/1041 --patch \'{"data": {"form": {"kind": "order"}}}\' --dry-run',
            "portrait rejected fix --reason invalid_value --source /web/shop --patch mend.json",
        ),
    )(fix)


def fix(
    patch: Annotated[
        str, typer.Option(metavar="JSON|FILE", help="A JSON merge patch (an object) or a JSON patch (an array).")
    ],
    origins: OriginsArgument = None,
    reason: ReasonOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    limit: LimitOption = 10_000,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change and what would come of it.")
    ] = False,
    by: Annotated[str | None, typer.Option("--by", help="Who does it; else the name that this machine knows.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Apply a patch to refused events, and send those that are valid then to their topics: those that are named, or all of a
    --reason, a --source, --since then, that were not sent again.

    What was sent again already is not sent twice, so the same command can be given again after whatever went wrong.
    A patch for several events must not change their ids. Exit code 1 when something is refused again.
    """
    from ops.offsets import kafka_errors
    from ops.rejected import Outcome, replay, waiting
    from ops.sql import store_errors

    which = which_letters(reason, source, since)
    named_or_which("repair", origins, which)
    read = _read(patch)
    bootstrap, reference, url = kafka_address(home), reference_of(home), database_url(home)
    changes: dict[str, tuple[bytes, bytes]] = {}
    with store_errors(url):
        chosen = origins or waiting(url, limit, **which)
        repair = _repair(read, alone=len(chosen) == 1, noted=changes if dry_run else None)
        done: list[Replay] = []
        with kafka_errors(bootstrap), counted("Repairing", "events", len(chosen)) as told:
            for each in replay(
                url, bootstrap, chosen, reference, repair=repair, patch=read.text, by=by, dry_run=dry_run
            ):
                done.append(each)
                told(len(done), len(chosen))
    if json:
        print_json([each._asdict() | _shown(changes.get(each.origin)) for each in done])
    else:
        _show(done, changes)
    if any(each.outcome is Outcome.REFUSED for each in done):
        raise typer.Exit(1)


def _read(text: str) -> Patch:
    from ops.patches import BadPatch, read_patch

    try:
        return read_patch(text if text.lstrip().startswith(("{", "[")) else Path(text).read_text("utf-8-sig"))
    except BadPatch as error:
        raise LocalStackError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise LocalStackError(f"--patch {text}: {why}; give JSON, or a file of it") from error


def _repair(
    patch: Patch, *, alone: bool, noted: dict[str, tuple[bytes, bytes]] | None
) -> Callable[[str, bytes], bytes]:
    """`noted` gets origin → (before, after) of all that was repaired."""
    from ops.patches import Unpatched
    from ops.rejected import Unrepaired

    named: dict[str, str] = {}  # what an event is called after the patch → before it

    def repair(origin: str, payload: bytes) -> bytes:
        try:
            made = patch.apply(payload)
        except Unpatched as error:
            raise Unrepaired(str(error)) from error
        if noted is not None:
            noted[origin] = payload, made
        # One name for several events would make one event of them, and the others would be lost as its duplicates.
        (was, before), (becomes, after) = _name_of(payload), _name_of(made)
        if not alone and becomes != was:
            raise Unrepaired("the patch gives it another id: name this ORIGIN alone")
        if named.setdefault(after, before) != before:
            raise Unrepaired("with the patch it has the source and the id of another one of these: repair it alone")
        return made

    return repair


def _name_of(payload: bytes) -> tuple[Any, str]:
    """The id of an event, and what it is told by, which is its source as well."""
    from schemas.codec import read_json

    event = read_json(payload)
    if not isinstance(event, dict):
        return None, ""
    return event.get("id"), repr((event.get("source"), event.get("id")))


def _shown(change: tuple[bytes, bytes] | None) -> dict[str, str]:
    if change is None:
        return {}
    return {"before": change[0].decode(errors="replace"), "after": change[1].decode(errors="replace")}


def _show(done: list[Replay], changes: dict[str, tuple[bytes, bytes]]) -> None:
    from ops.patches import differences

    for each in done:
        if each.origin in changes:
            console.print(f"[bold]{escape(each.origin)}[/bold]")
            lines = list(differences(*changes[each.origin])) or ["  (the patch changes nothing in it)"]
            for line in lines:
                console.print(Text("  " + line, style=_CHANGES.get(line[:1], "")), soft_wrap=True)
    show_replays(done)
