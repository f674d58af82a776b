"""What a field is that conditions of segments may name."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, Literal, NamedTuple

from processors.segments.view import DAY_MS, Read

Type = Literal["int", "bool", "text", "instant", "span", "texts", "counts", "number"]


class Field(NamedTuple):
    """Something that conditions may name. read: how it is found in a `view`; source, where it is nothing but looked up."""

    name: str
    type: Type
    about: str
    read: Read | str
    optional: bool = False


def shown(type_: Type, value: Any, zone: tzinfo) -> str:
    """A value of a field of this type as a person would read it."""
    if value is None:
        return "unknown"
    match type_:
        case "instant":
            return datetime.fromtimestamp(value / 1000, zone).isoformat(" ", "minutes")[:16]
        case "span":
            return f"{value / DAY_MS:.0f} days"
        case "counts":
            return ", ".join(f"{each} {count}" for each, count in sorted(value.items())[:5]) or "nothing"
        case "texts":
            return ", ".join(value)
        case "bool":
            return "true" if value else "false"
        case "number":
            return f"{value:g}"
        case _:
            return str(value)
