"""Work that would hold up the event loop, done in a second process: it has a core of its own, and Python's lock does not bind it.

    do ──▶ stdin ──▶ producers.intake.offloaded ──▶ stdout ──▶ (True, result) or (False, the Problem it raised) or None

None says that something else was raised: then it is done once more in a thread, and raised here. The answers come in the order
of the questions. While there is no such process, because it has not started yet, was killed, or does not answer, threads of this
one do the same work: a request is never lost by it.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from struct import Struct
from typing import Any, TypeVar

from producers.intake.turns import Turns

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Told = tuple[bool, Any] | None

COMMAND = (sys.executable, "-m", "producers.intake.offloaded")
LENGTH = Struct(">I")
"""Before each message: how many bytes it has."""

_PLACES = 2
"""Pieces of work under way: one that is done, and one that waits, so that the process need not."""
_START_SECONDS, _STOP_SECONDS = 30.0, 2.0
_READ_AHEAD = 1 << 22


class Offload:
    """For one event loop. `patience` is how many seconds the process may take for one piece of work; `pause`, how many after its
    end another one is started."""

    def __init__(
        self, turns: Turns, command: tuple[str, ...] = COMMAND, *, patience: float = 5.0, pause: float = 5.0
    ) -> None:
        self._turns = turns
        self._command = command
        self._patience = patience
        self._pause = pause
        self._process: Process | None = None
        self._answers: deque[asyncio.Future[Told]] = deque()
        self._places = asyncio.Semaphore(_PLACES)
        self._sources: dict[str, asyncio.Semaphore] = {}
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, once it is there."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, and from now on another one whenever it has ended."""
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """End the process."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    async def run(self, source: str, do: Callable[[], Result]) -> Result:
        """`do`, when it is the turn of `source`. It can be pickled, as can what it returns: it is a `partial` of a module's
        function, and needs nothing besides. It may be done twice."""
        if self._process is not None:
            async with self._sources.setdefault(source, asyncio.Semaphore(_PLACES)), self._places:
                told = await self._ask(pickle.dumps(do, pickle.HIGHEST_PROTOCOL))
            if told is not None:
                done, result = told
                if not done:
                    raise result
                answer: Result = result
                return answer
        return await self._turns.run(source, do)

    async def _ask(self, question: bytes) -> Told:
        process = self._process
        if process is None or process.stdin is None:
            return None
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        process.stdin.write(LENGTH.pack(len(question)) + question)
        try:
            async with asyncio.timeout(self._patience):
                return await answer
        except TimeoutError:
            if self._process is process:
                log.error("the second process did not answer within %g s, and is ended", self._patience)
                self._give_up(process)
            return None

    async def _keep(self) -> None:
        while True:
            try:
                await self._serve()
            except Exception as error:
                log.warning("the second process ended (%s); threads do its work until there is another", error)
            await asyncio.sleep(self._pause)

    async def _serve(self) -> None:
        """One process, from its start until it ends."""
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, limit=_READ_AHEAD)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await _message(process)  # it has read its modules
            self._process = process
            while True:
                told = pickle.loads(await _message(process))  # noqa: S301 - from a process that this one has started
                answer = self._answers.popleft()
                if not answer.done():
                    answer.set_result(told)
        finally:
            self._give_up(process)
            await _ended(process)

    def _give_up(self, process: Process) -> None:
        """Have all that is asked of it done by threads, and end it."""
        self._process = None
        answers, self._answers = self._answers, deque()
        for answer in answers:
            if not answer.done():
                answer.set_result(None)
        with suppress(ProcessLookupError):
            process.kill()


async def _message(process: Process) -> bytes:
    if process.stdout is None:
        raise OSError("no pipe")
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return await process.stdout.readexactly(length)


async def _ended(process: Process) -> None:
    waiting: Coroutine[Any, Any, int] = process.wait()
    with suppress(TimeoutError):
        await asyncio.wait_for(waiting, _STOP_SECONDS)
