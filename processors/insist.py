"""What a worker does about bad luck with the store: it tries again, and ends when that cannot help."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from processors import counters
from processors.apply import Stale
from processors.guard import EXIT_GAP, fail_stop
from sinks.store import Fatal, Gap, Refused, Retryable

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class Insistence:
    """Calls what may raise Retryable until it does not, or somebody says `stop`; then it is raised."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def stop(self) -> None:
        """From now on nothing is tried again."""
        self._stopping.set()

    def __call__(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run `call`, again after Retryable; what nobody can mend by trying again ends the process."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return guarded(call, *arguments)
            except Retryable as error:
                if self._stopping.is_set():
                    raise
                logger.warning("the store could not do it now, trying again in %.1f s: %s", pause, error)
                counters.RETRIES.inc()
            except Refused as error:
                fail_stop(f"the store refuses: {error}")
            self._stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def guarded(call: Callable[..., Answer], *arguments: Any) -> Answer:
    """Run `call`, and end the process when it raises what nobody can mend by trying again."""
    try:
        return call(*arguments)
    except (Stale, Retryable, Refused):
        raise
    except Gap as error:
        fail_stop(str(error), EXIT_GAP)
    except Fatal as error:
        fail_stop(f"the store refuses: {error}")
    except Exception:
        fail_stop("unknown error")
