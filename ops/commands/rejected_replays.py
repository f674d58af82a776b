"""What came of sending letters of `events.rejected` again, as `rejected replay` and `rejected fix` show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from ops.terminal import console, program

if TYPE_CHECKING:
    from ops.rejected import Replay


def show_replays(done: list[Replay]) -> None:
    """Print what came of sending letters again."""
    from ops.rejected import Outcome

    if not done:
        console.print("Nothing waits to be sent again.")
    styles = {Outcome.SENT: "green", Outcome.REFUSED: "red"}
    for each in done:
        style = styles.get(each.outcome, "yellow")
        detail = f": {each.detail}" if each.outcome is Outcome.REFUSED else f" {_how(each.outcome)} {each.detail}"
        console.print(f"{escape(each.origin)} [{style}]{each.outcome}[/{style}]{escape(detail)}", soft_wrap=True)
        if each.stored_before:
            known = "an event of this source and id is stored already: this one counts for nothing"
            console.print(f"  [yellow]{known}[/yellow]", soft_wrap=True)
    if any(each.outcome is Outcome.REFUSED for each in done):
        console.print(f"Repair them one by one: {program()} rejected replay ORIGIN --edit")


def _how(outcome: str) -> str:
    return "to" if outcome == "would be sent" else "as"
