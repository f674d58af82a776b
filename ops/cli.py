"""The command `portrait`: what operators and developers run."""

from __future__ import annotations

import gc
import logging
import sys

import typer
from rich.markup import escape

from ops.commands import (
    account,
    activate,
    adopters,
    checks,
    customer,
    demo,
    identity,
    importing,
    mapping,
    predict,
    rejected,
    segments,
    serve,
    sources,
    stack,
    trace,
    watching,
)
from ops.local.home import LocalStackError
from ops.terminal import errors

app = typer.Typer(
    name="portrait",
    help="One live portrait of each customer, from events on every channel.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # they hold personal data
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (
    stack,
    demo,
    importing,
    watching,
    mapping,
    customer,
    segments,
    account,
    predict,
    adopters,
    identity,
    activate,
    rejected,
    trace,
    serve,
    sources,
    checks,
):
    commands.register(app)


def main() -> None:
    """Run the command line. What a person can mend is said in a line or two, and the exit code is 1."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a line for each try; what matters of it is raised
    # Many small objects and few cycles: to look for these took a third of the time of a fold.
    gc.set_threshold(100_000, 20, 50)
    try:
        app()
    except LocalStackError as error:
        errors.print(f"[red]portrait:[/red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
