"""A way to PostgreSQL on which connections break at the worst instant: when COMMIT is on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from ops.local.home import LOOPBACK

_COMMIT = b"COMMIT\0"


class _Link:
    """One connection, passed on both ways."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self._mute = threading.Event()
        self._answered = threading.Event()

    def answer(self) -> None:
        """Pass on what PostgreSQL says, until it may not be told any more."""
        with suppress(OSError):
            while data := self.server.recv(1 << 16):
                if self._mute.is_set():
                    self._answered.set()
                    break
                self.client.sendall(data)
        self._answered.set()
        self.end()

    def commit_untold(self, data: bytes) -> None:
        """Let PostgreSQL commit, and tell nobody."""
        self._mute.set()
        self.server.sendall(data)
        self._answered.wait(10)

    def end(self) -> None:
        for each in (self.client, self.server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Proxy:
    """Every `cut_every`th COMMIT is its connection's last. Of these (`cut`) every other one arrives, and PostgreSQL commits and
    cannot say so; the rest never arrive. The client cannot tell one from the other.
    """

    def __init__(self, host: str, port: int, cut_every: int) -> None:
        self._to = (host, port)
        self._cut_every = cut_every
        self._counting = threading.Lock()
        self._commits = 0
        self._links: list[_Link] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                link = _Link(self._listener.accept()[0], socket.create_connection(self._to))
                self._links.append(link)
                threading.Thread(target=link.answer, daemon=True).start()
                threading.Thread(target=self._ask, args=[link], daemon=True).start()

    def _ask(self, link: _Link) -> None:
        with suppress(OSError):
            while data := link.client.recv(1 << 16):
                last = self._last() if data.endswith(_COMMIT) else ""
                if last == "arrived":
                    link.commit_untold(data)
                if last:
                    break
                link.server.sendall(data)
        link.end()

    def _last(self) -> str:
        with self._counting:
            self._commits += 1
            if self._commits % self._cut_every:
                return ""
            self.cut.append("arrived" if len(self.cut) % 2 else "lost")
            return self.cut[-1]

    def close(self) -> None:
        """End it, and every connection."""
        self._listener.close()
        for link in self._links:
            link.end()


@contextmanager
def cut_at_commit(url: str, every: int) -> Iterator[tuple[Proxy, str]]:
    """The proxy, and `url` by way of it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or LOOPBACK, parts.port or 5432, every)
    try:
        netloc = f"{parts.netloc.rpartition('@')[0]}@{LOOPBACK}:{proxy.port}"
        yield proxy, urlunsplit(parts._replace(netloc=netloc))
    finally:
        proxy.close()
