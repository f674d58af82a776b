"""`portrait adopters`: who buys first what is new, and who last."""

from __future__ import annotations

import time

import typer

from ops.terminal import HomeOption, JsonOption, console, counted, database_url, example, print_json, table_of


def register(portrait: typer.Typer) -> None:
    """Give this command to `portrait`."""
    portrait.command(rich_help_panel="Operate", epilog=example("portrait adopters", "portrait adopters --buyers 100"))(
        adopters
    )


def adopters(
    buyers: int = typer.Option(20, "--buyers", min=2, help="A product counts when so many have bought it."),
    products: int = typer.Option(3, "--products", min=1, help="A customer counts who has bought so many of these."),
    after_days: int = typer.Option(
        30, "--after", min=0, metavar="DAYS", help="Products first sold sooner after the first sale of all may be old."
    ),
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Compute who adopts new products early, who late, from all purchases; crm.customer_adoption has it then.

    Segments see it, too: where a worker runs, customers enter and leave those of the family adopters within seconds.
    """
    from ops.adopters import draw
    from ops.commands.handed import show_handed
    from ops.computed import hand_over
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        found = draw(url, buyers=buyers, products=products, after_days=after_days)
        with counted("Handing over", "customers") as told:
            handed = hand_over(url, time.time_ns() // 1_000_000, told)
    if json:
        print_json(found._asdict() | handed._asdict())
        return
    total = sum(found.customers.values())
    table = table_of("group", " customers", " of them")
    for group, count in found.customers.items():
        table.add_row(group, f"{count:,}", f"{count / total:.1%}" if total else "")
    console.print(table)
    console.print(f"[dim]{found.products:,} products are new and were bought by {buyers} customers or more[/dim]")
    show_handed(handed)
