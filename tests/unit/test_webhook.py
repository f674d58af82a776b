"""Webhooks over real HTTP: what is sent, and what each answer means."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from schemas.activation import SegmentMessage
from schemas.profile import SegmentChange
from sinks.activation.outcome import Again, Delivered, Gone, Outcome, Refused
from sinks.activation.targets import BadTarget, WebhookSettings
from sinks.activation.webhook import WebhookTarget, retry_after, secrets_of, signed_headers
from tests.receiver import OK, SECRET, Answer, Receiver, free_port, receiving

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
AN = "019ab0c4-7f2e-7c31-9d5e-3a1b6c0e4d21"
CHANGE = SegmentChange(
    change_id=f"{AN}/moments/57",
    customer_id=AN,
    segment="birthday_soon",
    family="moments",
    action="entered",
    at=NOON,
    reason="sinh nhật trong 7 ngày",
    rule_version=3,
    after=("birthday_soon",),
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def deliver(url: str, *, timeout: float = 5.0, secret: str = SECRET, test: bool = False) -> Outcome:
    target = WebhookTarget(WebhookSettings(url=url, secret="env:X", timeout=timeout), secret)
    try:
        return target.deliver(CHANGE, test=test)
    finally:
        target.close()


def test_the_signature_is_that_of_the_vector_that_standard_webhooks_publishes() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    assert signed_headers([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_what_is_sent_is_the_change_in_the_documented_shape(receiver: Receiver) -> None:
    assert deliver(receiver.url) == Delivered("204 No Content")
    ((key, document, headers),) = receiver.requests
    assert key == CHANGE.change_id
    assert msgspec.convert(document, SegmentMessage) == SegmentMessage("segment.entered", NOON, CHANGE)
    assert set(document) == {"type", "timestamp", "data"}
    assert document["data"]["reason"] == "sinh nhật trong 7 ngày"
    assert headers["content-type"] == "application/json"


def test_a_change_that_is_made_up_says_so(receiver: Receiver) -> None:
    deliver(receiver.url, test=True)
    assert receiver.requests[0].document["test"] is True


def test_a_message_that_somebody_changed_is_recognised() -> None:
    now = datetime.now(UTC)
    headers = signed_headers([SECRET], "a/b/1", now, b'{"amount": 1}')
    assert Webhook(SECRET).verify(b'{"amount": 1}', headers) == {"amount": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"amount": 2}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"amount": 1}', headers | {"webhook-id": "a/b/2"})


def test_while_the_secret_is_changed_both_are_good() -> None:
    new = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    headers = signed_headers(secrets_of(f"{new}\n{SECRET}\n"), "a/b/1", datetime.now(UTC), b"{}")
    assert [Webhook(secret).verify(b"{}", headers) for secret in (new, SECRET)] == [{}, {}]


@pytest.mark.parametrize("text", ["geheim", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_")])
def test_a_secret_of_another_form_is_refused_with_a_way_to_make_one(text: str) -> None:
    with pytest.raises(BadTarget, match=r"os\.urandom"):
        secrets_of(text)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (OK, Delivered("204 No Content")),
        (Answer(200, body=b'{"ok":\n true}'), Delivered('200 OK {"ok": true}')),
        (Answer(500), Again("500 Internal Server Error")),
        (Answer(502, {"Retry-After": "7"}), Again("502 Bad Gateway", 7.0)),
        (Answer(503, {"Retry-After": "120"}), Again("503 Service Unavailable", 120.0)),
        (Answer(429, {"Retry-After": "1"}), Again("429 Too Many Requests", 1.0)),
        (Answer(408), Again("408 Request Timeout")),
        (Answer(400, body=b"no such field"), Refused("400 Bad Request no such field")),
        (Answer(401), Refused("401 Unauthorized")),
        (Answer(404), Refused("404 Not Found")),
        (Answer(403), Refused("403 Forbidden")),
        (Answer(410), Gone("410 Gone")),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_each_answer_means_something(receiver: Receiver, answer: Answer, outcome: Outcome) -> None:
    receiver.rule = lambda _: answer
    assert deliver(receiver.url) == outcome


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving() as other:
        receiver.rule = lambda _: Answer(307, {"Location": other.url})
        told = deliver(receiver.url)
        assert isinstance(told, Again)
        assert other.url in told.why
        assert other.requests == []


def test_an_answer_of_any_length_costs_little(receiver: Receiver) -> None:
    receiver.rule = lambda _: Answer(400, body=b"x" * 50_000_000)
    assert deliver(receiver.url) == Refused("400 Bad Request " + "x" * 184)


@pytest.mark.parametrize("answer", [Answer(drip=True), Answer(close=True)], ids=["drips", "closes"])
def test_who_answers_byte_by_byte_or_not_at_all_is_given_up(receiver: Receiver, answer: Answer) -> None:
    receiver.rule = lambda _: answer
    begun = time.monotonic()
    assert isinstance(deliver(receiver.url, timeout=0.3), Again)
    assert time.monotonic() - begun < 5, "it listened on"


def test_where_nobody_listens_is_tried_again() -> None:
    port = free_port()
    told = deliver(f"http://127.0.0.1:{port}/hooks?key=secret")
    assert isinstance(told, Again)
    assert told.why.startswith(f"no connection to 127.0.0.1:{port}: ")
    assert "secret" not in told.why


def test_the_next_change_gets_through_after_the_connection_was_closed(receiver: Receiver) -> None:
    target = WebhookTarget(WebhookSettings(url=receiver.url, secret="env:X"), SECRET)
    answers = [Answer(close=True), OK, OK]
    receiver.rule = lambda _: answers.pop(0)
    told: list[Outcome] = []
    working = threading.Thread(target=lambda: told.extend(target.deliver(CHANGE) for _ in range(3)))
    working.start()  # a thread as in the service: no other one has an event loop
    working.join(20)
    target.close()
    assert [type(each) for each in told] == [Again, Delivered, Delivered]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("30", 30.0),
        ("soon", 0.0),
        ("-5", 0.0),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 0.0),
    ],
)
def test_the_other_side_says_when_to_come_back(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOON) == seconds
