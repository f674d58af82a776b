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
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import Any, TypeVar

import psutil

from producers.intake.turns import Turns

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Told = tuple[bool, Any] | None
"""An answer, as above; also None when the process is gone, and a thread has to do it."""

COMMAND = (sys.executable, "-m", "producers.intake.offloaded")
LENGTH = Struct(">I")
"""Before each message: how many bytes it has."""

_PLACES = 2
"""Pieces of work under way: one that is done, and one that waits, so that the process need not."""
_START_SECONDS, _STOP_SECONDS = 30.0, 2.0
_READ_AHEAD = 1 << 22
_AT_ONCE_BYTES = 256 * 1024
"""An answer this small is read on the event loop, in well under two milliseconds; a larger one in a thread."""
_MOMENT = 0.25


class Offload:
    """For one event loop. A process that neither answers nor computes for `patience` seconds is ended; `pause` is how many
    seconds after its end another one is started."""

    def __init__(
        self, turns: Turns, command: tuple[str, ...] = COMMAND, *, patience: float = 2.5, pause: float = 5.0
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
        try:
            process.stdin.write(LENGTH.pack(len(question)) + question)
        except (RuntimeError, OSError):  # it has just ended, which `_serve` does not know yet
            self._give_up(process)
        return await answer

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
        watching = None
        try:
            async with asyncio.timeout(_START_SECONDS):
                await _message(process)  # it has read its modules
            self._process = process
            watching = asyncio.create_task(self._watch(process))
            while True:
                message = await _message(process)
                many = len(message) > _AT_ONCE_BYTES
                told = await asyncio.to_thread(pickle.loads, message) if many else pickle.loads(message)  # noqa: S301 - of our own
                if not self._answers:
                    break  # it was given up
                answer = self._answers.popleft()
                if not answer.done():
                    answer.set_result(told)
        finally:
            if watching is not None:
                watching.cancel()
            self._give_up(process)
            await _ended(process)

    async def _watch(self, process: Process) -> None:
        """Give the process up when it is frozen: it owes an answer, and has not spent any time on it. One that computes may take
        as long as it needs, which is no longer than a thread would."""
        owed, spent = None, -1.0
        while self._process is process:
            await asyncio.sleep(self._patience)
            owed, owed_before = self._answers[0] if self._answers else None, owed
            spent, spent_before = _spent(process.pid), spent
            if owed is None or owed is not owed_before or spent != spent_before:
                continue
            # When the collector itself was frozen, the answer may be here, and not read yet.
            await asyncio.sleep(_MOMENT)
            if self._answers and self._answers[0] is owed and self._process is process:
                log.error("the second process stands still, and is ended")
                self._give_up(process)

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
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()


def _spent(pid: int) -> float:
    """Seconds of CPU that a process has taken; 0 when there is none."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
