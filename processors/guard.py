"""What ends the worker: unknown errors, and, in tests, chosen points of the path."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_UNKNOWN_ERROR = 70
EXIT_GAP = 71
EXIT_STALLED = 72

_armed, _, _passes = os.environ.get("PORTRAIT_CRASH_AT", "").partition(":")
_left = int(_passes or 1)


def crash_point(name: str) -> None:
    """Kill this process as `kill -9` would, when PORTRAIT_CRASH_AT is `name:N` and this is the Nth pass. For crash tests."""
    global _left
    if name != _armed:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)


def fail_stop(message: str, code: int = EXIT_UNKNOWN_ERROR) -> NoReturn:
    """Log the current exception and end the process at once, so that nothing in flight is acknowledged.

    An exception that leaves a Faust agent would acknowledge its batch; ending hard does not.
    """
    logger.critical("%s; the worker ends, its supervisor starts it again", message, exc_info=sys.exc_info()[0] is not None)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
