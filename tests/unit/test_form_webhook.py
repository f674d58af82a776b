"""Who may send submissions of a form service, and what becomes of each body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from producers.forms.mapping import read_form_mapping
from producers.forms.submission import submission
from producers.keys import Source, hash_key
from producers.keys.webhook import Webhook
from producers.request.access import shown_keys
from producers.webhooks.admit_items import admit_items
from producers.webhooks.form import FORM
from producers.webhooks.form import TYPEFORM as SIGNED
from producers.webhooks.notice import LeftOut, Notice
from schemas.rejected import DeadLetter, Reason, Rejected
from tests.form_samples import GOOGLE, TYPEFORM, TYPEFORM_MAPPING, wire

RECEIVED = datetime(2026, 11, 20, 3, 0, 5, tzinfo=UTC)
SECRET = "bí mật của cửa hàng".encode()
KEY = "the-key-of-the-source"


def notice(body: bytes, headers: dict[str, str] | None = None, *, platform: str = "typeform", text: str = "") -> Notice:
    setting = Webhook.model_validate({"platform": platform, "secret_file": "tu-van.secret", "mapping": "tu-van.yaml"})
    return Notice(
        body,
        headers or {},
        Source("tu-van", hash_key(KEY), webhook=setting),
        setting,
        (b"the one before", SECRET),
        RECEIVED,
        read_form_mapping(text or TYPEFORM_MAPPING, "tu-van.yaml"),
    )


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


BODY = wire(TYPEFORM)


def test_the_signature_of_typeform_is_of_the_bytes_with_any_of_the_secrets() -> None:
    for body in (BODY, json.dumps(TYPEFORM, ensure_ascii=False).encode(), b"", b"\xff"):
        for secret in (SECRET, b"the one before"):
            assert SIGNED.signed(notice(body, {"typeform-signature": signature(body, secret)}))


def test_a_signature_known_from_elsewhere_is_checked_alike() -> None:
    """Made with `openssl dgst -sha256 -hmac … -binary | base64`."""
    shown = {"typeform-signature": "sha256=ocOe43VHc1RvHXymAMKt78rEBdjrc9CbEOfS7rY1M/w="}
    assert SIGNED.signed(notice('{"tên":"Ốc"}'.encode(), shown)._replace(secrets=(b"abc123",)))


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        signature(BODY, b"another"),
        signature(json.dumps(TYPEFORM, ensure_ascii=False, separators=(",", ":")).encode()),
        signature(json.dumps(json.loads(BODY)).encode()),
        signature(BODY).removeprefix("sha256="),
        signature(BODY).replace("sha256", "sha1"),
        signature(BODY)[:-1],
        signature(BODY) + "=",
        "sha256=",
        "sha256=" + hmac.new(SECRET, BODY, hashlib.sha256).hexdigest(),
        "sha256=Ốc",
    ],
    ids=str,
)
def test_any_other_signature_is_none(shown: str | None) -> None:
    assert not SIGNED.signed(notice(BODY, {} if shown is None else {"typeform-signature": shown}))


def test_without_a_secret_nothing_is_signed() -> None:
    assert not SIGNED.signed(notice(BODY, {"typeform-signature": signature(BODY, b"")})._replace(secrets=()))


@pytest.mark.parametrize(
    ("headers", "right"),
    [
        ({"authorization": f"Bearer {KEY}"}, True),
        ({"authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}, True),
        ({"authorization": "Basic " + base64.b64encode(f"form:{KEY}".encode()).decode()}, True),
        ({"x-portrait-key": KEY}, True),
        ({"x-portrait-key": f" {KEY} "}, True),
        ({"x-portrait-key": SECRET.decode()}, True),
        ({"authorization": "Bearer wrong", "x-portrait-key": KEY}, True),
        ({}, False),
        ({"x-portrait-key": ""}, False),
        ({"x-portrait-key": KEY[:-1]}, False),
        ({"x-portrait-key": hash_key(KEY)}, False),
        ({"authorization": KEY}, False),
        ({"authorization": "Bearer Ốc", "x-portrait-key": "\xff"}, False),
        ({"typeform-signature": signature(BODY)}, False),
    ],
    ids=str,
)
def test_other_services_show_the_key_of_the_source_or_a_secret(headers: dict[str, str], right: bool) -> None:
    assert FORM.signed(notice(BODY, headers, platform="form")) is right
    assert KEY not in list(shown_keys("")), "no header shows no key"


def translated(body: bytes, **options: Any) -> Any:
    return [made for _, made in FORM.translate(notice(body, **options))]


def test_a_submission_is_kept_whole_beside_what_the_mapping_makes_of_it() -> None:
    (event,) = translated(BODY)
    assert event["id"] == TYPEFORM["form_response"]["token"]
    assert event["data"]["customer"]["email"] == "oc@example.com"
    assert event["data"]["webhook"] == {"body": msgspec.Raw(BODY), "received_at": RECEIVED}
    assert translated(BODY) == [event]


def test_without_an_id_of_the_service_the_id_is_a_digest_of_the_body() -> None:
    text = 'questions: fields\ndata:\n  customer: {email: "{email}"}'
    one, same, other = (
        translated(body, platform="form", text=text)[0]["id"]
        for body in (b'{"email":"a@x.vn"}', b'{"email":"a@x.vn"}', b'{"email": "a@x.vn"}')
    )
    assert one == same != other


def test_each_submission_of_a_list_is_one() -> None:
    text = 'questions: fields\nid: "{n}"\ndata:\n  customer: {email: "{e}"}'
    body = b'[{"n": 1, "e": "a@x.vn"}, 7, {"n": 2, "e": "b@x.vn"}, {"e": NaN}]'
    first, number, second, bad = translated(body, platform="form", text=text)
    assert [first["id"], second["id"]] == ["1", "2"]
    assert [number.reason, bad.reason] == ["not_an_object", "number_out_of_range"]


def test_what_was_not_sent_by_the_visitor_is_left_out() -> None:
    (made,) = translated(wire(TYPEFORM | {"event_type": "form_response_partial"}))
    assert made == LeftOut("form_response_partial")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"{", "not_json"),
        (b"[{]", "not_json"),
        (b"7", "not_an_object"),
        (b'{"event_type": "form_closed"}', "unknown_type"),
        (b'{"event_type": "form_response", "event_type": "x"}', "duplicate_key"),
        (b"\xff", "not_utf8"),
    ],
)
def test_what_cannot_be_read_is_told_why(body: bytes, reason: str) -> None:
    (made,) = translated(body)
    assert isinstance(made, Rejected)
    assert made.reason == reason


@pytest.mark.parametrize("odd", [[1], {"a": 1}, None, 1, True], ids=str)
def test_an_option_with_an_odd_id_costs_nothing(odd: Any) -> None:
    options = [{"id": odd, "text": "?"}, {"id": "o1", "text": "Trà sen"}]
    field = {"key": "k", "label": "Sở thích", "value": ["o1"], "options": options}
    (event,) = translated(json.dumps({"data": {"fields": [field]}}).encode(), platform="form", text="questions: tally")
    assert event["data"]["answers"] == {"Sở thích": ["Trà sen"]}


def test_a_mistake_of_ours_costs_the_one_submission_that_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.webhooks.form.submission", _wrong_about("b@x.vn"))
    text = 'questions: fields\ndata:\n  customer: {email: "{e}"}'
    first, second, third = translated(
        b'[{"e": "a@x.vn"}, {"e": "b@x.vn"}, {"e": "c@x.vn"}]', platform="form", text=text
    )
    assert [first["data"]["customer"], third["data"]["customer"]] == [{"email": "a@x.vn"}, {"email": "c@x.vn"}]
    assert second == Rejected(Reason.INVALID_VALUE, "$", "this cannot be read here; it is kept")


def _wrong_about(email: str) -> Any:
    def wrong(document: dict[str, Any], answers: Any) -> Any:
        if document["e"] == email:
            raise RuntimeError
        return submission(document, answers)

    return wrong


def test_a_submission_that_is_too_large_is_kept_whole() -> None:
    body = json.dumps({"e": "a@x.vn", "note": "x" * 1_500_000, "last": 1}).encode()
    sent = notice(body, platform="form", text='questions: fields\ndata:\n  customer: {email: "{e}"}')
    admission, _ = admit_items(FORM.translate(sent), source=sent.source, request="r", now_ms=1)
    (refusal,) = admission.refusals
    assert refusal.rejected.reason == "too_large"
    assert msgspec.json.decode(refusal.letter.value, type=DeadLetter).payload_bytes() == body


def test_what_is_refused_can_be_repaired() -> None:
    text = 'questions: google_forms\ntime: {column: "Họ và tên"}\ndata:\n  customer: {email: "{email}"}'
    sent = notice(wire(GOOGLE), platform="form", text=text)
    admission, _ = admit_items(FORM.translate(sent), source=sent.source, request="r", now_ms=1)
    (refusal,) = admission.refusals
    assert (refusal.rejected.reason, refusal.rejected.path) == ("missing_field", "$.time")
    letter = msgspec.json.decode(refusal.letter.value, type=DeadLetter)
    assert letter.topic == "events.web"
    kept = json.loads(letter.payload_bytes())
    assert kept["data"]["webhook"]["body"] == GOOGLE
    repaired = json.dumps(kept | {"time": "2026-11-20T03:00:00Z"}).encode()
    assert msgspec.json.decode(repaired)["id"] == GOOGLE["response_id"]
