"""Says whether a schema may follow another one: it may gain optional fields, and nothing else.

That holds in both directions: the new schema reads what was written before, the old one what is written from now on.
Any other change is a new version of the type. Words for people (titles, descriptions, `x-…`) may change at will.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
"""A JSON Schema, draft 2020-12. References point into its own `$defs`."""

_WORDS = frozenset(
    {"title", "description", "examples", "default", "$comment", "$id", "$schema", "$defs", "discriminator"}
)


def breaks(old: Schema, new: Schema) -> list[str]:
    """What keeps `new` from following `old`, as `PATH: what happened`; empty when it may."""
    return list(dict.fromkeys(_compare(old, new, old, new, "$", frozenset())))


def _compare(
    old: Any, new: Any, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            yield f"{path}: {old!r} became {new!r}"
        return
    pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
    if any(pair):
        if pair in seen:
            return
        seen |= {pair}
        old, new = _resolved(old, old_root), _resolved(new, new_root)
    yield from _fields(old, new, old_root, new_root, path, seen)
    for rule in sorted((old.keys() | new.keys()) - {"properties", "required"} - _WORDS):
        if rule.startswith("x-"):
            continue
        if rule not in old or rule not in new:
            yield f"{path}: {rule} was {'added' if rule in new else 'removed'}"
        elif isinstance(old[rule], list):
            yield from _lists(old[rule], new[rule], old_root, new_root, f"{path}.{rule}", seen)
        else:
            yield from _compare(old[rule], new[rule], old_root, new_root, f"{path}.{rule}", seen)


def _fields(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, field in before.items():
        if name in after:
            yield from _compare(field, after[name], old_root, new_root, f"{path}.{name}", seen)
        else:
            yield f"{path}.{name}: the field was removed"
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(needed_after - needed_before):
        yield f"{path}.{name}: the field became required"
    for name in sorted(needed_before - needed_after):
        if name in after:
            yield f"{path}.{name}: the field became optional"


def _lists(
    old: list[Any], new: Any, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    if not isinstance(new, list) or len(old) != len(new):
        yield f"{path}: {old!r} became {new!r}"
        return
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        yield from _compare(before, after, old_root, new_root, f"{path}[{number}]", seen)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")] | {
            name: rule for name, rule in schema.items() if name != "$ref"
        }
    return schema
