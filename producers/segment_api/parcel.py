"""A request body becomes the bytes of its calls, and what a batch says for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from producers.request.batch import BOM, MANY_COMMAS, split_array
from schemas.codec import read_json
from schemas.rejected import Reason, Rejected


class Parcel(NamedTuple):
    """What is in a body: the access key, if it is there, and the bytes of each call, which need not be valid.

    `shared` are `context` and `sentAt` of a batch; `fault` is why these cannot be read. `repeated` is how many bytes they
    come to when each call has its own copy.
    """

    write_key: str | None
    calls: list[bytes]
    shared: Mapping[str, Any]
    fault: Rejected | None = None
    repeated: int = 0


_NONE = msgspec.Raw(b"")


class _Body(msgspec.Struct):
    """The members of a body that are read here; all others are skipped."""

    batch: msgspec.Raw = _NONE
    context: msgspec.Raw = _NONE
    sentAt: msgspec.Raw = _NONE
    writeKey: msgspec.Raw = _NONE


_bodies = msgspec.json.Decoder(_Body)
_SHARED = ("context", "sentAt")


def unpack(body: bytes, *, batch: bool, limit: int) -> Parcel | Rejected:
    """Cut a body into calls: one, or those of a `batch`. Of more than `limit` calls, more than `limit` come back.

    Refuses only what is no JSON object, and a batch that has no calls at all.
    """
    body = body.removeprefix(BOM).strip()
    if not body:
        return Rejected(Reason.EMPTY, "$", "there is nothing in the body")
    try:
        opened = _bodies.decode(body)
    except msgspec.ValidationError:
        return Rejected(Reason.NOT_AN_OBJECT, "$", "the body is not a JSON object")
    except (msgspec.DecodeError, RecursionError):
        found = _tolerantly(body)
        if isinstance(found, Rejected):
            return found
        opened = found
    key = _text(opened.writeKey)
    if not batch:
        return Parcel(key, [body], {})
    array = bytes(opened.batch)
    if not array:
        return Rejected(Reason.MISSING_FIELD, "$.batch", "a batch has its calls in `batch`")
    calls = split_array(array, limit) if array.startswith(b"[") else None
    if calls is None:
        return Rejected(Reason.WRONG_TYPE, "$.batch", "`batch` is an array of calls")
    shared: dict[str, Any] = {}
    for name in _SHARED:
        raw = bytes(getattr(opened, name))
        read = read_json(raw) if raw else None
        if isinstance(read, Rejected):
            return Parcel(key, calls, {}, Rejected(read.reason, f"$.{name}", f"of the batch: {read.message}"))
        if read is not None:
            shared[name] = read
    size = sum(len(bytes(getattr(opened, name))) for name in shared)
    return Parcel(key, calls, shared, repeated=size * len(calls))


def _tolerantly(body: bytes) -> _Body | Rejected:
    """The same of a body in which something is no JSON, such as NaN, or not UTF-8: which call it is in, these will show."""
    refused = Rejected(Reason.NOT_JSON, "$", "the body is not JSON")
    if body.count(b",") > MANY_COMMAS:
        return refused
    try:
        document = json.loads(body.decode("utf-8", "surrogateescape"))
        if not isinstance(document, dict):
            return Rejected(Reason.NOT_AN_OBJECT, "$", "the body is not a JSON object")
        found = {name: json.dumps(document[name]).encode() for name in _Body.__struct_fields__ if name in document}
    except (ValueError, RecursionError):
        return refused
    return _Body(**{name: msgspec.Raw(raw) for name, raw in found.items()})


def _text(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str).strip() or None if bytes(raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
