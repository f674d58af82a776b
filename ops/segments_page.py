"""The part of docs/segments.md that follows from the rules: what ships, and what conditions may use, as Markdown.

python -m ops.segments_page docs/segments.md      writes it between the page's marks
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from processors.segments.catalogue import Catalogue, shipped_catalogue
from processors.segments.fields import FIELDS
from processors.segments.functions import FUNCTIONS

BEGIN, END = "<!-- what ships: begin -->", "<!-- what ships: end -->"


def page_with(text: str, catalogue: Catalogue) -> str:
    """The page `text` with that part as it should be. Raises ValueError when the marks are not there, once each."""
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended or END in after or BEGIN in rest:
        raise ValueError(f"the page should have {BEGIN} and {END}, once each")
    return f"{before}{BEGIN}\n\n{what_ships(catalogue)}\n{END}{after}"


def what_ships(catalogue: Catalogue) -> str:
    """Every family, then the fields and functions."""
    return "\n".join((*_families(catalogue), *_usable()))


def _families(catalogue: Catalogue) -> Iterator[str]:
    for family in catalogue.families:
        yield f"### {family.name}\n"
        chosen = "The first that applies." if family.choose == "first" else "Every one that applies."
        where = f" For those with `{family.where.text}`." if family.where else ""
        source = f" Source: {family.source}" if family.source else ""
        yield f"{family.about} {chosen}{where} Version {family.version}.{source}\n"
        yield "| segment | what it means | condition |\n|---|---|---|"
        for rule in family.rules:
            conditions = " or<br>".join(f"`{_cell(condition.text)}`" for condition in rule.when)
            yield f"| `{rule.segment}` | {_cell(rule.about)} | {conditions} |"
        yield ""


def _usable() -> Iterator[str]:
    yield "### Fields\n"
    yield "| field | type | what it is |\n|---|---|---|"
    for field in FIELDS:
        yield f"| `{field.name}` | {field.type}{', may be unknown' if field.optional else ''} | {_cell(field.about)} |"
    yield "\n### Functions\n"
    yield "| function | gives | what it is |\n|---|---|---|"
    for function in FUNCTIONS:
        yield f"| `{_cell(f'{function.name}({function.arguments})')}` | {function.type} | {_cell(function.about)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(page_with(page.read_text("utf-8"), shipped_catalogue()), "utf-8")
