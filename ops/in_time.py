"""Ask what may not answer: in a thread, for which nobody waits longer than was said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Answer = TypeVar("Answer")

_MOST_THREADS = 32
"""One that nobody waits for any more ends when its server answers, or when the library gives up: that takes some seconds."""

_threads = threading.BoundedSemaphore(_MOST_THREADS)


def begun(ask: Callable[[], Answer]) -> Future[Answer]:
    """What `ask` returns or raises, some time. TimeoutError at once while too many others have had no answer."""
    answer: Future[Answer] = Future()
    if not _threads.acquire(blocking=False):
        answer.set_exception(TimeoutError("too many questions have had no answer"))
        return answer

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)
        finally:
            _threads.release()

    # A daemon: a command ends without it.
    threading.Thread(target=run, name="ask", daemon=True).start()
    return answer


class Clock:
    """`seconds` that are shared out among questions asked one after the other."""

    def __init__(self, seconds: float) -> None:
        self._begun = time.monotonic()
        self._seconds = seconds

    def until(self, share: float) -> float:
        """When `share` of the time is over, as `time.monotonic` counts."""
        return self._begun + share * self._seconds

    def left(self, share: float) -> float:
        """Seconds until then, 0 when it was before."""
        return max(0.0, self.until(share) - time.monotonic())
