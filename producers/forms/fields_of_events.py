"""Which fields events have: what a mapping says beyond these would not be stored, and most likely is misspelt."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.events import EVENT_MODELS, EVENT_TYPES


def unknown_fields(event_type: str, data: Any) -> Iterator[tuple[str, str]]:
    """(path, what may be meant, as ` (is it …?)` or nothing) of each field in `data` that such events do not have."""
    event = EVENT_MODELS[EVENT_TYPES.index(event_type)]
    yield from _unknown(event.model_fields["data"].annotation, data, "data")


def _unknown(annotation: Any, node: Any, path: str) -> Iterator[tuple[str, str]]:
    models = list(_models(annotation))
    if isinstance(node, dict) and "column" not in node and models:
        fields = {name: field.annotation for model in models for name, field in model.model_fields.items()}
        for name, inner in node.items():
            if name in fields:
                yield from _unknown(fields[name], inner, f"{path}.{name}")
            else:
                near = get_close_matches(str(name), fields, n=1)
                yield f"{path}.{name}", f"; is it {near[0]}?" if near else f"; there are {', '.join(fields)}"
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _unknown(annotation, inner, f"{path}[{index}]")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a value may be, also in a list."""
    if get_origin(annotation) in (Union, UnionType, list, Annotated):
        for inner in get_args(annotation):
            yield from _models(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
