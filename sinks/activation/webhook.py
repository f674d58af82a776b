"""A webhook: one signed request a change, as Standard Webhooks describes it (standardwebhooks.com)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook

from schemas.activation import message_of
from schemas.profile import SegmentChange
from sinks.activation.outcome import Again, Delivered, Gone, Outcome, Refused
from sinks.activation.targets import BadTarget, WebhookSettings

_ANSWER = 2_000
"""Bytes of an answer that are read; what comes after is left unread, and the connection given up."""

_SHOWN = 200
_LATER = frozenset({408, 425, 429})
_SECRET_BYTES = range(24, 65)


def secrets_of(text: str) -> Sequence[str]:
    """The signing secrets in `text`: one, or while it is being changed several, separated by blanks. Raises BadTarget."""
    secrets = text.split()
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith("whsec_") or len(key) not in _SECRET_BYTES:
            raise BadTarget(
                'the signing secret is not "whsec_" and 24 to 64 bytes in base64; make one: '
                "python -c \"import base64, os; print('whsec_' + base64.b64encode(os.urandom(32)).decode())\""
            )
    return secrets


def signed_headers(secrets: Sequence[str], change_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that say which message this is and that it is ours. `at` is the time of this try, in UTC."""
    return {
        "webhook-id": change_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(change_id, at, body.decode()) for secret in secrets),
    }


class WebhookTarget:
    """Posts to one address, over one connection that is kept. For one thread. Raises BadTarget for a bad secret."""

    def __init__(
        self, settings: WebhookSettings, secret: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._secrets = secrets_of(secret)
        self._now = now
        self._runner = asyncio.Runner()
        self._http: httpx.AsyncClient | None = None

    def deliver(self, change: SegmentChange, *, test: bool = False) -> Outcome:
        """Post one change; returns within the seconds of the settings, whatever the other side does."""
        return self._runner.run(self._post(change.change_id, message_of(change, test=test)))

    def idle(self) -> None:
        """Nothing to do: the connection closes by itself."""

    def close(self) -> None:
        """Give up the connection."""
        http, self._http = self._http, None
        if http is not None:
            self._runner.run(http.aclose())
        self._runner.close()

    async def _post(self, change_id: str, body: bytes) -> Outcome:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=self._settings.timeout, follow_redirects=False)
        headers = {
            **signed_headers(self._secrets, change_id, self._now(), body),
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "portrait-activation",
        }
        try:
            # httpx bounds each step; who sends one byte at a time would be listened to for ever.
            async with (
                asyncio.timeout(self._settings.timeout),
                self._http.stream("POST", self._settings.url, content=body, headers=headers) as answer,
            ):
                said = await _beginning(answer)
        except TimeoutError:
            return Again(f"no answer within {self._settings.timeout:g} s")
        except httpx.TimeoutException as error:
            return Again(f"no answer within {self._settings.timeout:g} s ({type(error).__name__})")
        except httpx.ConnectError as error:
            return Again(f"no connection to {httpx.URL(self._settings.url).netloc.decode()}: {error}")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            return Again(f"the address cannot be called: {error}")
        except httpx.HTTPError as error:
            return Again(str(error) or type(error).__name__)
        return judge(answer, said, self._now())


def judge(answer: httpx.Response, said: str, now: datetime) -> Outcome:
    """What an answer means: `said` is the beginning of its body."""
    told = " ".join([f"{answer.status_code} {answer.reason_phrase}".strip(), *said.split()])[:_SHOWN]
    status = answer.status_code
    if 200 <= status < 300:
        return Delivered(told)
    if status == 410:
        return Gone(told)
    if 300 <= status < 400:
        where = answer.headers.get("location", "")[:_SHOWN]
        return Again(
            f"{status}: it redirects{f' to {where}' if where else ''}, which is not followed; mend the address"
        )
    if status >= 500 or status in _LATER:
        return Again(told, retry_after(answer.headers.get("retry-after"), now))
    return Refused(told)


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds that the other side wants to be left alone: from a number or an HTTP date; 0 when it does not say."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


async def _beginning(answer: httpx.Response) -> str:
    read = b""
    async for part in answer.aiter_raw(_ANSWER):
        read += part
        if len(read) >= _ANSWER:
            break
    return read[:_ANSWER].decode(errors="replace")
