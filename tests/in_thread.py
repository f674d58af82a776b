"""A part of Portrait in a thread of the test, as its `main` runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def in_thread(run: Callable[[threading.Event], None], after: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Run `run` until the block ends, which sets its event; then `after`. Fails when `run` raised, or does not end."""
    stopping = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            run(stopping)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)
        after()
    assert not thread.is_alive()
    assert failed == []
