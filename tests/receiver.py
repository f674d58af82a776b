"""A system that is told of changes by webhook, over real HTTP: it verifies, takes each id once, and fails as it is told to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Request(NamedTuple):
    """One request: the id, and the document."""

    id: str
    document: dict[str, Any]
    headers: dict[str, str]


class Answer(NamedTuple):
    """What it answers. `drip`: byte by byte, for ever; `close`: nothing, and the connection is closed."""

    status: int = 204
    headers: Mapping[str, str] = {}
    body: bytes = b""
    drip: bool = False
    close: bool = False


OK = Answer()


class Receiver:
    """`requests` are all that came, `effects` the documents by id: each once, and only those answered with 2xx.

    `rule` says what is answered to a request; `failures` are requests that were not ours.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.effects: dict[str, dict[str, Any]] = {}
        self.failures: list[str] = []
        self.rule: Callable[[Request], Answer] = lambda _: OK
        self.closing = threading.Event()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) == length:
                    receiver._take(self, body)
                else:
                    self.close_connection = True  # the sender was killed

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def ids(self) -> list[str]:
        """The ids of the effects, in the order in which they came."""
        return list(self.effects)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        try:
            document = Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError as error:
            self.failures.append(str(error))
            document = json.loads(body)
        request = Request(headers.get("webhook-id", ""), document, headers)
        with self._lock:
            self.requests.append(request)
            answer = self.rule(request)
            if 200 <= answer.status < 300 and not answer.drip and not answer.close:
                self.effects.setdefault(request.id, document)
        self._answer(handler, answer)

    def _answer(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.close_connection = answer.close or answer.drip
        if answer.close:
            return
        try:
            if answer.drip:
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not self.closing.wait(0.05):
                    handler.wfile.write(b"x")
                return
            handler.send_response(answer.status)
            for name, value in ({"Content-Length": str(len(answer.body))} | dict(answer.headers)).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(answer.body)
        except OSError:
            handler.close_connection = True  # the other side has given up


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, as long as the block lasts."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
    assert receiver.failures == []


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
