"""The statements of the PostgreSQL store, one a file; each file's first lines say what it does and takes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `NAME.sql`, without its comments. Raises FileNotFoundError when there is none."""
    text = (files(__name__) / f"{name}.sql").read_text("utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
