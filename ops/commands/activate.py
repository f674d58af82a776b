"""`portrait activate`: the systems that are told of segment changes, and how that goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ops.commands import activate_add
from ops.local.home import LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    database_url,
    errors,
    example,
    kafka_address,
    print_json,
    program,
    settings_of,
    table_of,
)

if TYPE_CHECKING:
    from sinks.postgres.targets import StoredTarget

app = typer.Typer(
    help="Tell other systems of segment changes: webhooks, e-mails, files. See docs/activation.md.",
    no_args_is_help=True,
)
app.add_typer(activate_add.app, name="add")

Name = Annotated[str, typer.Argument(metavar="TARGET", help="As `portrait activate ls` shows it.")]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    portrait.add_typer(app, name="activate", rich_help_panel="Operate")


@app.command("ls", epilog=example("portrait activate ls", "portrait activate ls --json"))
def list_targets(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the targets: what they follow, how far they are, and what is wrong."""
    from ops.activation import lags, targets, topic_ends

    with targets(database_url(home)) as store:
        found = store.all()
        waiting = lags(store, topic_ends(kafka_address(home))) if found else {}
    if json:
        print_json([_as_json(each, waiting[each.id]) for each in found])
        return
    if not found:
        console.print(f"There is no target. Add one: {program()} activate add --help")
        return
    table = table_of(
        "target", "kind", "follows", "state", " lag", " delivered", " skipped", " undelivered", "last delivered"
    )
    for each in found:
        table.add_row(
            each.name,
            each.kind,
            escape(", ".join(each.segments) or "all") + (" and backfills" if each.backfill else ""),
            _state(each),
            *(f"{count:,}" for count in (waiting[each.id], each.delivered, each.skipped, each.undelivered)),
            "" if each.delivered_at is None else f"{each.delivered_at:%Y-%m-%d %H:%M:%S}",
        )
    console.print(table)
    for each in found:
        if problem := each.paused_because or each.problem:
            since = "" if each.failing_since is None else f" (since {each.failing_since:%Y-%m-%d %H:%M:%S})"
            console.print(f"[red]✗[/red] {each.name}{since}: {escape(problem)}", soft_wrap=True)


@app.command(epilog=example("portrait activate pause crm"))
def pause(target: Name, home: HomeOption = None) -> None:
    """Tell a target nothing for now. What comes meanwhile waits in Kafka, up to its 90 days."""
    from ops.activation import named, targets

    with targets(database_url(home)) as store:
        store.pause(named(store, target).id)
    console.print(f"[green]✓[/green] {target} is paused. Go on: {program()} activate resume {target}")


@app.command(epilog=example("portrait activate resume crm", "portrait activate resume crm --skip-lost"))
def resume(
    target: Name,
    skip_lost: Annotated[
        bool, typer.Option("--skip-lost", help="Go on without changes that are not in the topic any more.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Let a paused target be told again, from where it was."""
    from ops.activation import resume as go_on
    from ops.activation import targets

    with targets(database_url(home)) as store:
        moved = go_on(store, target, kafka_address(home) if skip_lost else "", skip_lost=skip_lost)
    skipped = f", without what was lost in {moved} partition(s)" if moved else ""
    console.print(f"[green]✓[/green] {target} goes on{skipped}.")


@app.command(epilog=example("portrait activate rm crm", "portrait activate rm crm --yes"))
def rm(
    target: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Although dead letters wait, which are deleted with it.")] = False,
    home: HomeOption = None,
) -> None:
    """Forget a target, where it was, and its dead letters."""
    from ops.activation import named, targets

    with targets(database_url(home)) as store:
        waiting = named(store, target).undelivered
        if waiting and not yes:
            raise LocalStackError(
                f"{waiting:,} changes were not delivered to {target} and would be forgotten: "
                f"`portrait activate resend {target}` sends them, --yes deletes them"
            )
        store.remove(target)
    console.print(f"[green]✓[/green] {target} is removed.")


@app.command("test", epilog=example("portrait activate test crm", "portrait activate test mail --to me@example.com"))
def try_target(
    target: Name,
    to: Annotated[str | None, typer.Option(help="Of an e-mail: who gets it, instead of a customer.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Tell a target of one change that nobody made, marked "test": true, and show its answer. Exit code 1 if it is not taken."""
    from ops.activation import environment, named, targets, try_out
    from sinks.activation.outcome import Delivered

    with targets(database_url(home)) as store:
        if named(store, target).kind == "email" and to is None:
            raise LocalStackError("say who gets the message: --to ADDRESS")
        outcome = try_out(store, target, environment(home), to)
    taken = isinstance(outcome, Delivered)
    said = outcome.answer if isinstance(outcome, Delivered) else outcome.why
    if json:
        print_json({"target": target, "taken": taken, "answer": said})
    else:
        console.print(
            f"[green]✓[/green] {target}: {escape(said)}" if taken else f"[red]✗[/red] {target}: {escape(said)}"
        )
    if not taken:
        raise typer.Exit(1)


@app.command(epilog=example("portrait activate undelivered", "portrait activate undelivered crm --all --json"))
def undelivered(
    target: Annotated[str | None, typer.Argument(metavar="[TARGET]", help="Else: of all targets.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were delivered since.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to list, the newest first.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the changes that a target would not take, and why."""
    from ops.activation import named, segment_of, targets

    with targets(database_url(home)) as store:
        number = None if target is None else named(store, target).id
        found = store.letters(number, waiting=not everything, limit=limit)
    if json:
        print_json(
            [
                each._asdict() | {"message": each.message.decode(errors="replace")} for each in found
            ]  # JSON in JSON, as it was
        )
        return
    if not found:
        console.print("Everything was delivered.")
        return
    table = table_of(" number", "target", "failed", "customer", "change", " tries", "reason", "delivered")
    for each in found:
        table.add_row(
            str(each.id),
            each.target,
            f"{each.failed_at:%Y-%m-%d %H:%M:%S}",
            escape(each.customer),
            escape(segment_of(each)),
            str(each.attempts),
            escape(each.reason),
            "" if each.resent_at is None else f"[green]{each.resent_at:%Y-%m-%d %H:%M}[/green]",
        )
    console.print(table)
    console.print(f"\nOnce the cause is mended: {program()} activate resend TARGET [NUMBER…]")


@app.command(epilog=example("portrait activate resend crm", "portrait activate resend crm 17 18"))
def resend(
    target: Name,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER…]", help="As `undelivered` shows them; else all that wait.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Tell a target again what it would not take, with the same key as before. Exit code 1 when something is not taken."""
    from ops.activation import environment
    from ops.activation import resend as send_again

    done = list(send_again(database_url(home), target, numbers or [], environment(home)))
    if json:
        print_json([each._asdict() for each in done])
    for each in done if not json else ():
        mark = "[green]✓[/green]" if each.delivered else "[red]✗[/red]"
        console.print(f"{mark} {each.id} {escape(each.change)}: {escape(each.detail)}", soft_wrap=True)
    if not done and not json:
        console.print("Nothing waits to be sent again.")
    if not all(each.delivered for each in done):
        raise typer.Exit(1)


@app.command(epilog=example("portrait activate run", "PORTRAIT_METRICS_PORT=9101 portrait activate run"))
def run(home: HomeOption = None) -> None:
    """Tell the targets, until Ctrl-C. `portrait up` runs this, and starts it again; so does docker-compose.yml."""
    from ops.activation import environment
    from sinks.activation.service import main

    kafka_address(home)
    errors.print("Telling the targets; stop it with Ctrl-C.")
    sys.exit(main({**environment(home), **settings_of(home)}))


def _state(target: StoredTarget) -> str:
    if target.paused_at is not None:
        return "[yellow]paused[/yellow]"
    return "[red]failing[/red]" if target.problem is not None else "[green]on[/green]"


def _as_json(target: StoredTarget, lag: int) -> dict[str, Any]:
    import msgspec

    told = target._asdict() | {"lag": lag, "settings": msgspec.json.decode(target.settings)}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in told.items()}
