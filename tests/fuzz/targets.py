"""Everything that reads what others wrote, as a function of bytes: it returns, whatever the bytes are, or a promise is broken.

A target may raise only what its reader says it raises. What a fuzzer finds stays in `tests/fuzz/seeds`, and is read by every run
of the tests.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from processors.segments.rules import BadSegments, read_family
from producers.admit_body import admit_body
from producers.files.cells import Unreadable
from producers.files.encodings import recognise
from producers.files.mapping import MappingError, load_mapping
from producers.files.rows import FileError, Row, RowFile
from producers.forms.mapping import FormMapping, read_form_mapping
from producers.forms.page_submission import page_event
from producers.forms.post import MULTIPART, URLENCODED, read_post
from producers.keys import KeysError, Source, read_sources
from producers.record import Record
from producers.request.batch import is_array
from producers.request.problems import Problem
from producers.segment_api.parcel import Parcel, unpack
from producers.spool.format import Entry, encode_entry, frame, scan
from producers.webhooks.form import FORM
from producers.webhooks.notice import Item
from schemas.rejected import Rejected
from tests.form_samples import GOOGLE, TALLY, TYPEFORM, TYPEFORM_MAPPING
from tests.property import test_forms, test_prepare, test_segment_api, test_webhooks
from tests.unit.test_webhook_meta import COMMENT, LEAD, PAGE, message
from tests.unit.test_webhook_zalo import TEXT, told

SEEDS = Path(__file__).parent / "seeds"
ROOT = Path(__file__).parents[2]
SOURCE = Source("fuzz", "0" * 64)
RECEIVED = datetime(2026, 11, 24, tzinfo=UTC)
SALT = b"0123456789abcdef"


class Target(NamedTuple):
    """`read` is given anything; `begin` are what it knows of its format before it has learnt anything."""

    read: Callable[[bytes], None]
    begin: Callable[[], Sequence[bytes]]


def seeds(name: str) -> Iterator[Path]:
    """The files of a target, in order."""
    return iter(sorted(path for path in (SEEDS / name).glob("*") if path.is_file()))


def _is_of_the_sender(problem: Problem) -> None:
    assert 400 <= problem.status < 500


def _events(body: bytes) -> None:
    try:
        admission = admit_body(body, SOURCE, "r")
    except Problem as problem:
        _is_of_the_sender(problem)
        return
    assert admission.records or admission.refusals or is_array(body)
    for record in admission.records:
        test_prepare.holds(record.value)


def _segment(body: bytes) -> None:
    for batch in (True, False):
        parcel = unpack(body, batch=batch, limit=100)
        if isinstance(parcel, Parcel):
            test_segment_api.holds(parcel, None if batch else "track")


def _webhook(name: str) -> Callable[[bytes], None]:
    return lambda body: test_webhooks.every_item_has_one_fate(test_webhooks.PLATFORMS[name], body)


_GENERIC = "questions: google_forms\nid: '{id}'\ndata:\n  customer: {email: '{Email}', phone: '{phone}'}\n"


@cache
def _mappings() -> tuple[FormMapping, ...]:
    tally = _GENERIC.replace("google_forms", "tally")
    return tuple(read_form_mapping(text, "m.yaml") for text in (TYPEFORM_MAPPING, _GENERIC, tally))


def _form_service(body: bytes) -> None:
    for mapping in _mappings():
        test_forms.judged(FORM.translate(test_forms.notice(body, mapping)))


def _page_form(body: bytes) -> None:
    """The content type is the first line."""
    kind, _, rest = body.partition(b"\n")
    try:
        fields = read_post(rest, kind.decode("latin-1"))
    except Problem as problem:
        _is_of_the_sender(problem)
        return
    if not isinstance(fields, Rejected):
        mapping = read_form_mapping("questions: fields\ndata:\n  customer: {email: '{a}'}", "m.yaml")
        made = page_event(fields, mapping, source="s", honeypot="h", received=RECEIVED)
        test_forms.judged([Item(rest, made)])


def _form_mapping(text: bytes) -> None:
    try:
        read_form_mapping(text.decode(errors="replace"), "m.yaml")
    except MappingError as error:
        assert str(error).startswith("m.yaml")  # noqa: PT017 - it may as well be read


def _rows(content: bytes) -> None:
    """The first byte says which encoding; the mapping is the one that ships for contacts."""
    encoding, content = ("utf-8-sig", "cp1258", "utf-16")[(content[:1] or b"\0")[0] % 3], content[1:]
    recognise([content])
    mapping = load_mapping("contacts")
    with suppress(FileError):
        for row in RowFile(io.BytesIO(content), io.BytesIO(content), "f.csv", "csv", encoding=encoding):
            if isinstance(row, Row):
                with suppress(Unreadable):
                    test_prepare.holds(msgspec.json.encode(mapping.event(row, "/fuzz")))


def _spool(content: bytes) -> None:
    at = 0
    for found in scan(lambda start, size: content[start : start + size], SALT, 0, len(content)):
        assert found.offset == at
        at = found.end
    assert at == len(content)


def _keys(text: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(text)
        file.flush()
        with suppress(KeysError):
            read_sources(Path(file.name))


def _segments(text: bytes) -> None:
    try:
        read_family(text.decode(errors="replace"), "f.yaml")
    except BadSegments as error:
        assert str(error).startswith("f.yaml")  # noqa: PT017 - it may as well be read


def _examples() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "schemas/examples").rglob("*.json"))]


def _json(*documents: object) -> Callable[[], Sequence[bytes]]:
    return lambda: [json.dumps(each, ensure_ascii=False).encode() for each in documents]


_CALL = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "u1",
    "timestamp": "2026-11-20T08:00:00Z",
    "properties": {"order_id": "o1", "total": "12.5", "currency": "VND", "products": [{"sku": "a", "price": 3}]},
    "context": {"traits": {"email": "lan@example.com"}, "externalIds": [{"id": "1", "type": "card"}]},
}
_IDENTIFY = {"type": "identify", "anonymousId": "a1", "traits": {"email": "lan@example.com", "phone": "0912304556"}}

_CONTACTS = "registered_at,full_name,phone,email\n20/11/2026 09:30,Nguyễn Thị Lan,0912 304 556,lan@example.com\n"

_ENCODINGS = ((b"\0", "utf-8-sig"), (b"\1", "cp1258"), (b"\2", "utf-16"))

TARGETS: dict[str, Target] = {
    "events": Target(_events, _examples),
    "prepare": Target(lambda payload: test_prepare.holds(payload) and None, _examples),
    "segment": Target(_segment, _json(_CALL, {"batch": [_CALL, _IDENTIFY], "sentAt": "2026-11-20T08:00:01Z"})),
    "meta": Target(
        _webhook("meta"),
        _json(
            {"object": "page", "entry": [{"id": PAGE, "time": 1795482000, "changes": [COMMENT, LEAD]}]},
            {
                "object": "instagram",
                "entry": [{"id": PAGE, "messaging": [message(message={"mid": "m", "text": "Chào"})]}],
            },
        ),
    ),
    "zalo": Target(_webhook("zalo"), _json(TEXT, told("user_submit_info", info={"phone": "84912304556"}))),
    "form_service": Target(_form_service, _json(TYPEFORM, GOOGLE, TALLY)),
    "page_form": Target(
        _page_form,
        lambda: [
            URLENCODED.encode() + "\na=lan%40example.com&Họ+tên=Lan&a=2".encode(),
            f"{MULTIPART}; boundary=b\n".encode()
            + b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nlan@example.com\r\n--b--\r\n',
        ],
    ),
    "form_mapping": Target(_form_mapping, lambda: [TYPEFORM_MAPPING.encode(), _GENERIC.encode()]),
    "rows": Target(_rows, lambda: [mark + _CONTACTS.encode(name, "replace") for mark, name in _ENCODINGS]),
    "spool": Target(
        _spool, lambda: [frame(encode_entry(Entry(1, "a", (Record("events.web", b"k", b"{}"),))), SALT) * 2]
    ),
    "keys": Target(
        _keys, lambda: [b"sources:\n  - name: a\n    key_sha256: " + b"0" * 64 + b"\n    allow: ['/web/*']\n"]
    ),
    "segments": Target(
        _segments, lambda: [path.read_bytes() for path in sorted((ROOT / "processors/segments/shipped").glob("*.yaml"))]
    ),
}
