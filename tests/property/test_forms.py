"""Whatever is sent as a form: nothing raises, each submission is accepted or refused, and no answer is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from processors.prepare import prepare
from producers.files.mapping import MappingError
from producers.forms.address import client_address
from producers.forms.mapping import FormMapping, read_form_mapping
from producers.forms.page_submission import page_event
from producers.forms.post import MULTIPART, URLENCODED, read_post
from producers.forms.submission import plain, submission
from producers.keys import Source
from producers.keys.webhook import Webhook
from producers.request.problems import Problem
from producers.webhooks.admit_items import admit_items
from producers.webhooks.form import FORM
from producers.webhooks.notice import Item, Notice
from schemas.clean import CleanEvent
from schemas.rejected import Rejected
from tests.form_samples import GOOGLE, TALLY, TYPEFORM, TYPEFORM_MAPPING
from tests.payloads import REFERENCE

RECEIVED = datetime(2026, 11, 23, 2, 30, 1, tzinfo=UTC)
RECEIVED_MS = 1_795_401_001_000
SOURCE = Source("tu-van", "0" * 64)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2026-11-20T08:00:00Z", "0001-01-01T00:00:00+14:00", "12.50", "lan@example.com", "0912304556"])
    | st.sampled_from(["x" * 600, "\ud800", "\0", "Email", "[", "]", "{a}", "on"])
)
names = st.sampled_from(
    ["email", "Họ và tên", "phone", "id", "title", "value", "answers", "data", "fields", "a.b", "a[b]"]
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
question = st.dictionaries(
    st.sampled_from(["id", "title", "key", "label", "value", "type", "text", "choices", "field", "options", "ref"]),
    anything | st.dictionaries(st.sampled_from(["id", "ref", "labels", "other", "text"]), anything, max_size=3),
    max_size=5,
) | st.fixed_dictionaries(
    {"label": st.just("Sở thích"), "value": anything, "options": st.lists(st.fixed_dictionaries({"id": anything}))}
)
questions = st.lists(question | scalars, max_size=4) | anything
documents = (
    anything
    | st.builds(lambda inner: GOOGLE | {"answers": inner}, questions)
    | st.builds(lambda inner: TALLY | {"data": TALLY["data"] | {"fields": inner}}, questions)
    | st.builds(
        lambda given, asked: (
            TYPEFORM
            | {"form_response": TYPEFORM["form_response"] | {"answers": given, "definition": {"fields": asked}}}
        ),
        questions,
        questions,
    )
)
columns = st.sampled_from(
    ["email", "Họ và tên", "phone", "a.b", "email[Email]", "answers.0.value", "x", "1001", "{form}"]
)
cells = st.one_of(
    columns.map(lambda name: f"{{{name}}}"),
    columns.map(lambda name: {"column": name}),
    columns.map(lambda name: {"column": name, "to": "boolean"}),
    columns.map(lambda name: {"column": name, "to": "integer"}),
    columns.map(lambda name: {"column": name, "decimal": "comma", "default": "0"}),
    columns.map(lambda name: {"column": name, "dates": ["%d/%m/%Y"], "default": "17/08/1991"}),
    columns.map(lambda name: {"column": name, "map": {"a": "b"}, "strict": True}),
)
mappings = st.fixed_dictionaries(
    {"questions": st.sampled_from(["fields", "google_forms", "tally", "typeform", {"at": "answers", "names": ["id"]}])},
    optional={
        "type": st.sampled_from(["web.form_submitted.v1"]),
        "id": columns.map(lambda name: f"{{{name}}}"),
        "time": st.fixed_dictionaries({"column": columns}, optional={"timezone": st.just("Asia/Ho_Chi_Minh")}),
        "data": st.fixed_dictionaries(
            {},
            optional={
                "customer": st.dictionaries(st.sampled_from(["email", "phone", "full_name", "card_no"]), cells),
                "form": st.dictionaries(st.sampled_from(["id", "kind"]), cells),
                "answers": st.dictionaries(st.text(max_size=5), cells, max_size=2),
            },
        ),
    },
).map(FormMapping.model_validate)


fields_of_a_page = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5) | st.lists(st.text(max_size=5)))
parts = st.dictionaries(st.sampled_from(["questions", "data", "time", "id", "type"]), anything)
written = (
    st.text(max_size=100)
    | anything.map(yaml.safe_dump)
    | parts.map(lambda part: yaml.safe_dump({"questions": "fields"} | part))
)
addresses = st.text(max_size=12) | st.ip_addresses().map(str)


def notice(body: bytes, mapping: FormMapping) -> Notice:
    webhook = Webhook(platform="typeform" if mapping.questions == "typeform" else "form", secret_file="s", mapping="m")
    return Notice(body, {}, SOURCE, webhook, (), RECEIVED, mapping)


def judged(items: list[Item]) -> None:
    """Every item is a record, which the stream takes, or a letter."""
    admission, left_out = admit_items(items, source=SOURCE, request="r", now_ms=RECEIVED_MS)
    assert len(admission.records) + len(admission.refusals) + left_out.total() == len(items)
    assert not any("cannot be read here" in refusal.rejected.message for refusal in admission.refusals), "that is ours"
    for record in admission.records:
        read = prepare(record.value, origin="t/0/0", received_ms=RECEIVED_MS, reference=REFERENCE)
        assert isinstance(read, CleanEvent | Rejected)
        assert not isinstance(read, Rejected) or read.reason == "no_identifier"


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents, mapping=mappings)
@example(
    document=TALLY | {"data": {"fields": [{"key": "k", "label": "x", "value": ["o"], "options": [{"id": ["o"]}]}]}},
    mapping=read_form_mapping("questions: tally", "m.yaml"),
)
def test_whatever_a_service_sends_is_accepted_or_refused(document: Any, mapping: FormMapping) -> None:
    judged(FORM.translate(notice(encoded(document), mapping)))


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200) | st.text(max_size=50).map(lambda text: text.encode("utf-8", "replace")))
@example(body=b"[" * 3000)
@example(body=b'{"event_type":' + b"[" * 100 + b"]" * 100 + b"}")
def test_bytes_that_are_no_submission_are_refused(body: bytes) -> None:
    judged(FORM.translate(notice(body, read_form_mapping(TYPEFORM_MAPPING, "m.yaml"))))


def told(value: Any) -> Iterator[Any]:
    """Everything plain in a value."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from told(inner)
    elif value is not None and value != "":
        yield value


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fields=st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5) | st.lists(st.text(max_size=5))),
    mapping=mappings,
)
def test_every_answer_is_read_or_kept(fields: dict[str, Any], mapping: FormMapping) -> None:
    mapping = FormMapping.model_validate(mapping.model_dump() | {"questions": "fields", "id": None, "time": None})
    submitted = submission(fields, mapping.service.read(fields))
    data = page_event(fields, mapping, source="s", honeypot="", received=RECEIVED)["data"]
    kept = list(told(data.get("answers", {})))
    for name, value in fields.items():
        named = {plain(column).partition("[")[0] for column in mapping.read_columns} | {
            plain(c) for c in mapping.read_columns
        }
        if plain(name) not in named and name not in ("_id", "_charset_", "") and plain(name):
            assert all(each in kept for each in told(value)), (name, value, submitted)


@settings(max_examples=300, deadline=None)
@given(
    body=st.binary(max_size=300)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5)).map(
        lambda fields: urlencode(fields, errors="replace").encode()
    )
    | st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--",
                b"\r\n",
                b"Content-Disposition: form-data; ",
                b'name="a"',
                b'filename="x"',
                b"=",
                b"\xff",
                b";",
                b"v",
            ]
        ),
        max_size=30,
    ).map(b"".join),
    content_type=st.sampled_from(
        [URLENCODED, f"{MULTIPART}; boundary=b", f'{MULTIPART}; boundary="b"', MULTIPART, "text/plain"]
    )
    | st.text(max_size=30),
)
def test_whatever_a_browser_sends_is_fields_or_a_problem(body: bytes, content_type: str) -> None:
    try:
        fields: dict[str, Any] | Rejected | int = read_post(body, content_type)
    except Problem as problem:
        fields = problem.status
    if isinstance(fields, Rejected | int):
        assert fields in (400, 413, 415) or isinstance(fields, Rejected)
        return
    mapping = read_form_mapping("questions: fields\ndata:\n  customer: {email: '{a}'}", "m.yaml")
    judged([Item(body, page_event(fields, mapping, source="s", honeypot="h", received=RECEIVED))])


@settings(max_examples=200, deadline=None)
@given(text=written)
def test_whatever_is_written_is_a_mapping_or_it_is_said_why_not(text: str) -> None:
    try:
        made: FormMapping | str = read_form_mapping(text, "m.yaml")
    except MappingError as error:
        made = str(error)
    assert isinstance(made, FormMapping) or made.startswith("m.yaml")


@settings(max_examples=200, deadline=None)
@given(peer=addresses, forwarded=st.lists(addresses))
def test_whatever_a_proxy_says_there_is_an_address(peer: str, forwarded: list[str]) -> None:
    everyone = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert isinstance(client_address(peer, forwarded, everyone), str)
