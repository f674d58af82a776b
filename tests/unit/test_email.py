"""E-mails through a real SMTP server: who is written to, what is written, and what each answer means."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from schemas.activation import Customer
from schemas.profile import SegmentChange
from sinks.activation.email import EmailTarget, compose
from sinks.activation.outcome import Again, Delivered, Outcome, Refused, Skipped
from sinks.activation.targets import EmailSettings
from sinks.activation.templates import Rendered
from tests.mailbox import PASSWORD, USER, Mailbox, mailbox
from tests.receiver import free_port
from tests.unit.test_webhook import AN, CHANGE, NOON

CUSTOMER = Customer(
    customer_id=AN,
    full_name="Trần Thị An",
    email="tran.an@gmail.com",
    phone=None,
    gender="female",
    language="vi",
    province="Hà Nội",
    lifecycle="current",
    points=120,
    segments=["birthday_soon", "current"],
    traits={"given_name": "An"},
    statuses={"consent:email": "given"},
)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as running:
        yield running


def settings(port: int, **changed: Any) -> EmailSettings:
    return EmailSettings(
        **{
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "sender": "Cửa hàng Hoa Mai <shop@example.com>",
            "subject": "{{ customer.full_name }}, chúc mừng sinh nhật!",
            "text": "Chào {{ customer.full_name }},\nbạn có {{ customer.points }} điểm.\n",
            "timeout": 5.0,
            **changed,
        }
    )


def deliver(
    port: int,
    customer: Customer | None = CUSTOMER,
    *,
    change: SegmentChange = CHANGE,
    password: str | None = None,
    **changed: Any,
) -> Outcome:
    target = EmailTarget(settings(port, **changed), password, lambda _: customer, now=lambda: NOON)
    try:
        return target.deliver(change)
    finally:
        target.close()


def test_a_customer_is_written_to_in_vietnamese(box: Mailbox) -> None:
    told = deliver(
        box.port,
        html="<p>Chào {{ customer.full_name }}</p>",
        reply_to="Cửa hàng <hoi@example.com>",
        unsubscribe="mailto:thoi@example.com?subject=th%C3%B4i",
    )
    assert told == Delivered("taken by 127.0.0.1")
    (mail,) = box.mails
    assert (mail.sender, mail.to) == ("shop@example.com", ("tran.an@gmail.com",))
    message = mail.message
    assert {name: str(message[name]) for name in message if name not in ("MIME-Version", "Content-Type", "X-Peer")} == {
        "From": "Cửa hàng Hoa Mai <shop@example.com>",
        "To": "tran.an@gmail.com",
        "Subject": "Trần Thị An, chúc mừng sinh nhật!",
        "Date": "Thu, 26 Nov 2026 12:00:00 +0000",
        "Message-ID": str(message["Message-ID"]),
        "Reply-To": "Cửa hàng <hoi@example.com>",
        "List-Unsubscribe": "<mailto:thoi@example.com?subject=th%C3%B4i>",
        "Auto-Submitted": "auto-generated",
    }
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["Chào Trần Thị An,", "bạn có 120 điểm."]
    assert html.get_content().strip() == "<p>Chào Trần Thị An</p>"


def test_the_message_id_is_that_of_the_change(box: Mailbox) -> None:
    deliver(box.port)
    deliver(box.port)
    other = SegmentChange(f"{AN}/moments/58", AN, "birthday_soon", "moments", "entered", NOON, "", 3)
    deliver(box.port, change=other)
    first, again, second = (str(mail.message["Message-ID"]) for mail in box.mails)
    assert first == again != second
    assert first.endswith(".portrait@example.com>")


@pytest.mark.parametrize(
    ("customer", "why"),
    [
        (None, "customer unknown"),
        (CUSTOMER._replace(email=None), "no address"),
        (CUSTOMER._replace(statuses={"consent:email": "withdrawn"}), "consent withheld"),
        (CUSTOMER._replace(statuses={}), "consent not asked"),
        (CUSTOMER._replace(segments=["current"]), "left again"),
    ],
)
def test_who_is_not_to_be_written_to_is_not(box: Mailbox, customer: Customer | None, why: str) -> None:
    assert deliver(box.port, customer) == Skipped(why)
    assert box.mails == []


def test_whom_nobody_asked_is_written_to_only_where_the_target_allows_it(box: Mailbox) -> None:
    silent = CUSTOMER._replace(statuses={})
    assert deliver(box.port, silent, require_consent=False) == Delivered("taken by 127.0.0.1")
    refused = CUSTOMER._replace(statuses={"consent:email": "withdrawn"})
    assert deliver(box.port, refused, require_consent=False) == Skipped("consent withheld")
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    "name",
    ["An\r\nBcc: all@example.com", "An\nX-Evil: 1\n\nbody", "An\x00", "An\u2028Bcc: all@example.com", "=?utf-8?q?a?="],
)
def test_a_name_can_put_nothing_into_the_headers(box: Mailbox, name: str) -> None:
    told = deliver(box.port, CUSTOMER._replace(full_name=name))
    for mail in box.mails:
        assert mail.to == ("tran.an@gmail.com",)
        assert {"bcc", "x-evil"} & {header.lower() for header in mail.message} == set()
    assert isinstance(told, Delivered | Refused)


@pytest.mark.parametrize(
    "address", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "<a@b.example>", "an"]
)
def test_what_is_no_address_is_a_dead_letter(box: Mailbox, address: str) -> None:
    assert isinstance(deliver(box.port, CUSTOMER._replace(email=address)), Refused)
    assert box.mails == []


def test_a_template_that_needs_what_is_not_known_is_a_dead_letter(box: Mailbox) -> None:
    told = deliver(box.port, text="{{ customer.traits.nickname }}")
    assert isinstance(told, Refused)
    assert "nickname" in told.why


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("550 5.1.1 no such user", Refused("550 5.1.1 no such user")),
        ("450 4.2.1 try later", Again("450 4.2.1 try later")),
    ],
)
def test_each_answer_to_a_recipient_means_something(box: Mailbox, answer: str, outcome: Outcome) -> None:
    box.recipient = lambda _: answer
    assert deliver(box.port) == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("554 5.7.1 spam", Refused("554 5.7.1 spam")), ("452 4.3.1 disk is full", Again("452 4.3.1 disk is full"))],
)
def test_each_answer_to_a_message_means_something(box: Mailbox, answer: str, outcome: Outcome) -> None:
    box.content = lambda: answer
    assert deliver(box.port) == outcome


def test_where_no_server_is_is_tried_again() -> None:
    assert isinstance(deliver(free_port()), Again)


def test_one_connection_serves_many_and_a_lost_one_is_made_anew() -> None:
    port = free_port()
    target = EmailTarget(settings(port), None, lambda _: CUSTOMER)
    with mailbox(port=port) as box:
        assert [type(target.deliver(CHANGE)) for _ in range(2)] == [Delivered] * 2
        assert len({mail.message["X-Peer"] for mail in box.mails}) == 1
    assert isinstance(target.deliver(CHANGE), Again)
    with mailbox(port=port) as box:
        assert isinstance(target.deliver(CHANGE), Delivered)
        target.close()
        assert len(box.mails) == 1


def test_who_must_log_in_logs_in() -> None:
    with mailbox(login=True) as box:
        assert isinstance(deliver(box.port, user=USER, password=PASSWORD), Delivered)
        refused = deliver(box.port, user=USER, password="wrong")
        assert isinstance(refused, Again), "a password can be mended, and the message is not to blame"
        assert refused.why.startswith("535 ")
        assert len(box.mails) == 1


@pytest.mark.skipif(which("openssl") is None, reason="no openssl to make a certificate with")
def test_the_connection_is_encrypted_with_a_server_whose_certificate_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with mailbox(tls=context, login=True) as box:
        login = {"user": USER, "password": PASSWORD}
        unknown = deliver(box.port, security="starttls", **login)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert isinstance(deliver(box.port, security="starttls", **login), Delivered)
        assert isinstance(unknown, Again)
        assert "certificate verify failed" in unknown.why
        assert isinstance(deliver(box.port, security="none"), Again), "the server wants STARTTLS"


def test_a_server_without_starttls_is_given_no_mail(box: Mailbox) -> None:
    assert isinstance(deliver(box.port, security="starttls"), Again)
    assert box.mails == []


def test_a_test_message_goes_to_whom_it_is_tried_on_and_says_so(box: Mailbox) -> None:
    target = EmailTarget(settings(box.port), None, lambda _: None)
    assert isinstance(target.deliver(CHANGE, test=True, to="toi@example.com"), Delivered)
    target.close()
    (mail,) = box.mails
    assert (mail.to, str(mail.message["Subject"])) == (
        ("toi@example.com",),
        "[test] Trần Thị An, chúc mừng sinh nhật!",
    )


def test_a_message_is_ascii_on_its_way_so_that_every_server_takes_it() -> None:
    rendered = Rendered("Chào bạn ơi", "ăâđêôơư " * 40, "<p>ệ</p>")
    told = compose(settings(25), "tran.an@gmail.com", rendered, CHANGE.change_id, datetime.now(UTC))
    raw = told.as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.splitlines()) <= 998
