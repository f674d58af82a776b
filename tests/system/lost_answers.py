"""A bad way to a collector: it has the first request, and who sent it is told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import httpx


class Passed(NamedTuple):
    """A request as its headers describe it, what the collector answered, and what the client was told."""

    content_type: str
    encoding: str
    answered: int
    told: int


@contextmanager
def losing_answers(collector: str) -> Iterator[tuple[str, list[Passed]]]:
    """An address that passes every request on to `collector`, but answers 503 to the first, and what has passed."""
    passed: list[Passed] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = ("Authorization", "Content-Type", "Content-Encoding")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            answer = httpx.post(collector + self.path, content=body, headers=headers, timeout=60)
            status = answer.status_code if passed else 503
            passed.append(Passed(*(headers.get(name, "") for name in names[1:]), answer.status_code, status))
            content = answer.content if status == answer.status_code else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", passed
        finally:
            server.shutdown()
            serving.join()
