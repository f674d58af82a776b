"""From bytes to a typed event, or to the reason why not. The only reader of raw events: collector and `prepare` share it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any

from pydantic import ValidationError

from schemas.events import EVENT, EVENT_TYPES, IDENTIFIER_FIELDS, Envelope
from schemas.rejected import Reason, Rejected

MAX_EVENT_BYTES = 1024 * 1024
MAX_DEPTH = 64
"""Of nested objects and arrays. Ours need six; `answers` may bring a few of its own."""

Problem = tuple[str, str]
"""What was left out of an event, as (JSON path, code)."""


class _Duplicate(ValueError):
    pass


class _OutOfRange(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Duplicate(name[:100])
            seen.add(name)
    return read


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text) if len(text) <= 64 else None
    except InvalidOperation:
        value = None
    if value is None or value.adjusted() > 30 or value.adjusted() < -30:
        raise _OutOfRange(text[:40])
    return value


def _integer(text: str) -> int:
    if len(text) > 20:
        raise _OutOfRange(text[:40])
    return int(text)


def _constant(text: str) -> Any:
    raise _OutOfRange(text)


_json = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_integer, parse_constant=_constant, strict=True
)


def read_json(payload: bytes) -> Any | Rejected:
    """Decode one JSON document strictly (RFC 8259 and RFC 7493): UTF-8, no duplicate names, no NaN, no NUL, bounded depth.

    Integers come back as int, other numbers as Decimal: nothing passes through a float. Bad JSON is returned as `Rejected`.
    """
    if not payload or payload.isspace():
        return Rejected(Reason.EMPTY, "$", "there is nothing in it")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        return Rejected(Reason.NOT_UTF8, "$", f"byte {error.start} is not UTF-8")
    if text.startswith("\ufeff"):
        text = text[1:]
    try:
        value = _json.decode(text)
    except _Duplicate as error:
        return Rejected(Reason.DUPLICATE_KEY, "$", f"the name {str(error)!r} stands twice in one object")
    except _OutOfRange as error:
        return Rejected(Reason.NUMBER_OUT_OF_RANGE, "$", f"{error} is not a number that can be kept exactly")
    except RecursionError:
        return Rejected(Reason.TOO_DEEP, "$", f"nested deeper than {MAX_DEPTH}")
    except ValueError as error:
        return Rejected(Reason.NOT_JSON, "$", f"not JSON: {error}")
    return _unstorable(text, value) or value


def _unstorable(text: str, value: Any) -> Rejected | None:
    if "\\u0000" in text and _any_text(value, lambda part: "\0" in part):
        return Rejected(Reason.NUL_CHARACTER, "$", "contains the character U+0000, which cannot be stored")
    if ("\\ud" in text or "\\uD" in text) and _any_text(value, _has_surrogate):
        return Rejected(Reason.NOT_UTF8, "$", "contains half of a surrogate pair, which is not a character")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return Rejected(Reason.TOO_DEEP, "$", f"nested deeper than {MAX_DEPTH}")
    return None


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _any_text(value: Any, test: Any) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if test(part):
                return True
        elif isinstance(part, dict):
            waiting.extend(part)
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def _depth(value: Any) -> int:
    deepest, layer = 0, [value]
    while layer:
        layer = [
            inner
            for part in layer
            if isinstance(part, dict | list)
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
        deepest += 1
    return deepest


_identifiers = attrgetter(*IDENTIFIER_FIELDS)


def read_event(document: Any) -> tuple[Envelope, list[Problem]] | Rejected:
    """Type one decoded event. What the channel says of the customer and cannot be read is left out and reported as a problem;
    anything else that is wrong rejects the event, with the first error's path.
    """
    if not isinstance(document, dict):
        return Rejected(Reason.NOT_AN_OBJECT, "$", f"an event is a JSON object, this is {_kind(document)}")
    problems: list[Problem] = []
    try:
        event: Envelope = EVENT.validate_python(document)
    except ValidationError as error:
        repaired = _without_unreadable(document, error, problems)
        if repaired is None:
            return _rejected(document, error)
        try:
            event = EVENT.validate_python(repaired)
        except ValidationError as second:
            return _rejected(document, second)
    if not any(_identifiers(event.data.customer)) and not problems:  # type: ignore[attr-defined]
        return Rejected(
            Reason.NO_IDENTIFIER,
            "$.data.customer",
            f"give at least one of {', '.join(IDENTIFIER_FIELDS)}",
            *_names(document),
        )
    return event, problems


def _without_unreadable(document: dict[str, Any], error: ValidationError, problems: list[Problem]) -> Any:
    """A copy without the unreadable fields below `data.customer`, or None when something else is wrong, too."""
    paths = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        at = detail["loc"][1:]
        if len(at) < 3 or at[:2] != ("data", "customer") or detail["type"] == "missing":
            return None
        paths.append(at[2:])
    customer = {**document["data"]["customer"]}
    for at in paths:
        inner: Any = customer
        for name in at[:-1]:
            inner[name] = {**inner[name]} if isinstance(inner.get(name), Mapping) else {}
            inner = inner[name]
        inner.pop(at[-1], None)
        problems.append(("$.data.customer." + ".".join(map(str, at)), "unreadable"))
    return {**document, "data": {**document["data"], "customer": customer}}


_REASONS = {
    "missing": Reason.MISSING_FIELD,
    "union_tag_not_found": Reason.MISSING_FIELD,
    "union_tag_invalid": Reason.UNKNOWN_TYPE,
    "too_long": Reason.TOO_LARGE,
    "string_too_long": Reason.TOO_LARGE,
    "decimal_max_digits": Reason.NUMBER_OUT_OF_RANGE,
    "decimal_whole_digits": Reason.NUMBER_OUT_OF_RANGE,
    "decimal_max_places": Reason.NUMBER_OUT_OF_RANGE,
    "finite_number": Reason.NUMBER_OUT_OF_RANGE,
}


_UNION_MEMBERS = ("decimal", "Money")
"""Names that pydantic puts into the path of an error to tell which member of a union failed."""


def _rejected(document: dict[str, Any], error: ValidationError) -> Rejected:
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind, at = detail["type"], list(detail["loc"])
    if kind == "union_tag_not_found":
        return Rejected(Reason.MISSING_FIELD, "$.type", f"give a type: {', '.join(EVENT_TYPES)}", *_names(document))
    if kind == "union_tag_invalid":
        known = ", ".join(EVENT_TYPES)
        return Rejected(Reason.UNKNOWN_TYPE, "$.type", f"unknown type; known are {known}", *_names(document))
    reason = _REASONS.get(kind)
    if reason is None:
        reason = Reason.WRONG_TYPE if kind.endswith(("_type", "_parsing")) else Reason.INVALID_VALUE
    at = [part for part in at[1:] if part not in _UNION_MEMBERS]
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
    return Rejected(reason, path, detail["msg"], *_names(document))


def _names(document: dict[str, Any]) -> tuple[str | None, str | None]:
    found = document.get("id"), document.get("source")
    return found[0] if isinstance(found[0], str) else None, found[1] if isinstance(found[1], str) else None


def _kind(value: Any) -> str:
    names = {list: "an array", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
