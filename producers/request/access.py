"""Whose request it is: the access key in `Authorization`, as Bearer or Basic."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from producers.keys import KeyFile, Source
from producers.request.problems import Problem, unauthorized


def authenticate(authorization: str | None, keys: KeyFile) -> Source:
    """The sender that the header names. Raises Problem 401 when there is none, 403 when everybody knows its key."""
    if not authorization:
        raise unauthorized("send an access key: Authorization: Bearer KEY")
    known = recognise(authorization, keys)
    if known is None:
        raise unauthorized("this access key is not valid")
    if known[0].public:
        raise Problem(403, "public_key", "this key is public: it may send calls of the Segment API only")
    return known[0]


def recognise(authorization: str | None, keys: KeyFile, in_address: str | None = None) -> tuple[Source, str] | None:
    """The sender that the header names, or else the address, and its key; None when they name none that is known."""
    for key in (*shown_keys(authorization or ""), in_address or ""):
        source = keys.find(key)
        if source is not None:
            return source, key
    return None


def recognise_tracer(authorization: str | None, keys: KeyFile) -> tuple[Source, str] | None:
    """Who may ask where events are with the key that the header shows, and that key; None when it is no such key."""
    for key in shown_keys(authorization or ""):
        source = keys.find_tracer(key)
        if source is not None:
            return source, key
    return None


def shown_keys(authorization: str) -> Iterator[str]:
    """What may be the key. Form builders only do Basic: the key is user name or password, some forget the colon."""
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        yield credentials
    elif scheme.lower() == "basic":
        try:
            text = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        user, _, password = text.partition(":")
        yield from filter(None, (user, password))
