"""`portrait predict`: what customers will probably do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.local.home import LocalStackError
from ops.predict import DAYS
from ops.terminal import HomeOption, JsonOption, console, counted, database_url, example, print_json, reference_of
from ops.who import who_works

if TYPE_CHECKING:
    from ops.predictions import Run

_TOGETHER = 0.3
"""A correlation of how often and how much, from which on one should know of it."""


def register(app: typer.Typer) -> None:
    """Give this command to `app`."""
    app.command(
        epilog=example("portrait predict", "portrait predict --dry-run --days 365", "portrait predict --json"),
        rich_help_panel="Operate",
    )(predict)


def predict(
    days: Annotated[
        int,
        typer.Option("--days", min=1, max=3650, help=f"How far ahead to look. Only {DAYS} is kept, see --dry-run."),
    ] = DAYS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be; keep nothing.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who wants it; else the name that this machine knows you by.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say of each customer how likely it is that he or she is still one, and what to expect within 90 days.

    Learns from all customers who bought, and replaces what the run before said, at once, in crm.customer_predictions.
    Segments see it, too: where a worker runs, customers enter and leave predicted_value and predicted_life within seconds.
    Run it once a day. Needs numpy and scipy, the extra `predict` of this package.
    """
    if days != DAYS and not dry_run:
        raise LocalStackError(
            f"what is kept looks {DAYS} days ahead, as its columns say. To see {days} days, add --dry-run"
        )
    try:
        import scipy  # noqa: F401 - to say now that it is missing
    except ImportError as error:
        raise LocalStackError(
            f"predictions need {error.name}, which is not installed. Install it with `pip install 'portrait[predict]'`"
        ) from error
    from ops.commands.handed import show_handed
    from ops.computed import hand_over
    from ops.predictions import Order
    from ops.predictions import predict as predicted
    from ops.sql import store_errors

    url, reference = database_url(home), reference_of(home)
    order = Order(time.time_ns() // 1_000_000, reference.timezone, reference.base_currency, by or who_works(), days)
    with store_errors(url):
        run, handed = predicted(url, order, counted, keep=not dry_run), None
        if not dry_run:
            with counted("Handing over", "customers") as told:
                handed = hand_over(url, order.now, told)
    if json:
        print_json(_told(run, days, reference.base_currency) | (handed._asdict() if handed else {}))
        return
    _show(run, days, reference.base_currency)
    if handed:
        show_handed(handed)


def _told(run: Run, days: int, currency: str) -> dict[str, Any]:
    from schemas.money import to_major

    model = run.model
    return {
        "run": run.number,
        "days": days,
        "customers": run.customers,
        "purchases": run.purchases,
        "value": None if run.value is None else str(to_major(run.value, currency)),
        "currency": currency,
        "learned_from": model.customers,
        "repeaters": model.repeaters,
        "bg_nbd": model.timing._asdict(),
        "gamma_gamma": None if model.spending is None else model.spending._asdict(),
        "correlation": model.correlation,
        "seconds": round(run.seconds, 1),
    }


def _show(run: Run, days: int, currency: str) -> None:
    told, model = _told(run, days, currency), run.model
    kept = "nothing is kept" if run.number is None else f"run {run.number}"
    value = "" if told["value"] is None else f", {told['value']} {currency}"
    console.print(
        f"[green]✓[/green] {run.customers:,} customers in {run.seconds:.1f} s, {kept}. "
        f"Expected of them within {days} days: purchases on {run.purchases:,.0f} days{value}",
        soft_wrap=True,
    )
    r, alpha, a, b, likelihood = model.timing
    console.print(
        f"[dim]learned from {model.customers:,} customers, {model.repeaters:,} of whom bought on more than one day\n"
        f"BG/NBD       r {r:.4g}, alpha {alpha:.4g} weeks, a {a:.4g}, b {b:.4g}; log-likelihood {likelihood:,.1f}[/dim]"
    )
    if model.spending is None:
        console.print(
            f"[yellow]![/yellow] Nothing is said of value: only {model.paying:,} customers paid something on more than one day",
            soft_wrap=True,
        )
        return
    p, q, v, likelihood = model.spending
    console.print(
        f"[dim]Gamma-Gamma  p {p:.4g}, q {q:.4g}, v {v:,.4g} minor units; log-likelihood {likelihood:,.1f}[/dim]"
    )
    if model.correlation is not None and abs(model.correlation) >= _TOGETHER:
        console.print(
            f"[yellow]![/yellow] How often and how much customers buy go together (correlation "
            f"{model.correlation:.2f}), which the model takes them not to: values are less sure",
            soft_wrap=True,
        )
