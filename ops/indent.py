"""JSON as lines for people, also when it is not quite JSON: every token stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


class Line(NamedTuple):
    """One line of indented JSON, and the JSON path (`$.data.items[0].sku`) of what stands on it."""

    path: str
    text: str


def indent(text: str) -> list[Line]:
    """Cut `text` into lines, two spaces a level. Duplicate names, odd numbers and cut-off ends are kept as they are."""
    lines: list[Line] = []
    containers: list[_Container] = []
    pending, path = "", "$"
    pieces = _TOKEN.findall(text)
    for number, piece in enumerate(pieces):
        following = pieces[number + 1] if number + 1 < len(pieces) else ""
        inside = containers[-1] if containers else None
        depth = len(containers)
        if piece in "{[":
            lines.append(Line(path, "  " * depth + pending + piece))
            containers.append(_Container(path, piece == "["))
            pending, path = "", containers[-1].first()
        elif piece in "}]":
            if pending:
                lines.append(Line(path, "  " * depth + pending))
            closed = containers.pop() if containers else _Container("$", False)
            lines.append(Line(closed.path, "  " * len(containers) + piece + ("," if following == "," else "")))
            pending, path = "", closed.path
        elif piece == ",":
            if pending:
                lines.append(Line(path, "  " * depth + pending))
            pending, path = "", inside.next() if inside else "$"
        elif piece == ":":
            pending += ": "
        elif following == ":" and inside is not None and not inside.array:
            pending, path = piece, inside.named(piece)
        else:
            lines.append(Line(path, "  " * depth + pending + piece + ("," if following == "," else "")))
            pending = ""
    if pending:
        lines.append(Line(path, "  " * len(containers) + pending))
    return lines


def place_of(lines: Sequence[Line], path: str) -> tuple[int, bool] | None:
    """The number of the line that shows `path`, else the nearest thing around it; and whether it is there itself."""
    wanted = path
    while True:
        for number, line in enumerate(lines):
            if line.path == wanted:
                return number, wanted == path
        if wanted in ("$", ""):
            return None
        wanted = wanted[: max(wanted.rfind("."), wanted.rfind("["))] or "$"


class _Container:
    """An object or array that is open: where it stands, and which of its elements comes next."""

    def __init__(self, path: str, array: bool) -> None:
        self.path = path
        self.array = array
        self._index = 0

    def first(self) -> str:
        return f"{self.path}[0]" if self.array else self.path

    def next(self) -> str:
        self._index += 1
        return f"{self.path}[{self._index}]" if self.array else self.path

    def named(self, quoted: str) -> str:
        return f"{self.path}.{quoted.strip(chr(34))}"
