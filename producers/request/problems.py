"""Errors over HTTP: `application/problem+json` (RFC 9457), with our own `code` and `message` beside what it defines."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


class Problem(Exception):
    """The request as a whole was not taken. `code` is for programs, `message` for people; neither repeats the body."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def __reduce__(self) -> tuple[type[Problem], tuple[int, str, str, dict[str, str]]]:
        return type(self), (self.status, self.code, self.message, self.headers)

    def response(self) -> Response:
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.message,
            "code": self.code,
            "message": self.message,
        }
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)


def unavailable(message: str) -> Problem:
    """503: nothing is wrong with the request; the same again, with the same event ids, in a moment."""
    return Problem(503, "unavailable", message, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def too_many_requests(seconds: int) -> Problem:
    """429: the same again, with the same event ids, in so many seconds."""
    headers = {"Retry-After": str(seconds), "X-RateLimit-Reset": str(seconds)}
    return Problem(429, "too_many_requests", f"too many events; send it again in {seconds} s", headers)


def unauthorized(message: str) -> Problem:
    return Problem(
        401, "unauthorized", message, {"WWW-Authenticate": 'Bearer realm="portrait", Basic realm="portrait"'}
    )
