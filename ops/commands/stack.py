"""`portrait up`, `down`, `status`, `topics` and `migrate`: the stack and what it needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.local.home import COLLECTOR_URL, DATABASE_URL, KAFKA, READER_URL, Home, LocalStackError
from ops.local.supervisor import SUPERVISOR, State, status, stop, supervise
from ops.logins import without_password
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    database_url,
    errors,
    example,
    kafka_address,
    print_json,
    segments_of,
)
from ops.topics import DEFAULT_PARTITIONS
from ops.up import Wanted, prepare, running_workers, start

Port = Annotated[int | None, typer.Option(min=1, max=65535, metavar="PORT", show_default="a free one, kept")]


def register(app: typer.Typer) -> None:
    """Give these commands to `app`."""
    app.command(
        epilog=example("portrait up --detach", "portrait up --detach --workers 3 --home /srv/portrait"),
        rich_help_panel="Run",
    )(up)
    app.command(epilog=example("portrait down"), rich_help_panel="Run")(down)
    app.command(
        name="status",
        epilog=example("portrait status", "portrait status --json | jq .caught_up"),
        rich_help_panel="Run",
    )(show_status)
    app.command(
        epilog=example("portrait topics", "portrait topics --create --partitions 12 --replication 3"),
        rich_help_panel="Operate",
    )(topics)
    app.command(
        epilog=example("portrait migrate", "PORTRAIT_DATABASE_URL=postgresql://owner@db/crm portrait migrate"),
        rich_help_panel="Operate",
    )(migrate)


def up(
    home: HomeOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many Faust workers.")] = 1,
    partitions: Annotated[
        int, typer.Option(min=1, max=1000, help="Of each topic that is made now; the most workers that can share it.")
    ] = DEFAULT_PARTITIONS,
    kafka_port: Port = None,
    postgres_port: Port = None,
    collector_port: Port = None,
    wait: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="With --detach: give up when it takes longer.")
    ] = 180.0,
) -> None:
    """Start Kafka, PostgreSQL, the collector, the workers, the relay and activation; start again what dies.

    A Kafka or PostgreSQL whose address is in the environment (PORTRAIT_KAFKA, PORTRAIT_DATABASE_URL) is used as it is.
    """
    wanted = Wanted(workers, partitions, kafka_port, postgres_port, collector_port)
    chosen = Home.open(home)
    if not detach:
        _run(chosen, wanted)
    elif bring_up(chosen, wanted, wait):
        show_addresses(chosen)


def bring_up(home: Home, wanted: Wanted, seconds: float = 180.0) -> bool:
    """Start the stack of `home` in the background and show how it comes up. False when it was up already."""
    if workers := running_workers(home):
        console.print(f"[green]✓[/green] The stack of {home.path} is up already, with {workers} worker(s).")
        if workers != wanted.workers:
            console.print(f"  For {wanted.workers}: `portrait down`, then `portrait up --workers {wanted.workers}`.")
        return False
    with errors.status("Getting Kafka and PostgreSQL ready") as spinner:
        stack = prepare(home, wanted, spinner.update)
        segments_of(home.path)  # what is wrong with them is said here, and not in the log of a worker
    with _coming_up(home, len(stack.processes)):
        start(home, wanted, seconds)
    return True


def show_addresses(home: Home) -> None:
    """Where everything is."""
    settings = home.settings()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # an address that is cut off is of no use
    collector = settings.get(COLLECTOR_URL, "")
    table.add_row("Collector", f"{collector}/v1/events")
    table.add_row("API docs", f"{collector}/docs")
    table.add_row("Kafka", settings.get(KAFKA, ""))
    table.add_row("Database", without_password(settings.get(DATABASE_URL, "")))
    table.add_row("  read only", without_password(settings.get(READER_URL, "")))
    table.add_row("Passwords, keys", str(home.env_file))
    table.add_row("Logs", str(home.log))
    console.print(Panel(table, title="Portrait is up", title_align="left", border_style="green", expand=False))


def _run(home: Home, wanted: Wanted) -> None:
    with errors.status("Getting Kafka and PostgreSQL ready") as spinner:
        stack = prepare(home, wanted, spinner.update)
        segments_of(home.path)
    done = threading.Event()

    def announce() -> None:
        while not done.wait(0.2):
            lines = status(home)
            if lines and all(line.state == State.READY for line in lines) and len(lines) > len(stack.processes):
                show_addresses(home)
                console.print("Stop it with Ctrl-C.")
                return

    announcer = threading.Thread(target=announce, name="announce", daemon=True)
    if console.is_terminal:
        announcer.start()
    try:
        supervise(home, stack.processes)
    finally:
        done.set()


@contextmanager
def _coming_up(home: Home, processes: int) -> Iterator[None]:
    """Shows which processes are not ready yet, as long as the block lasts."""
    done = threading.Event()
    columns = (
        SpinnerColumn(),
        TextColumn("Starting"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim"),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("", total=processes)

        def look() -> None:
            lines = [line for line in status(home) if line.name != SUPERVISOR]
            ready = sum(line.state == State.READY for line in lines)
            waiting = ", ".join(line.name for line in lines if line.state != State.READY)
            progress.update(task, completed=ready, description=waiting and f"waiting for {waiting}")

        _repeat(look, done)
        try:
            yield
        finally:
            done.set()


def _repeat(call: Callable[[], None], done: threading.Event) -> None:
    def run() -> None:
        while not done.wait(0.2):
            call()

    threading.Thread(target=run, daemon=True).start()


def down(home: HomeOption = None) -> None:
    """Stop everything that runs in a home, and nothing else. Data stays: `portrait up` goes on where it was."""
    chosen = Home.at(home)
    with errors.status("Stopping"):
        stopped = stop(chosen)
    if stopped:
        console.print(f"[green]✓[/green] Stopped {', '.join(stopped)}. The data is in {chosen.path}.")
    else:
        console.print(f"Nothing runs in {chosen.path}.")


def show_status(home: HomeOption = None, json: JsonOption = False) -> None:
    """What runs, how far every topic has been read, and whether the books balance.

    The books: received = stored + duplicate + rejected + suppressed, as soon as nothing is on its way.
    """
    from ops.commands.show_status import show
    from ops.status import report

    chosen = Home.at(home)
    told = report(chosen, chosen.settings())
    if json:
        print_json(told.as_json())
    else:
        show(told, chosen)


def topics(
    home: HomeOption = None,
    create: Annotated[bool, typer.Option("--create", help="Make the topics that are missing.")] = False,
    partitions: Annotated[int, typer.Option(min=1, max=1000, help="Of each topic that is made.")] = DEFAULT_PARTITIONS,
    replication: Annotated[int, typer.Option(min=-1, help="Copies of each; -1: as the broker says.")] = -1,
) -> None:
    """List Portrait's topics: what is in them, who writes and reads them. With --create, make those missing."""
    from ops.offsets import Reader, kafka_errors
    from ops.topics import create_topics
    from schemas.topics import TOPICS

    bootstrap = kafka_address(home)
    with kafka_errors(bootstrap), errors.status(f"Asking Kafka at {bootstrap}"):
        made = create_topics(bootstrap, partitions, replication) if create else None
        with Reader(bootstrap) as reader:
            places = reader.partitions(topic.name for topic in TOPICS)
            logs = reader.logs(places)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("topic", "key", "partitions", "records", "written by", "read by"):
        table.add_column(title, justify="right" if title in ("partitions", "records") else "left")
    missing = []
    for topic in TOPICS:
        held = [log for place, log in logs.items() if place[0] == topic.name]
        if not held:
            missing.append(topic.name)
        table.add_row(
            topic.name if held else f"[red]{topic.name}[/red]",
            topic.key.partition(",")[0].partition(":")[0],
            str(len(held)) if held else "[red]missing[/red]",
            f"{sum(log.end - log.first for log in held):,}",
            ", ".join(topic.writers),
            ", ".join(topic.readers),
        )
    console.print(table)
    for name in made.created if made else ():
        console.print(f"[green]✓[/green] made {name}")
    for difference in made.differences if made else ():
        console.print(f"[yellow]![/yellow] {difference}")
    if missing:
        raise LocalStackError(f"missing: {', '.join(missing)}. Make them with `portrait topics --create`")


def migrate(home: HomeOption = None) -> None:
    """Bring the database to this version: the roles, and the migrations that are missing. As its owner."""
    from ops.sql import store_errors
    from sinks.postgres.migrate import migrate as apply_migrations

    url = database_url(home)
    with store_errors(url), errors.status(f"Migrating {without_password(url)}"):
        applied = apply_migrations(url)
    for revision in applied:
        console.print(f"[green]✓[/green] {revision}")
    console.print("The database is up to date." if applied else "The database is up to date; nothing to do.")
