"""`portrait segments`: what the segments are, whether files of them are right, who is in them and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from ops.local.home import LocalStackError
from ops.terminal import (
    HomeOption,
    JsonOption,
    console,
    counted,
    database_url,
    example,
    print_json,
    reference_of,
    segments_of,
    table_of,
)

if TYPE_CHECKING:
    from processors.segments.catalogue import Catalogue
    from processors.segments.rules import Family, Rule

app = typer.Typer(
    help="Segments: what they are, who is in them and why, what new rules would do.", no_args_is_help=True
)

Segment = Annotated[str, typer.Argument(metavar="SEGMENT", help="As `portrait segments ls` shows it.")]


def register(portrait: typer.Typer) -> None:
    """Give these commands to `portrait`."""
    portrait.add_typer(app, name="segments", rich_help_panel="Look")


@app.command("ls", epilog=example("portrait segments ls", "portrait segments ls --json"))
def list_segments(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all segments, with how many customers are in each."""
    from ops.segments import members
    from ops.sql import store_errors

    catalogue, url = segments_of(home), database_url(home)
    with store_errors(url):
        counts = members(url)
    if json:
        print_json(
            [
                {
                    "segment": rule.segment,
                    "family": family.name,
                    "about": rule.about,
                    "customers": counts.get(rule.segment, 0),
                }
                for family in catalogue.families
                for rule in family.rules
            ]
        )
        return
    most = max(counts.values(), default=1)
    table = table_of("family", "segment", " customers", "", "")
    for family in catalogue.families:
        for number, rule in enumerate(family.rules):
            count = counts.get(rule.segment, 0)
            bar = "█" * round(12 * count / most)
            name = Text("" if number else family.name, style="bold")
            table.add_row(name, rule.segment, f"{count:,}", Text(bar, style="cyan"), Text(rule.about, style="dim"))
    console.print(table)


@app.command(
    epilog=example("portrait segments check", "portrait segments check ./segments", "portrait segments check vip.yaml")
)
def check(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR|FILE]", help="Your files, or one beside those in use; else those of PORTRAIT_SEGMENTS."
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Read the files of segments, and say where something is wrong. Exit code 1 then."""
    from processors.segments.catalogue import SHIPPED

    catalogue = _catalogue(home, path)
    if json:
        print_json(
            {"families": len(catalogue.families), "segments": len(catalogue.rule_of), "digest": catalogue.digest}
        )
        return
    files = sorted({family.file for family in catalogue.families if not family.file.startswith(SHIPPED)})
    console.print(
        f"[green]✓[/green] {len(catalogue.rule_of)} segments in {len(catalogue.families)} families"
        + (f"; yours: {escape(', '.join(files))}" if files else "; all of them ship with Portrait")
    )


@app.command(epilog=example("portrait segments explain", "portrait segments explain at_risk"))
def explain(
    segment: Annotated[str | None, typer.Argument(metavar="[SEGMENT]", help="Else: what conditions may use.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Explain a segment: what it means, and when it applies. Without one: the fields and functions of conditions."""
    from processors.segments.fields import FIELDS
    from processors.segments.functions import FUNCTIONS

    if segment is not None:
        catalogue = segments_of(home)
        rule, family = _named(catalogue, segment)
        if json:
            print_json(_explained(rule, family))
        else:
            _show(rule, family)
        return
    if json:
        print_json(
            {
                "fields": [{"name": f.name, "type": f.type, "optional": f.optional, "about": f.about} for f in FIELDS],
                "functions": [
                    {"name": f.name, "arguments": f.arguments, "type": f.type, "about": f.about} for f in FUNCTIONS
                ],
            }
        )
        return
    table = table_of("field", "type", "")
    for field in FIELDS:
        table.add_row(field.name, f"{field.type}{'?' if field.optional else ''}", field.about)
    console.print(table, "[dim]?: may be unknown, and then no condition holds that names it.[/dim]\n")
    table = table_of("function", "type", "")
    for function in FUNCTIONS:
        table.add_row(f"{function.name}({function.arguments})", function.type, function.about)
    console.print(table)


@app.command(
    "try", epilog=example("portrait segments try at_risk 0901234567", "portrait segments try loyal card_no:844 --json")
)
def try_segment(
    segment: Segment,
    who: Annotated[str, typer.Argument(metavar="ID|IDENTIFIER", help="As for `portrait customer`.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask why a customer is in a segment, or is not: the conditions, and the values of all that they name."""
    from ops.customer import find
    from ops.segments import held, learn
    from ops.sql import store_errors

    catalogue, url = segments_of(home), database_url(home)
    rule, family = _named(catalogue, segment)
    with store_errors(url):
        customer = find(url, who, reference_of(home))
        portrait, stored, computed = held(url, customer)
        learn(url, catalogue)
    now = time.time_ns() // 1_000_000
    found = catalogue.evaluate(portrait, now, stored, computed=computed)
    try:
        values = catalogue.values(segment, portrait, now, computed)
        holds = catalogue.holds(segment, portrait, now, found.names, computed)
    except Exception as error:  # whatever a rule does wrong
        raise LocalStackError(f"the rule of {segment} fails for {customer}: {error}") from error
    instead = [each.segment for each in family.rules if each.segment in found.names and each.segment != segment]
    if json:
        told: dict[str, Any] = {"customer": customer, "segment": segment, "holds": holds, "in": segment in found.names}
        print_json(told | {"stored": segment in stored, "instead": instead, "values": values})
        return
    if segment in found.names:
        why = catalogue.reason(segment, portrait, now, found.names, computed)
        console.print(f"[green]✓[/green] in [bold]{segment}[/bold]: {escape(why)}", soft_wrap=True)
    elif holds and instead:
        console.print(
            f"[yellow]–[/yellow] its condition holds, but [bold]{instead[0]}[/bold] comes before it in {family.name}"
        )
    else:
        console.print(
            f"[red]✗[/red] not in [bold]{segment}[/bold]" + (f", but in {', '.join(instead)}" if instead else "")
        )
    _show(rule, family, values)


@app.command(
    epilog=example(
        "portrait segments preview ./segments/vip.yaml", "portrait segments preview ./segments/vip.yaml --most 10000"
    )
)
def preview(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of segments, as it would be used.")],
    most: Annotated[int | None, typer.Option("--most", min=1, help="Look at so many customers only.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Count who would be in the segments of a file, who would enter and who would leave. Changes nothing."""
    from ops.segments import learn
    from ops.segments import preview as previewed
    from ops.sql import store_errors

    current, url = segments_of(home), database_url(home)
    catalogue, family = _with(current, file, time.thread_time)
    gone = {rule.segment for each in current.families if each.name == family.name for rule in each.rules}
    wanted = {rule.segment for rule in family.rules} | gone
    begun = time.perf_counter()
    with store_errors(url), counted("Evaluating", "customers") as told:
        learn(url, catalogue)
        found = previewed(url, catalogue, wanted, time.time_ns() // 1_000_000, most, told)
    if json:
        print_json([each._asdict() for each in found])
        return
    table = table_of("segment", " now", " then", " enter", " leave")
    for each in found:
        table.add_row(each.segment, *(f"{count:,}" for count in (each.now, each.then, each.entering, each.leaving)))
    console.print(table, f"[dim]in {time.perf_counter() - begun:.1f} s[/dim]")
    for name, failure in list(catalogue.failing.items()):
        console.print(
            f"[red]✗[/red] {name} failed for {failure.times:,} customers: {escape(failure.message)}", soft_wrap=True
        )


def _catalogue(home: Path | None, path: Path | None) -> Catalogue:
    from processors.segments.catalogue import read_catalogue
    from processors.segments.rules import BadSegments

    if path is None:
        return segments_of(home)
    if not path.is_dir():
        return _with(segments_of(home), path)[0]
    try:
        return read_catalogue(reference_of(home).timezone, path)
    except (BadSegments, OSError) as error:
        raise LocalStackError(str(error)) from error


def _with(current: Catalogue, file: Path, timer: Callable[[], float] | None = None) -> tuple[Catalogue, Family]:
    """The segments in use with the family of a file, instead of one of that name; and the family."""
    from processors.segments.catalogue import Catalogue
    from processors.segments.rules import BadSegments, read_file

    try:
        family = read_file(file)
        others = [each for each in current.families if each.name != family.name]
        return Catalogue([*others, family], current.zone, timer), family
    except BadSegments as error:
        raise LocalStackError(str(error)) from error


def _named(catalogue: Catalogue, segment: str) -> tuple[Rule, Family]:
    rule = catalogue.rule_of.get(segment)
    if rule is None:
        raise LocalStackError(f"there is no segment {segment}. List them: portrait segments ls")
    return rule, catalogue.family_of[segment]


def _explained(rule: Rule, family: Family) -> dict[str, Any]:
    return {
        "segment": rule.segment,
        "about": rule.about,
        "family": family.name,
        "version": family.version,
        "choose": family.choose,
        "where": None if family.where is None else family.where.text,
        "when": [condition.text for condition in rule.when],
        "source": family.source,
        "file": family.file,
        "line": rule.line,
    }


def _show(rule: Rule, family: Family, values: dict[str, str] | None = None) -> None:
    before = [each.segment for each in family.rules[: family.rules.index(rule)]]
    console.print(f"[bold]{rule.segment}[/bold]  {escape(rule.about)}", soft_wrap=True)
    console.print(f"[dim]{family.name}, version {family.version}, {family.file}:{rule.line}[/dim]")
    if family.where is not None:
        console.print(f"  for those with {escape(family.where.text)}", soft_wrap=True)
    for number, condition in enumerate(rule.when):
        console.print(f"  {'or' if number else 'when'} {escape(condition.text)}", soft_wrap=True)
    if family.choose == "first" and before:
        console.print(f"  and none of {', '.join(before)} applies", soft_wrap=True)
    for name, value in (values or {}).items():
        console.print(f"  [dim]{name}[/dim] {escape(value)}", soft_wrap=True)
