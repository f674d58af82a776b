"""What a browser sends of a form: its fields, from `application/x-www-form-urlencoded` or `multipart/form-data`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from producers.request.problems import Problem
from schemas.rejected import Reason, Rejected

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"

MAX_FIELDS = 500


def read_post(body: bytes, content_type: str) -> dict[str, Any] | Rejected:
    """Every field by name, in its order: text, or a list of texts where the name occurs more than once.

    Raises Problem: 400 when the body is not what its type says, 413 for too many fields, 415 for another type and for files.
    Refuses text that is not UTF-8.
    """
    kind, options = parse_options_header(content_type)
    if kind == URLENCODED:
        pairs = _urlencoded(body)
    elif kind == MULTIPART:
        pairs = _multipart(body, options.get("boundary", ""))
    else:
        raise Problem(415, "unsupported_media_type", f"send Content-Type: {URLENCODED}, or {MULTIPART}")
    fields: dict[str, Any] = {}
    for number, (raw_name, raw) in enumerate(pairs):
        if number >= MAX_FIELDS:
            raise Problem(413, "too_many", f"a form has at most {MAX_FIELDS} fields")
        try:
            name, value = raw_name.decode(), raw.decode()
        except UnicodeDecodeError:
            shown = raw_name.decode(errors="replace")[:100]
            return Rejected(Reason.NOT_UTF8, "$", f"the field {shown!r} is not UTF-8; the page should say so itself")
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields


def _urlencoded(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in body.strip().split(b"&"):
        if pair:
            name, _, value = pair.replace(b"+", b" ").partition(b"=")
            yield unquote_to_bytes(name), unquote_to_bytes(value)


def _multipart(body: bytes, boundary: str) -> Iterator[tuple[bytes, bytes]]:
    """Field by field. A field for files that was left empty is no field."""
    name, value, skipped = b"", b"", False
    if not boundary:
        raise _not_multipart()
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_FIELDS + 1, header_charset="latin-1") as parser:
            for part in parser.parse(body):
                if isinstance(part, MultipartSegment):
                    skipped = part.filename is not None
                    if part.filename:
                        raise _no_files()
                    name, value = (part.name or "").encode("latin-1"), b""
                elif part:
                    if skipped:
                        raise _no_files()
                    value += part
                elif not skipped:
                    yield name, value
    except MultipartError as error:
        if error.http_status == 413:
            raise Problem(413, "too_many", f"a form has at most {MAX_FIELDS} fields") from None
        raise _not_multipart() from None
    except (ValueError, AssertionError):
        raise _not_multipart() from None


def _not_multipart() -> Problem:
    return Problem(400, "not_multipart", "the body is not the multipart/form-data that its type says")


def _no_files() -> Problem:
    return Problem(415, "no_files", "files are not taken here: take the field for files out of the form")
