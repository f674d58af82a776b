"""`portrait account`: who is a key account, a partner, an employee; who is responsible; and since when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ops.local.home import LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    database_url,
    example,
    kafka_address,
    print_json,
    program,
    reference_of,
    table_of,
)
from ops.who import who_works

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

app = typer.Typer(
    help="Relations of customers to the company, who is responsible for them, and their history.", no_args_is_help=True
)

Who = Annotated[str, typer.Argument(metavar="CUSTOMER", help="As for `portrait customer`: an id, or an identifier.")]
Relation = Annotated[
    str,
    typer.Argument(
        metavar="RELATION", help="key_account, strategic, exchange, project, partner, internal, or your own."
    ),
]
Note = Annotated[str | None, typer.Option("--note", help="For those who look at it later.")]
By = Annotated[str | None, typer.Option("--by", help="Who records it; else the name that this machine knows you by.")]
Patience = Annotated[float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait until it holds.")]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    portrait.add_typer(app, name="account", rich_help_panel="Operate")


@app.command(
    epilog=example(
        'portrait account assign card_no:844 key_account --owner "Phạm Thu Hà"',
        'portrait account assign 0901234567 partner --owner ha@shop.example --since 2026-10-01 --note "12 shops"',
    )
)
def assign(
    who: Who,
    relation: Relation,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME|EMAIL", help="Who is responsible from now on.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="From when on it holds, if not from now on.")
    ] = None,
    note: Note = None,
    by: By = None,
    patience: Patience = 30.0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Record that a customer has this relation to the company, and who is responsible. Waits until it holds."""
    from ops.accounts import ASSIGNED, assignment

    told = assignment(relation, owner, _day(since, home), note, by or who_works())
    customer = _record(home, who, ASSIGNED, [told], patience)
    if json:
        _show_as_json(home, customer)
        return
    responsible = f"; {escape(owner)} is responsible" if owner else "; nobody is responsible: give --owner"
    console.print(f"[green]✓[/green] {customer} is {escape(relation)}{responsible}", soft_wrap=True)


@app.command(
    epilog=example(
        "portrait account unassign card_no:844 key_account", 'portrait account unassign 0901234567 --note "left"'
    )
)
def unassign(
    who: Who,
    relation: Annotated[
        str | None, typer.Argument(metavar="[RELATION]", help="Else all that the customer has.")
    ] = None,
    note: Note = None,
    by: By = None,
    patience: Patience = 30.0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Record that a relation of a customer has ended. Waits until it is so."""
    from ops.accounts import UNASSIGNED, accounts
    from ops.customer import find
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        held = [each.relation for each in accounts(url, customer=find(url, who, reference_of(home)))]
    ended = held if relation is None else [relation]
    if not set(ended) & set(held):
        raise LocalStackError(
            f"{who} is not {relation or 'assigned to anything'}; {program()} account history shows it"
        )
    told = {"by": by or who_works()} | ({"note": note} if note else {})
    customer = _record(home, who, UNASSIGNED, [{"relation": each, **told} for each in ended], patience)
    if json:
        _show_as_json(home, customer)
        return
    console.print(f"[green]✓[/green] {customer} is no longer {escape(', '.join(ended))}", soft_wrap=True)


@app.command("ls", epilog=example("portrait account ls", 'portrait account ls --owner "Phạm Thu Hà" --json'))
def list_accounts(
    owner: Annotated[str | None, typer.Option("--owner", help="Only those this person is responsible for.")] = None,
    relation: Annotated[str | None, typer.Option("--relation", help="Only this relation.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 200,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the relations that customers have, by who is responsible."""
    from ops.accounts import accounts
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        found = accounts(url, owner=owner, relation=relation, limit=limit)
    if json:
        print_json([each._asdict() for each in found])
        return
    if not found:
        console.print("No customer has a relation like that." if owner or relation else "No customer has a relation.")
        return
    table = table_of("owner", "relation", "customer", "since")
    for each in found:
        table.add_row(escape(each.owner or "nobody"), escape(each.relation), each.customer, f"{each.since:%Y-%m-%d}")
    console.print(table)
    if len(found) == limit:
        console.print(f"[dim]the first {limit}; more: --limit[/dim]")


@app.command("history", epilog=example("portrait account history card_no:844"))
def show_history(who: Who, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what was recorded of a customer's relations, the latest first."""
    from ops.accounts import history
    from ops.customer import find
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        customer = find(url, who, reference_of(home))
        found = history(url, customer)
    if json:
        print_json([each._asdict() for each in found])
        return
    if not found:
        console.print(f"Nothing was recorded of {customer}.")
        return
    table = table_of("on", "", "relation", "owner", "since", "by", "note")
    for each in found:
        since = "" if each.since is None else f"{each.since:%Y-%m-%d}"
        words = (each.relation, each.owner or "", since, each.by or "", each.note or "")
        table.add_row(f"{each.at:%Y-%m-%d %H:%M}", each.action, *map(escape, words))
    console.print(table)


def _record(home: Path | None, who: str, kind: str, told: Sequence[Mapping[str, Any]], patience: float) -> str:
    """Record it, wait, and return the customer."""
    from ops.accounts import recording
    from ops.customer import find
    from ops.sql import store_errors

    url, bootstrap, reference = database_url(home), kafka_address(home), reference_of(home)
    with store_errors(url):
        customer = find(url, who, reference)
        with recording(url, bootstrap, reference) as recorder:
            recorder.record(customer, kind, told, patience=patience)
    return customer


def _show_as_json(home: Path | None, customer: str) -> None:
    from ops.accounts import accounts
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        print_json([each._asdict() for each in accounts(url, customer=customer)])


def _day(text: str | None, home: Path | None) -> datetime | None:
    """The beginning of a day in the time zone of the installation."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise LocalStackError(f"--since {text}: give a date such as 2026-10-01") from None
    return at if at.tzinfo else at.replace(tzinfo=reference_of(home).timezone)
