"""The load generator: posts the events of a file to a collector, a batch a request, over a few connections.

    PORTRAIT_SOURCE_KEY=… python -m ops.bench.sender URL FILE --batch 200 [--rate 2500] [--connections 4]

FILE has one event a line; a request is `--begin`, the events of a batch with commas between them, and `--end`. With a rate,
requests leave by the clock, whether or not those before were answered (as long as a connection is free); without one, each
connection sends as soon as it was answered. A request that is answered with 503 is sent again. For every answer one line of
JSON is printed: what `Sent` says.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

_TRIES = 20
_PAUSE = 0.2


class Sent(NamedTuple):
    """One answered request: its number, and when (monotonic seconds) it was due, it left, and it was answered."""

    number: int
    events: int
    due: float
    left: float
    answered: float
    tries: int


class _Answer(msgspec.Struct):
    accepted: int


class Form(NamedTuple):
    """Where a batch goes, and what stands before and behind its events."""

    path: str
    begin: bytes
    end: bytes


ARRAY = Form("/v1/events", b"[", b"]")


def batches(file: str, size: int, form: Form = ARRAY) -> Iterator[tuple[int, int, bytes]]:
    """The requests: (number, how many events, body)."""
    with open(file, "rb") as lines:
        number = 0
        while batch := [line.rstrip(b"\n") for line in islice(lines, size)]:
            yield number, len(batch), form.begin + b",".join(batch) + form.end
            number += 1


class Sender:
    """`rate` is events a second, None for as fast as answers come."""

    def __init__(self, url: str, key: str, file: str, batch: int, rate: float | None, form: Form = ARRAY) -> None:
        self._place = urlsplit(url)
        self._path = form.path
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._every = None if rate is None else batch / rate
        self._batches = batches(file, batch, form)
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.failed: str | None = None

    def run(self, connections: int) -> None:
        """Sends everything; returns when all of it was answered, or one connection has given up (`failed`)."""
        threads = [threading.Thread(target=self._work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        connection = HTTPConnection(self._place.hostname or "", self._place.port, timeout=30)
        try:
            while not self.failed:
                with self._lock:
                    number, events, body = next(self._batches, (0, 0, b""))
                if not events:
                    return
                due = time.monotonic() if self._every is None else self._begun + number * self._every
                time.sleep(max(0.0, due - time.monotonic()))
                self._tell(self._send(connection, number, events, body, due))
        except (OSError, HTTPException, ValueError) as error:
            self.failed = f"{type(error).__name__}: {error}"
        finally:
            connection.close()

    def _send(self, connection: HTTPConnection, number: int, events: int, body: bytes, due: float) -> Sent:
        left = time.monotonic()
        for tries in range(1, _TRIES + 1):
            connection.request("POST", self._path, body=body, headers=self._headers)
            response = connection.getresponse()
            text = response.read()
            if response.status == 200:
                answered = time.monotonic()
                accepted = msgspec.json.decode(text, type=_Answer).accepted
                if accepted != events:
                    raise ValueError(f"{accepted} of {events} events were accepted: {text[:500]!r}")
                return Sent(number, events, due, left, answered, tries)
            if response.status != 503:
                break
            time.sleep(_PAUSE)
        raise ValueError(f"answered with {response.status}: {text[:500]!r}")

    def _tell(self, sent: Sent) -> None:
        with self._lock:
            sys.stdout.buffer.write(msgspec.json.encode(sent) + b"\n")
            sys.stdout.buffer.flush()


def main(arguments: list[str] | None = None) -> int:
    """0 when every event was accepted, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.sender", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("file")
    parser.add_argument("--batch", type=int, default=200, help="events a request")
    parser.add_argument("--rate", type=float, help="events a second (default: as fast as answers come)")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--path", default=ARRAY.path, help="where to post")
    parser.add_argument("--begin", default=ARRAY.begin.decode(), help="what a body begins with")
    parser.add_argument("--end", default=ARRAY.end.decode(), help="what it ends with")
    asked = parser.parse_args(arguments)
    form = Form(asked.path, asked.begin.encode(), asked.end.encode())
    sender = Sender(asked.url, os.environ["PORTRAIT_SOURCE_KEY"], asked.file, asked.batch, asked.rate, form)
    sender.run(asked.connections)
    if sender.failed:
        print(sender.failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
