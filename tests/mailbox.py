"""A real SMTP server for tests: it keeps what it takes, and refuses what it is told to."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.receiver import free_port

USER, PASSWORD = "shop", "not a secret: of a test"


class Mail(NamedTuple):
    """A message as it was taken: from and to whom the envelope says, and what is in it."""

    sender: str
    to: tuple[str, ...]
    message: EmailMessage


class Mailbox:
    """`mails` are those taken. `recipient` and `content` say what is answered to an address, and to a message."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[Mail] = []
        self.logins: list[bytes] = []
        self.recipient: Callable[[str], str] = lambda _: "250 OK"
        self.content: Callable[[], str] = lambda: "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.recipient(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.content()
        if answer.startswith("250"):
            message = message_from_bytes(envelope.content, policy=default)
            self.mails.append(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), message))
        return answer

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, told: Any) -> AuthResult:
        known = isinstance(told, LoginPassword) and (told.login, told.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(told.login)
        return AuthResult(success=known, handled=False)  # the server itself answers 535


@contextmanager
def mailbox(*, tls: ssl.SSLContext | None = None, login: bool = False, port: int | None = None) -> Iterator[Mailbox]:
    """A server on a free port of 127.0.0.1. `tls`: by STARTTLS, and required. `login`: who logs in may send, nobody else."""
    box = Mailbox(port or free_port())
    options: dict[str, Any] = {"tls_context": tls, "require_starttls": tls is not None}
    if login:
        options |= {"authenticator": box.authenticate, "auth_required": True, "auth_require_tls": tls is not None}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")  # here on purpose
        controller = Controller(box, hostname="127.0.0.1", port=box.port, **options)
        controller.start()
        try:
            yield box
        finally:
            controller.stop()
