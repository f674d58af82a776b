"""`portrait identity`: what people decide about who is who."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ops.local.home import LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    counted,
    database_url,
    errors,
    example,
    print_json,
    program,
    reference_of,
    segments_of,
)
from ops.who import who_works

if TYPE_CHECKING:
    from ops.identity import Decider

app = typer.Typer(help="Who is who: keep apart, join, take back; and what people should look at.", no_args_is_help=True)
review = typer.Typer(help="What people should decide: refused links, shared values, suggestions.", no_args_is_help=True)
app.add_typer(review, name="review")

Who = Annotated[
    str, typer.Argument(metavar="ID|IDENTIFIER", help="A customer id, now or formerly; KIND:VALUE; or a value.")
]
Why = Annotated[str, typer.Option("--why", help="Why, for those who look at it later.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; else the name that this machine knows you by.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1)]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    portrait.add_typer(app, name="identity", rich_help_panel="Operate")


@app.command(epilog=example('portrait identity join card_no:844 0901234567 --why "same person, asked at the counter"'))
def join(one: Who, other: Who, why: Why, by: By = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Make two customers one, whatever the rules say. The older id survives, the other one leads there."""
    with _deciding(home, by, why) as decider:
        _settled(decider, decider.join(one, other), f"{one} and {other} are one customer now", json)


@app.command(epilog=example('portrait identity never card_no:844 card_no:912 --why "mother and daughter"'))
def never(one: Who, other: Who, why: Why, by: By = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Keep two customers apart for ever, whatever events say."""
    with _deciding(home, by, why) as decider:
        _settled(decider, decider.never(one, other), f"{one} and {other} stay two customers", json)


@app.command(
    epilog=example('portrait identity split card_no:844 phone:+84901234567 --why "the phone is the shop\'s own"')
)
def split(
    customer: Who,
    identifiers: Annotated[list[str], typer.Argument(metavar="KIND:VALUE...", help="What is to be another customer.")],
    why: Why,
    by: By = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take identifiers out of a customer, with their events, whatever events say. What links hold together stays one."""
    with _deciding(home, by, why) as decider:
        named = [_identifier(home, each) for each in identifiers]
        _settled(decider, decider.split(customer, named), f"{', '.join(named)}: taken out of the customer", json)


Value = Annotated[str, typer.Argument(metavar="KIND:VALUE")]


@app.command(epilog=example('portrait identity block phone:+842838220000 --why "the hotline of the shop"'))
def block(value: Value, why: Why, by: By = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Let a value stand for nobody: it links no customers any more, and did not."""
    _mark("block", value, "stands for nobody now", why, by, home, json)


@app.command(epilog=example('portrait identity trust phone:+84901234567 --why "a driver who uses all these cards"'))
def trust(value: Value, why: Why, by: By = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Let a value stand for one person, however many others it is seen with."""
    _mark("trust", value, "stands for one person", why, by, home, json)


def _mark(kind: str, value: str, words: str, why: str, by: str | None, home: Path | None, json: bool) -> None:
    from schemas.judgements import Kind

    with _deciding(home, by, why) as decider:
        named = _identifier(home, value)
        _settled(decider, decider.mark(Kind(kind), named), f"{named} {words}", json)


@app.command(epilog=example("portrait identity undo 7"))
def undo(number: Number, by: By = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Take a judgement back: customers are as if it had never been."""
    with _deciding(home, by, "") as decider:
        judged = decider.undo(number)
        _settled(decider, None, f"judgement {number} ({judged.kind}: {judged.why}) is taken back", json)


@app.command("judgements", epilog=example("portrait identity judgements"))
def list_judgements(
    limit: Annotated[int, typer.Option(min=1, help="The most to list, the newest first.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List what people decided, the newest first."""
    from ops.identity import judgements
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        found = judgements(url, limit)
    if json:
        print_json([each._asdict() for each in found])
        return
    if not found:
        console.print("Nobody decided anything yet.")
        return
    table = _table("no.", "kind", "about", "why", "by", "on", "taken back")
    for each in found:
        about = f"{', '.join(each.left)}{' | ' if each.right else ''}{', '.join(each.right)}"
        undone = "" if each.undone_at is None else f"{each.undone_at:%Y-%m-%d} {escape(each.undone_by or '')}"
        table.add_row(
            str(each.number), each.kind, escape(about), escape(each.why), escape(each.by), f"{each.at:%Y-%m-%d}", undone
        )
    console.print(table)


@review.command(
    "ls", epilog=example("portrait identity review ls", "portrait identity review ls --kind suggested --json")
)
def list_reviews(
    kind: Annotated[str | None, typer.Option(help="Only refused, quarantined, too_large or suggested.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List what people should decide, the oldest first: both sides, and why."""
    from ops.identity import reviews
    from ops.sql import store_errors

    url = database_url(home)
    with store_errors(url):
        found, counts = reviews(url, every=every, kind=kind, limit=limit)
    if json:
        print_json([each._asdict() for each in found])
        return
    if not found:
        console.print("There is nothing to decide.")
        return
    table = _table("no.", "kind", "one side", "other side", "why", "since", "")
    for each in found:
        table.add_row(
            str(each.number),
            each.kind if each.score is None else f"{each.kind} {each.score:.2f}",
            f"{escape(each.a)}\n[dim]{each.customer or ''}[/dim]",
            f"{escape(each.b or '')}\n[dim]{each.other or ''}[/dim]" if each.b else "",
            escape(each.message),
            f"{each.opened_at:%Y-%m-%d}",
            each.outcome or "",
        )
    console.print(table)
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    console.print(f"\nOpen: {told or 'none'}. Decide: {program()} identity review accept|refuse NUMBER")


@review.command(epilog=example("portrait identity review accept 12"))
def accept(
    number: Number, why: Why = "reviewed", by: By = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Yes: the two are one customer; or, of a single value, it does stand for nobody."""
    _answer(number, True, why, by, home, json)


@review.command(epilog=example("portrait identity review refuse 12"))
def refuse(
    number: Number, why: Why = "reviewed", by: By = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """No: the two are never one customer; or, of a single value, it stands for one person."""
    _answer(number, False, why, by, home, json)


def _answer(number: int, accepted: bool, why: str, by: str | None, home: Path | None, json: bool) -> None:
    with _deciding(home, by, why) as decider:
        judgement = decider.decide(number, accepted)
        _settled(decider, judgement, f"review {number} is {'accepted' if accepted else 'refused'}", json)


@app.command(epilog=example("portrait identity suggest", "portrait identity suggest --json --threshold 0.95 --dry-run"))
def suggest(
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="How likely it must be that two are one.")] = 0.9,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print; put nothing up for review.")] = False,
    merge_above: Annotated[
        float | None,
        typer.Option(
            "--merge-above", min=0.5, max=1.0, help="Join pairs likelier than this without asking. Off by default."
        ),
    ] = None,
    by: By = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Find customers that look like one person and share no identifier; put them up for review. Prints a line a pair.

    With --json each line is {"a", "b", "score", "reasons"}, with customer ids.
    """
    import json as json_text

    from ops.suggest.customers import read_records
    from ops.suggest.pairs import suggest as look
    from ops.suggestions import keep, still_open

    with _deciding(home, by, "suggested") as decider, counted("Comparing", "steps") as told:
        pairs = look(read_records(decider.url), threshold, progress=told, say=lambda line: errors.print(escape(line)))
        pairs = still_open(decider.url, pairs) if dry_run else keep(decider, pairs, merge_above)
    for pair in pairs:
        if json:
            typer.echo(json_text.dumps(pair._asdict(), ensure_ascii=False))
        else:
            console.print(f"{pair.score:.3f}  {pair.a}  {pair.b}  {escape('; '.join(pair.reasons))}", soft_wrap=True)
    if not json:
        console.print(
            f"{len(pairs):,} pairs look like one person"
            + ("." if dry_run else f". Decide: {program()} identity review ls --kind suggested")
        )


@contextmanager
def _deciding(home: Path | None, by: str | None, why: str) -> Iterator[Decider]:
    from ops.identity import Decider
    from ops.segments import learn
    from ops.sql import store_errors
    from processors.apply import Rules
    from processors.identity_rules import identity_rules

    url, reference = database_url(home), reference_of(home)
    rules = Rules(reference.base_currency, segments_of(home), identity_rules())
    with store_errors(url):
        learn(url, rules.segments)
        yield Decider(url, reference, rules, by or who_works(), why)


def _identifier(home: Path | None, text: str) -> str:
    """KIND:VALUE, normalised. Raises LocalStackError when it is none."""
    from processors.normalise import read_identifier
    from schemas.identifiers import STRENGTH

    kind, _, value = text.partition(":")
    if kind not in STRENGTH or not value:
        raise LocalStackError(f"{text!r} is not KIND:VALUE with KIND one of {', '.join(STRENGTH)}")
    identifier, problem = read_identifier(kind, value, reference_of(home))
    if identifier is None:
        raise LocalStackError(f"{text!r} cannot be read: {problem}")
    return str(identifier)


def _settled(decider: Decider, judgement: int | None, words: str, json: bool) -> None:
    """Carry out what was decided, and say so."""
    settled = decider.settle()
    if json:
        print_json({"judgement": judgement, "settled": settled})
        return
    undo = (
        ""
        if judgement is None
        else f" [dim](judgement {judgement}; take back: {program()} identity undo {judgement})[/dim]"
    )
    console.print(f"[green]✓[/green] {escape(words)}{undo}", soft_wrap=True)
    if not settled:
        console.print(
            "[yellow]![/yellow] Entered, and not carried out yet: a worker is at the same customers, and will do it.",
            soft_wrap=True,
        )


def _table(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in ("no.", "kind", "on", "since"))
    return table
