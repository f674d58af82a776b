"""What jobs say of those whose segments may be others by what was computed."""

from __future__ import annotations

from ops.computed import Handed
from ops.terminal import console


def show_handed(handed: Handed) -> None:
    """Say of how many customers something else is said than before, and whether workers have evaluated them."""
    if handed.waiting:
        later = (
            f"{handed.waiting:,} customers wait to be evaluated: their segments follow as soon as a worker has done it"
        )
    else:
        later = "their segments have followed" if handed.changed else "no segment changes"
    console.print(
        f"[dim]of {handed.changed:,} customers something else is said than before; {later}[/dim]", soft_wrap=True
    )
