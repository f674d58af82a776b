"""An e-mail to the customer, by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import blake2b

from schemas.activation import Customer
from schemas.profile import SegmentChange
from sinks.activation.consent import why_not_written
from sinks.activation.outcome import Again, Delivered, Outcome, Refused, Skipped
from sinks.activation.targets import EmailSettings
from sinks.activation.templates import BadTemplate, Rendered, Templates

LookUp = Callable[[str], Customer | None]
"""The living customer that an id leads to."""


class EmailTarget:
    """Writes to customers through one server. For one thread. Raises templates.BadTemplate."""

    def __init__(
        self,
        settings: EmailSettings,
        password: str | None,
        look_up: LookUp,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._password = password
        self._look_up = look_up
        self._now = now
        self._templates = Templates(settings.subject, settings.text, settings.html)
        self._open: smtplib.SMTP | None = None

    def deliver(self, change: SegmentChange, *, test: bool = False, to: str | None = None) -> Outcome:
        """Write to the customer of a change, if that is right. With `test` write to `to`, who plays the customer."""
        if test:
            customer = Customer(
                *(change.customer_id, "Trần Thị An", to, None, None, "vi", None, "current", 0, change.after),
                traits={"full_name": "Trần Thị An", "email": to},
                statuses={},
            )
        else:
            found = self._look_up(change.customer_id)
            if found is None:
                return Skipped("customer unknown")
            why = why_not_written(found, require_consent=self._settings.require_consent)
            if why is not None:
                return Skipped(why)
            if change.action == "entered" and change.segment not in found.segments:
                return Skipped("left again")  # nobody wants to be congratulated late
            customer = found
        try:
            rendered = self._templates.render(customer, change)
            message = compose(self._settings, str(customer.email), rendered, change.change_id, self._now(), test=test)
        except (BadTemplate, ValueError, MessageError) as error:
            return Refused(str(error))
        return self._send(message)

    def idle(self) -> None:
        """Let go of the server: it need not keep a connection for a message that may come tomorrow."""
        opened, self._open = self._open, None
        if opened is not None:
            try:
                opened.quit()
            except (smtplib.SMTPException, OSError):
                opened.close()

    def close(self) -> None:
        """Give up the connection."""
        self.idle()

    def _send(self, message: EmailMessage) -> Outcome:
        try:
            server = self._connected()
        except smtplib.SMTPResponseException as error:
            self.idle()
            return Again(f"{error.smtp_code} {_text(error.smtp_error)}")
        except (smtplib.SMTPException, OSError) as error:
            self.idle()
            return Again(str(error) or type(error).__name__)
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, said),) = error.recipients.values()
            return _verdict(code, said)
        except smtplib.SMTPDataError as error:
            return _verdict(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError as error:  # an address beyond ASCII, and a server that knows none
            return Refused(str(error))
        except smtplib.SMTPResponseException as error:  # about the sender, and so about every message
            self.idle()
            return Again(f"{error.smtp_code} {_text(error.smtp_error)}")
        except (smtplib.SMTPException, OSError) as error:
            self.idle()
            return Again(str(error) or type(error).__name__)
        return Delivered(f"taken by {self._settings.host}")

    def _connected(self) -> smtplib.SMTP:
        """The connection that is open and answers, else a new one."""
        if self._open is not None:
            try:
                if self._open.noop()[0] == 250:
                    return self._open
            except (smtplib.SMTPException, OSError):
                pass  # it was closed for idleness
            self.idle()
        settings, context = self._settings, ssl.create_default_context()
        if settings.security == "ssl":
            self._open = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
        else:
            self._open = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
        if settings.security == "starttls":
            self._open.starttls(context=context)
        if settings.user is not None:
            self._open.login(settings.user, self._password or "")
        return self._open


def compose(
    settings: EmailSettings, to: str, rendered: Rendered, change_id: str, now: datetime, *, test: bool = False
) -> EmailMessage:
    """The message as it goes out. Raises ValueError or email.errors.MessageError when `to` is no address.

    Its Message-ID is made of the change, so that it is the same when the message comes again.
    """
    name, sender = parseaddr(settings.sender)
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=name, addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = f"[test] {rendered.subject}" if test else rendered.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{blake2b(change_id.encode(), digest_size=16).hexdigest()}.portrait@{domain}>"
    if settings.reply_to is not None:
        message["Reply-To"] = settings.reply_to
    if settings.unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{settings.unsubscribe}>"
    message["Auto-Submitted"] = "auto-generated"  # so that no absence notice answers it
    message.set_content(rendered.text, cte="quoted-printable")  # not every server takes 8 bits
    if rendered.html is not None:
        message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    return message


def _verdict(code: int, said: bytes | str) -> Outcome:
    told = f"{code} {_text(said)}"
    return Refused(told) if 500 <= code < 600 else Again(told)


def _text(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:200]
