"""Why a condition holds, as a person would read it: the condition, and the values of all that it asks. One Python function each,
because a customer who moves is told why for every segment that it enters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from processors.segments.field import shown
from processors.segments.fields import FIELDS, PLAIN
from processors.segments.native import NAMES, filled, translated_value
from processors.segments.view import View

Tell = Callable[[View], str]

_TYPES = {field.name: field.type for field in FIELDS}
_AS_IT_IS = ("int", "text")


def telling(text: str, named: Sequence[str], calls: Iterable[str]) -> Tell | None:
    """Tells the condition `text` with the values of the fields `named` and of the `calls` (expressions); None when it asks
    nothing, or one of the calls is not translated. What it raises says nothing."""
    names: dict[str, Any] = {**NAMES, "shown": shown, "text": f"{text} ("}
    parts: list[str] = []
    for name in named:
        read = _read(name)
        if _TYPES[name] in _AS_IT_IS:
            parts.append(f"'{name} is ' + ('unknown' if (value := {read}) is None else str(value))")
        else:
            parts.append(f"'{name} is ' + shown({_TYPES[name]!r}, {read}, view.zone)")
    for at, call in enumerate(calls):
        source = translated_value(call)
        if source is None:
            return None
        names[f"call_{at}"] = f"{call} is "
        parts.append(f"call_{at} + str({filled(source, _read)})")
    if not parts:
        return None
    together = " + ', ' + ".join(parts)
    told: Tell = eval(f"lambda view: text + {together} + ')'", names)  # noqa: S307 - made of what `native` knows, and names of fields
    return told


def _read(name: str) -> str:
    return PLAIN.get(name, f"view.get({name!r})")
