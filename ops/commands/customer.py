"""`portrait customer`: one customer's portrait, readable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from ops.terminal import HomeOption, JsonOption, console, database_url, example, print_json, reference_of

if TYPE_CHECKING:
    from ops.customer import Customer, Reasons
    from schemas.clean import CleanEvent

_BARS = " ▁▂▃▄▅▆▇█"
_DAYS = "MTWTFSS"


def register(app: typer.Typer) -> None:
    """Give this command to `app`."""
    app.command(
        name="customer",
        epilog=example(
            "portrait customer 0901234567",
            "portrait customer card_no:844 --why",
            "portrait customer 01a20761-ea78-79e0-b86f-88afad78ac7b --json",
        ),
        rich_help_panel="Look",
    )(show_customer)


def show_customer(
    who: Annotated[
        str, typer.Argument(metavar="ID|IDENTIFIER", help="A customer id, now or formerly; KIND:VALUE; or a value.")
    ],
    events: Annotated[int, typer.Option(min=0, help="How many of the latest events to show.")] = 10,
    why: Annotated[
        bool,
        typer.Option("--why", help="Why it is one customer: each identifier's links and events, what was refused."),
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one customer: identifiers, lifecycle and why, totals, what was stated and when, the last events."""
    from ops.customer import find, load, reasons
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        customer = load(url, find(url, who, reference_of(home)), events)
        because = reasons(url, customer) if why else None
    if json:
        print_json(customer.as_json() | ({} if because is None else {"why": because.as_json()}))
        return
    console.print(_who(customer))
    if because is not None:
        console.print(_why(customer, because))
    console.print(Columns([_totals(customer), _habits(customer)]))
    console.print(_told(customer))
    if customer.recent:
        console.print(_recent(customer.recent))


def _who(customer: Customer) -> Panel:
    columns = customer.columns
    grid = _grid()
    grid.add_row("id", f"[bold]{columns['customer_id']}[/bold]")
    for old, at in customer.aliases:
        grid.add_row("formerly", f"{old} [dim](until {_day(at)})[/dim]")
    for name, (first, last) in customer.seen():
        from ops.customer import moment

        kind, _, value = name.partition(":")
        grid.add_row(kind, f"{escape(value)} [dim](seen {_day(moment(first))} to {_day(moment(last))})[/dim]")
    for relation, (account, *_) in sorted(customer.portrait.accounts.items()):
        if account is not None:
            owner = "nobody is responsible" if account["owner"] is None else f"{account['owner']} is responsible"
            grid.add_row("account", escape(f"{relation}, {owner}"))
    for complaint, (made, *_) in sorted(customer.portrait.complaints.items()):
        if made is not None:
            severity = "" if made["severity"] is None else f", {made['severity']}"
            grid.add_row("complaint", f"[red]{escape(complaint)}{severity}[/red]")
    for each in customer.segments:
        grid.add_row(
            each.family,
            f"[bold green]{each.segment}[/bold green] since {_day(each.since)}, because {escape(each.reason)} "
            f"[dim](rules version {each.rule_version})[/dim]",
        )
    for each in customer.left:
        grid.add_row(
            "",
            f"[dim]{each.segment} from {_day(each.since)} until {each.until:%Y-%m-%d}, because {escape(each.reason)}[/dim]",
        )
    name = columns["full_name"] or "Nobody has said the name"
    return Panel(grid, title=f"[bold]{escape(name)}[/bold]", title_align="left", border_style="cyan", expand=False)


def _why(customer: Customer, because: Reasons) -> Panel:
    from ops.customer import LINKS_TOLD

    parts: list[RenderableType] = []
    holding = [each for each in because.links if each.refused is None]
    refused = [each for each in because.links if each.refused is not None]
    if holding:
        table = _table("together", "", "since", "because of")
        for each in holding:
            told = f"{each.type}  {each.source}  {each.event_id}" if each.type else "an event that is not stored"
            table.add_row(escape(each.a), escape(each.b), _day(each.since), f"{each.rule}: [dim]{escape(told)}[/dim]")
        parts.append(table)
    elif len(customer.own) == 1:
        parts.append(f"{escape(customer.own[0])} is all that it is known by.")
    if refused:
        table = _table("[red]refused[/red]", "", "since", "because", "the other is")
        for each in refused:
            table.add_row(
                escape(each.a),
                escape(each.b),
                _day(each.since),
                escape(each.because or each.refused or ""),
                each.other or "nobody",
            )
        parts += ["", table]
    if because.foreign:
        table = _table("in its events, not its own", "whose")
        for name, owner in because.foreign.items():
            table.add_row(escape(name), owner or "nobody's")
        parts += ["", table]
    if because.turns:
        table = _table("ids", "", "", "on", "because")
        for turn in because.turns:
            table.add_row(turn.customer_id, turn.action, turn.other_customer_id, _day(turn.at), escape(turn.reason))
        parts += ["", table]
    if because.judgements:
        table = _table("judgement", "kind", "about", "by", "on", "why")
        for judged in because.judgements:
            about = f"{', '.join(judged.left)}{' | ' if judged.right else ''}{', '.join(judged.right)}"
            table.add_row(
                str(judged.number), judged.kind, escape(about), escape(judged.by), _day(judged.at), escape(judged.why)
            )
        parts += ["", table]
    if len(because.links) == LINKS_TOLD:
        parts.append(f"[dim]the first {LINKS_TOLD} links; all: crm.customer_links[/dim]")
    return Panel(Group(*parts), title="Why it is one customer", title_align="left", expand=False)


def _totals(customer: Customer) -> Panel:
    columns, known = customer.columns, customer.portrait
    grid = _grid()
    grid.add_row("events", f"{columns['events']:,}  ({', '.join(f'{n} {c:,}' for n, c in _greatest(known.channels))})")
    grid.add_row("seen", f"{_day(columns['first_seen_at'])} to {_day(columns['last_seen_at'])}")
    if columns["acquisition_channel"]:
        grid.add_row("came by", escape(columns["acquisition_channel"]))
    grid.add_row("orders", f"{columns['orders']:,}" + (f"  (and {known.returns} returns)" if known.returns else ""))
    if columns["orders"]:
        grid.add_row("revenue", f"[bold]{columns['revenue']:,} {columns['currency']}[/bold]")
        paid = ", ".join(f"{amount:,} {currency}" for currency, amount in columns["revenue_by_currency"].items())
        grid.add_row("as paid", paid)
        grid.add_row("an order", f"{columns['average_order']:,} {columns['currency']}")
        grid.add_row("bought", f"{_day(columns['first_order_at'])} to {_day(columns['last_order_at'])}")
        grid.add_row("coupons", f"{known.coupons:,}")
    grid.add_row("points", f"{columns['points']:,}")
    if columns["adopter_group"]:
        grid.add_row("adopts", f"as {columns['adopter_group'].replace('_', ' ')}")
    if columns["p_alive"] is not None:
        value = "" if columns["value_90d"] is None else f", {columns['value_90d']:,} {columns['currency']}"
        grid.add_row("90 days", f"{columns['purchases_90d']:.2f} purchases expected{value}")
        grid.add_row("still here", f"{columns['p_alive']:.0%} likely")
    return Panel(grid, title="Totals", title_align="left", expand=False)


def _habits(customer: Customer) -> Panel:
    from ops.customer import counted

    known = customer.portrait
    grid = _grid()
    if known.stores:
        grid.add_row("stores", _shares(known.stores))
    if known.categories:
        grid.add_row("categories", _shares(known.categories))
    if known.hours:
        grid.add_row("hours", f"[cyan]{_spark(counted(known.hours, 24))}[/cyan]  [dim]0 to 23 h[/dim]")
        grid.add_row("weekdays", f"[cyan]{_spark(counted(known.weekdays, 7))}[/cyan]  [dim]{_DAYS}[/dim]")
    if known.months:
        months = sorted(known.months.items())[-12:]
        span = f"{months[0][0]} to {months[-1][0]}"
        grid.add_row("months", f"[cyan]{_spark([amount for _, amount in months])}[/cyan]  [dim]{span}[/dim]")
    for name, count in _greatest(known.counts)[:6]:
        grid.add_row(name.replace("_", " "), f"{count:,}")
    return Panel(grid, title="Habits", title_align="left", expand=False)


def _told(customer: Customer) -> RenderableType:
    table = _table("trait", "value", "stated", "by")
    for each in customer.told:
        by = "an event that is not stored" if each.type is None else f"{each.type}  {each.source}"
        table.add_row(each.name, escape(_words(each.value)), f"{each.at:%Y-%m-%d %H:%M}", f"[dim]{escape(by)}[/dim]")
    return Panel(table, title="What was stated last", title_align="left", expand=False) if customer.told else Group()


def _recent(events: tuple[CleanEvent, ...]) -> Panel:
    from ops.customer import moment

    table = _table("time (UTC)", "what", "", "id", "record")
    for event in events:
        table.add_row(
            f"{moment(event.time):%Y-%m-%d %H:%M}",
            event.type,
            escape(_summary(event)),
            f"[dim]{escape(event.id)}[/dim]",
            f"[dim]{escape(event.origin)}[/dim]",
        )
    title = "The last event" if len(events) == 1 else f"The last {len(events)} events"
    return Panel(table, title=title, title_align="left", expand=False)


def _summary(event: CleanEvent) -> str:
    """What happened, in a few words, from what the event says whatever its type."""
    import msgspec

    from schemas.money import to_major

    parts = []
    if event.purchase is not None:
        parts.append(f"{to_major(event.purchase.amount, event.purchase.currency)} {event.purchase.currency}")
    data: dict[str, Any] = msgspec.json.decode(event.data)
    said = (data.get("form", {}).get("kind"), data.get("action"), data.get("platform"), data.get("store_id"))
    parts += [str(word) for word in said if word]
    if event.points:
        parts.append(f"{event.points:+} points")
    return ", ".join(parts)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _table(*titles: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _greatest(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name or "others", count) for name, count in counts.items()), key=lambda pair: (-pair[1], pair[0]))


def _shares(sums: Mapping[str, int], most: int = 4) -> str:
    total = sum(amount for amount in sums.values() if amount > 0) or 1
    return ", ".join(f"{escape(name)} {amount / total:.0%}" for name, amount in _greatest(sums)[:most])


def _spark(values: list[int]) -> str:
    most = max(*values, 1)
    return "".join(_BARS[max(0, min(8, -(-value * 8 // most)))] for value in values)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(str(part) for part in value.values())
    return str(value)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
