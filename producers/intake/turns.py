"""Threads for work that would hold up the event loop, shared by the sources that need them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Turns:
    """For one event loop. A source has no more pieces of work before a thread than there are threads; its others wait for these.
    So whoever comes waits for one piece of each other source, however many of them one source has sent.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="admit")
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def run(self, source: str, do: Callable[[], Result]) -> Result:
        """`do`, in a thread, when it is the turn of `source`."""
        async with self._turns.setdefault(source, asyncio.Semaphore(self._threads)):
            return await asyncio.get_running_loop().run_in_executor(self._pool, do)

    def close(self) -> None:
        """Waits for what is under way."""
        self._pool.shutdown()
