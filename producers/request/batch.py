"""Cut a JSON array into the bytes of its elements, so that a bad element cannot sink its neighbours."""

from __future__ import annotations

import re

import msgspec

_elements = msgspec.json.Decoder(list[msgspec.Raw])
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)
_CLOSES = {ord("]"): ord("["), ord("}"): ord("{")}
MANY_COMMAS = 400_000
"""More than this many and the fast way could make as many objects before it knows that there are too many."""

BOM = b"\xef\xbb\xbf"


def is_array(body: bytes) -> bool:
    """Whether this is meant to be a JSON array, by its first character."""
    return body.removeprefix(BOM).lstrip(b" \t\r\n")[:1] == b"["


def split_array(body: bytes, limit: int) -> list[bytes] | None:
    """The exact bytes of each element, without the white space around it; None when the array itself is not whole.

    An array of more than `limit` elements comes back with more than `limit`, though not necessarily all. The elements
    need not be valid JSON (a NaN, a bad escape, bytes that are not UTF-8): only brackets and quotes must be in order.
    """
    body = body.removeprefix(BOM)
    if body.count(b",") <= MANY_COMMAS:
        try:
            return [bytes(element) for element in _elements.decode(body)]
        except (msgspec.DecodeError, RecursionError):
            pass  # something in it is not JSON; which element it is, the tolerant way will show
    return _split_tolerantly(body, limit)


def _split_tolerantly(body: bytes, limit: int) -> list[bytes] | None:
    elements: list[bytes] = []
    open_brackets = bytearray()
    begin = end = -1
    for token in _TOKEN.finditer(body):
        what = body[token.start()]
        if end >= 0:
            return None
        if what in b"[{":
            if not open_brackets:
                if what != ord("[") or body[: token.start()].strip():
                    return None
                begin = token.end()
            open_brackets.append(what)
        elif what in b"]}":
            if not open_brackets or open_brackets.pop() != _CLOSES[what]:
                return None
            if not open_brackets:
                end = token.end()
                if elements or body[begin : token.start()].strip():
                    elements.append(body[begin : token.start()].strip())
        elif what == ord(","):
            if len(open_brackets) == 1:
                elements.append(body[begin : token.start()].strip())
                begin = token.end()
                if len(elements) > limit:
                    return elements
        elif token.end() - token.start() == 1 or not open_brackets:
            return None  # a text that does not end, or one outside of the array
    if end < 0 or body[end:].strip() or not all(elements):
        return None
    return elements
