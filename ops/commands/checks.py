"""`portrait verify`, `rebuild` and `bench`: whether the store is right, making it so, and how fast it is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ops.local.home import LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    counted,
    database_url,
    example,
    print_json,
    program,
    reference_of,
    segments_of,
)


def register(app: typer.Typer) -> None:
    """Give these commands to `app`."""
    app.command(
        epilog=example("portrait verify", "portrait verify --json && echo the store is what its events say"),
        rich_help_panel="Check",
    )(verify)
    app.command(epilog=example("portrait rebuild --yes"), rich_help_panel="Check")(rebuild)
    app.command(
        epilog=example(
            "portrait bench --quick", "portrait bench --only a,b --events 20000", "python -m ops.bench --help"
        ),
        rich_help_panel="Check",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )(bench)


def verify(home: HomeOption = None, json: JsonOption = False) -> None:
    """Fold all stored events afresh and compare with what is served, segments included, as of one instant. Exit code 1 when they
    differ.

    Customers are compared by their events and identifiers: which of several ids survived a merge does not matter.
    """
    from ops.sql import store_errors
    from ops.verify import verify as compare
    from sinks.postgres.store import PostgresStore

    url, segments = database_url(home), segments_of(home)
    store = PostgresStore(url, application_name="portrait-verify")
    try:
        with store_errors(url), counted("Folding afresh", "events") as told:
            segments.bounds = store.bounds()
            verdict = compare(store, told, segments=segments, now=time.time_ns() // 1_000_000)
    finally:
        store.close()
    if json:
        told_of = {
            "equal": verdict.equal,
            "hash": verdict.hash,
            "customers": verdict.customers,
            "events": verdict.events,
            "segments": verdict.segments,
        }
        print_json(told_of if verdict.equal else {**told_of, "differences": verdict.differences})
    else:
        sign = "[green]✓ equal[/green]" if verdict.equal else "[red]✗ not equal[/red]"
        console.print(f"{sign}: {verdict.customers:,} customers of {verdict.events:,} events, hash {verdict.hash}")
        if not verdict.segments:
            console.print(
                "[yellow]–[/yellow] segments were not compared: new rules are being applied to everybody, or no worker has them"
            )
        for difference in verdict.differences:
            console.print(f"  {difference}", markup=False)
    if not verdict.equal:
        if not json:
            console.print(f"Put it right from the events: {program()} rebuild")
        raise typer.Exit(1)


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Fold all stored events afresh and serve the result. Customers keep their ids. Workers wait, readers do not."""
    from ops.rebuild import rebuild as fold_all
    from ops.segments import learn
    from ops.sql import store_errors
    from processors.apply import Rules
    from processors.identity_rules import identity_rules

    url = database_url(home)
    reference = reference_of(home)
    if not yes and not typer.confirm("Replace what is served by a fresh fold of all events?"):
        raise LocalStackError("nothing was changed")
    rules = Rules(reference.base_currency, segments_of(home), identity_rules())
    with store_errors(url), counted("Rebuilding", "events") as told:
        learn(url, rules.segments)
        done = fold_all(url, rules, time.time_ns() // 1_000_000, told)
    if json:
        print_json(done._asdict())
    else:
        console.print(
            f"[green]✓[/green] {done.customers:,} customers of {done.events:,} events; {done.changed:,} of them changed"
        )


def bench(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="Where its stacks live; else temporary files.")
    ] = None,
) -> None:
    """Measure how fast this machine takes events from channels to customers. On stacks of its own, which it deletes.

    Takes the options of `python -m ops.bench`, such as --quick, --only, --events, --workers, --json FILE.
    """
    from ops.bench.__main__ import main

    raise typer.Exit(main([*(() if home is None else ("--place", str(home))), *context.args]))
