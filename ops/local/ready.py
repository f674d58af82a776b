"""Whether a process on this machine is there yet."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException

from ops.local.home import LOOPBACK

_SECONDS = 3.0


def answers(port: int, path: str) -> bool:
    """Whether a GET of `path` is answered 200, each step of it within three seconds."""
    connection = HTTPConnection(LOOPBACK, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Whether connections to the port are accepted."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
