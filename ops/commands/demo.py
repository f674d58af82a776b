"""`portrait demo`: a year of a shop, sent, stored, counted and shown."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from ops.local.home import Home, LocalStackError
from ops.terminal import HomeOption, console, counting, example, program

if TYPE_CHECKING:
    from ops.demo_run import Books, Outcome


def register(app: typer.Typer) -> None:
    """Give this command to `app`."""
    app.command(epilog=example("portrait demo", "portrait demo --home /tmp/shop"), rich_help_panel="Run")(demo)


def demo(home: HomeOption = None) -> None:
    """Start the stack, send a year of a shop through the collector, and show who its customers are.

    Run it twice: everything is sent again, and nothing is counted twice. It leaves the stack up.
    """
    from ops.commands.stack import bring_up, show_addresses
    from ops.demo_run import run
    from ops.up import Wanted, running_workers

    chosen = Home.open(home)
    bring_up(chosen, Wanted(workers=running_workers(chosen) or 1))
    with counting() as progress:
        send = progress.add_task("Sending through the collector", total=None, unit="events")
        store = progress.add_task("Into the store             ", total=None, unit="events", start=True)
        outcome = run(
            chosen,
            lambda done, total: progress.update(send, completed=done, total=total),
            lambda done, total: progress.update(store, completed=done, total=total),
        )
    _show(outcome)
    show_addresses(chosen)
    _show_next(chosen, outcome.books)
    if not outcome.right:
        wrong = [check for check in outcome.checks if check.wanted != check.found]
        raise LocalStackError(
            "the store is not what it should be: "
            + "; ".join(f"{check.about}: {check.found:,} instead of {check.wanted:,}" for check in wrong)
            + f". See the logs in {chosen.log}; `portrait verify` compares the store with its events"
        )


def _show(outcome: Outcome) -> None:
    books, received = outcome.books, outcome.received
    console.print()
    console.rule(f"[bold]{received.received:,} events in, {books.customers:,} customers out", align="left")
    speed = received.received / outcome.stored_seconds
    console.print(
        f"Sent over HTTP in {outcome.sent_seconds:.1f} s, all of it in the store after {outcome.stored_seconds:.1f} s: "
        f"[bold]{speed:,.0f} events/s[/bold] from end to end on this machine."
    )
    console.print(_flow(outcome))
    console.print()
    console.print(_lifecycles(books))
    console.print()
    console.print(_best(books))
    console.print()
    if outcome.right:
        console.print(
            f"[green]✓[/green] All {len(outcome.checks)} figures are those that the story was told with: "
            f"{books.stored:,} events, {books.orders:,} orders, {books.revenue_cents / 100:,.2f} USD, "
            f"{books.points:,} points."
            if books.alone
            else f"[green]✓[/green] All {len(outcome.checks)} figures are those that the story was told with. "
            "(There is more in this store than the demo sends, so its totals are not compared.)"
        )
    if outcome.again:
        console.print(
            f"[green]✓[/green] {'Some' if outcome.received.stored else 'All'} of these events were sent before. "
            "Each was recognised by its id; nothing was counted twice."
        )


def _flow(outcome: Outcome) -> Table:
    received = outcome.received
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    table.add_row(f"{received.stored:,}", "stored", "for the first time")
    table.add_row(f"{received.duplicate:,}", "recognised", "delivered before, not counted again")
    reasons = ", ".join(f"{reason} {count}" for reason, count in outcome.rejected.items())
    table.add_row(f"{received.rejected:,}", "rejected", f"{reasons} (portrait rejected ls)")
    return table


def _lifecycles(books: Books) -> Table:
    table = Table(title="Customers by lifecycle", title_justify="left", title_style="bold", box=None, show_header=False)
    most = max(books.lifecycle.values(), default=1)
    for name, count in books.lifecycle.items():
        table.add_row(name, f"{count:,}", f"[cyan]{'█' * max(1, round(30 * count / most))}[/cyan]")
    return table


def _best(books: Books) -> Table:
    table = Table(
        title="The ten best customers",
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="dim",
        padding=(0, 2, 0, 0),
    )
    for title in ("", "name", "lifecycle", "orders", "revenue", "points", "last order", "store"):
        table.add_column(title, justify="right" if title in ("", "orders", "revenue", "points") else "left")
    for place, each in enumerate(books.best, 1):
        table.add_row(
            str(place),
            escape(each.name),
            each.lifecycle,
            f"{each.orders:,}",
            f"{each.revenue:,} {each.currency}",
            f"{each.points:,}",
            f"{each.last_order:%Y-%m-%d}",
            escape(each.store or ""),
        )
    return table


def _show_next(home: Home, books: Books) -> None:
    portrait = program()
    where = "" if home == Home.at() else f" --home {shlex.quote(str(home.path))}"
    who = books.best[0].customer if books.best else "ID"
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for command, about in (
        (f"{portrait} customer {who}{where}", "the best customer's portrait"),
        (f"{portrait} rejected ls{where}", "what was refused, and why"),
        (f"{portrait} verify{where}", "fold all events afresh and compare"),
        (f"{portrait} status{where}", "how far everything has been read"),
        (f"{portrait} demo{where}", "send it all again: nothing counts twice"),
        (f"{portrait} down{where}", "stop; the data stays"),
    ):
        table.add_row(f"[bold]{command}[/bold]", f"[dim]{about}[/dim]")
    console.print("What to try next:")
    console.print(table)
