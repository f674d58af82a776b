"""A patch for events that were refused: a JSON merge patch (RFC 7396) or a JSON patch (RFC 6902). Pure."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from jsonpath import JSONPatch
from jsonpath.exceptions import JSONPatchError, JSONPointerError

from ops.indent import indent
from schemas.codec import read_json
from schemas.rejected import Rejected

_encode = msgspec.json.Encoder(decimal_format="number").encode


class BadPatch(Exception):
    """This is no patch. The message says why."""


class Unpatched(Exception):
    """The patch does not fit this event. The message says why."""


@dataclass(frozen=True)
class Patch:
    """`text` as it was given; `document` an object (merge patch) or an array of operations (JSON patch)."""

    text: str
    document: Any

    def apply(self, payload: bytes) -> bytes:
        """The event with the patch applied; numbers stay exact. Raises Unpatched when that cannot be."""
        event = read_json(payload)
        if isinstance(event, Rejected):
            raise Unpatched(f"it cannot be patched, only edited: {event.message}")
        if isinstance(self.document, dict):
            return _encode(merged(event, self.document))
        try:
            # A copy: what is added to one event must not take along what it was given there to the next one.
            return _encode(JSONPatch(copy.deepcopy(self.document)).apply(event))
        except (JSONPatchError, JSONPointerError) as error:
            raise Unpatched(f"the patch does not fit it: {error}") from error


def read_patch(text: str) -> Patch:
    """Raises BadPatch."""
    document = read_json(text.encode())
    if isinstance(document, Rejected):
        raise BadPatch(f"the patch cannot be read: {document.message}")
    if isinstance(document, list):
        try:
            JSONPatch(document)
        except (JSONPatchError, JSONPointerError) as error:
            raise BadPatch(f"the patch is no JSON patch (RFC 6902): {error}") from error
    elif not isinstance(document, dict):
        raise BadPatch("a patch is an object (JSON merge patch) or an array of operations (JSON patch)")
    if not document:
        raise BadPatch("the patch is empty: it changes nothing")
    return Patch(text, document)


def merged(target: Any, patch: Any) -> Any:
    """`target` with a merge patch applied, as RFC 7396 says in section 2; changes neither."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    made = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merged(made.get(name), value)
    return made


def differences(before: bytes, after: bytes) -> Iterator[str]:
    """What a patch changes, as lines of a unified diff without its head."""
    was, becomes = ([line.text for line in indent(each.decode(errors="replace"))] for each in (before, after))
    lines = list(difflib.unified_diff(was, becomes, n=1, lineterm=""))
    yield from lines[2:]
