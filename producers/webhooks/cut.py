"""Cut what a platform sends into the bytes of its items, and read each by itself: a bad one cannot sink its neighbours."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from producers.request.batch import BOM, MANY_COMMAS, split_array
from producers.webhooks.notice import Event, Item, LeftOut
from schemas.codec import read_json
from schemas.rejected import Reason, Rejected

log = logging.getLogger(__name__)

_WHITE = re.compile(r"[ \t\r\n]*")
_python = json.JSONDecoder(strict=False)  # which takes more than JSON is, and says where a value ends
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def members(raw: bytes) -> dict[str, bytes] | Rejected:
    """The bytes of each member of a JSON object. What is in them need not be valid."""
    raw = raw.removeprefix(BOM)
    if not raw.strip():
        return Rejected(Reason.EMPTY, "$", "there is nothing in it")
    try:
        return {name: bytes(value) for name, value in _decode(raw).items()}
    except msgspec.ValidationError:
        return Rejected(Reason.NOT_AN_OBJECT, "$", "this is not a JSON object")
    except (ValueError, RecursionError):
        return _tolerantly(raw)


def _tolerantly(raw: bytes) -> dict[str, bytes] | Rejected:
    """The same where something is no JSON, such as half of an emoji, or not UTF-8: in which item, reading these will show."""
    refused = Rejected(Reason.NOT_JSON, "$", "this is not JSON")
    if raw.count(b",") > MANY_COMMAS:
        return refused
    try:
        return _spans(raw.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return refused


def _spans(text: str) -> dict[str, bytes]:
    """The members of an object, byte for byte. Raises ValueError."""
    found: dict[str, bytes] = {}
    at, mark = _after(text, 0, "{"), ","
    while mark == ",":
        name, at = _python.raw_decode(text, _white(text, at))
        if not isinstance(name, str):
            raise ValueError("a name is a text")
        begin = _white(text, _after(text, at, ":"))
        _, at = _python.raw_decode(text, begin)
        found[name] = text[begin:at].encode("utf-8", "surrogateescape")
        at = _white(text, at) + 1
        mark = text[at - 1 : at]
    if mark != "}" or _white(text, at) != len(text):
        raise ValueError("the object does not end")
    return found


def _after(text: str, at: int, mark: str) -> int:
    at = _white(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark} is missing")
    return at + 1


def _white(text: str, at: int) -> int:
    found = _WHITE.match(text, at)
    return at if found is None else found.end()


def elements(raw: bytes) -> list[bytes] | None:
    """The bytes of each element of a JSON array; None when it is none."""
    return split_array(raw, len(raw)) if raw.lstrip()[:1] == b"[" else None


def plain(raw: bytes | None) -> Any:
    """A value that stands alone, such as an id; None when there is none that can be read."""
    read = None if raw is None else read_json(raw)
    return None if isinstance(read, Rejected) else read


def item(raw: bytes, make: Callable[[dict[str, Any]], Event | Rejected | LeftOut]) -> Item:
    """Read one item and make an event of it; see `contained`."""
    document = read_json(raw)
    if isinstance(document, Rejected):
        return Item(raw, document)
    if not isinstance(document, dict):
        return Item(raw, Rejected(Reason.NOT_AN_OBJECT, "$", "this is not a JSON object"))
    return contained(raw, lambda: make(document))


def contained(raw: bytes, make: Callable[[], Event | Rejected | LeftOut]) -> Item:
    """What `make` makes of `raw`. A mistake of ours costs the one item that shows it, which is kept, and no other."""
    try:
        return Item(raw, make())
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        log.error("an item cannot be read: %s at %s:%s", type(error).__name__, at.filename, at.lineno)
        return Item(raw, Rejected(Reason.INVALID_VALUE, "$", "this cannot be read here; it is kept"))
