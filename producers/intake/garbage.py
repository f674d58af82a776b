"""Cyclic garbage, of which requests make next to none: to look for it as often as Python does took a part of every request."""

from __future__ import annotations

import gc


def seldom() -> None:
    """What is loaded by now stays: the collector of garbage need not look at it again, and less often at the rest."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
