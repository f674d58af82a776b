"""The second process of a collector: real ones, which are killed, frozen, and given what they cannot do."""

from __future__ import annotations

import asyncio
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from producers.admit_body import admit_body
from producers.intake.offload import COMMAND, Offload
from producers.intake.turns import Turns
from producers.keys import Source
from producers.request.problems import Problem, too_many_requests
from schemas.rejected import Reason

HERE = os.getpid
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
"""Pipes behave differently when the other end is gone. A collector runs on uvloop, where there is one."""
SOURCE = Source("shop", "0" * 64)


@asynccontextmanager
async def offloading(command: tuple[str, ...] = COMMAND, **settings: Any) -> AsyncIterator[Offload]:
    with closing(Turns(2)) as turns:
        offload = Offload(turns, command, **settings)
        offload.start()
        try:
            yield offload
        finally:
            await offload.close()


async def its_pid(offload: Offload, other_than: int | None = None) -> int:
    deadline = time.monotonic() + 30
    while offload.pid in (None, other_than):
        assert time.monotonic() < deadline, "there is no process"
        await asyncio.sleep(0.02)
    assert offload.pid is not None
    return offload.pid


def hold_up_until_dead(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.001)


hold_up = time.sleep
"""On purpose: nothing else happens on the event loop meanwhile."""

Offloaded = Callable[..., None]


@pytest.fixture(params=LOOPS)
def offloaded(request: pytest.FixtureRequest) -> Offloaded:
    """Runs a check, `(offload) -> None`, on each kind of event loop."""

    def run(check: Callable[[Offload], Awaitable[None]], **settings: Any) -> None:
        async def checked() -> None:
            async with offloading(**settings) as offload:
                await its_pid(offload)
                await check(offload)

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(checked())

    return run


def test_work_is_done_in_another_process_and_answers_do_not_get_mixed_up(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        assert await offload.run("shop", HERE) == offload.pid != os.getpid()
        asked = [offload.run(f"shop-{n % 7}", partial(operator.mul, n, 2)) for n in range(200)]
        assert await asyncio.gather(*asked) == [2 * n for n in range(200)]

    offloaded(check)


def test_as_many_bytes_as_a_request_may_have_come_and_go(offloaded: Offloaded) -> None:
    body = os.urandom(5 * 1024 * 1024)

    async def check(offload: Offload) -> None:
        asked = [offload.run("shop", partial(operator.add, body, bytes([n]))) for n in range(6)]
        assert await asyncio.gather(*asked) == [body + bytes([n]) for n in range(6)]

    offloaded(check)


def test_a_problem_is_the_same_here(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        with pytest.raises(Problem) as raised:
            await offload.run("shop", partial(admit_body, b" ", SOURCE, "r"))
        assert (raised.value.status, raised.value.code) == (400, Reason.EMPTY)
        assert await offload.run("shop", HERE) == offload.pid  # it lives

    offloaded(check)
    problem = too_many_requests(7)
    kind, arguments = problem.__reduce__()
    assert vars(kind(*arguments)) == vars(problem)


def test_what_goes_wrong_there_goes_wrong_here_with_its_own_error(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        with pytest.raises(ZeroDivisionError):
            await offload.run("shop", partial(operator.truediv, 1, 0))
        assert await offload.run("shop", HERE) == offload.pid

    offloaded(check)


def test_what_it_prints_is_no_answer(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        await offload.run("shop", partial(print, "\0\0\0\1x" * 10_000))
        assert await offload.run("shop", HERE) == offload.pid

    offloaded(check)


def test_when_it_is_killed_a_thread_does_its_work_and_another_one_follows(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        pid = await its_pid(offload)
        at_work = [asyncio.create_task(offload.run("shop", partial(time.sleep, 0.3))) for _ in range(4)]
        asked = asyncio.create_task(offload.run("other", HERE))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.gather(*at_work) == [None] * 4
        assert await asked == os.getpid()
        assert await its_pid(offload, other_than=pid) == await offload.run("shop", HERE)

    offloaded(check, pause=0.5)


def test_when_it_is_frozen_a_thread_does_its_work_after_a_while(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        pid = await its_pid(offload)
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        asked = [asyncio.create_task(offload.run(f"shop-{n % 3}", HERE)) for n in range(9)]
        assert await asyncio.gather(*asked) == [os.getpid()] * 9
        assert time.monotonic() - begun < 10
        assert await its_pid(offload, other_than=pid) == await offload.run("shop", HERE)
        assert not psutil.pid_exists(pid)

    offloaded(check, patience=0.5, pause=0.1)


def test_who_asks_in_the_moment_in_which_it_dies_gets_an_answer(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        for turns in range(5):
            pid = await its_pid(offload)
            assert await offload.run("shop", HERE) == pid
            os.kill(pid, signal.SIGKILL)
            hold_up_until_dead(pid)  # the event loop is not to know yet
            asked = []
            for n in range(4):
                asked.append(asyncio.create_task(offload.run(f"shop-{n}", partial(operator.mul, n, 2))))
                for _ in range(turns):
                    await asyncio.sleep(0)
            assert await asyncio.gather(*asked) == [0, 2, 4, 6]
            await its_pid(offload, other_than=pid)

    offloaded(check, pause=0.05)


def test_one_that_computes_may_take_its_time(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        asked = [offload.run(f"shop-{n}", partial(pow, 7, 2_500_000)) for n in range(3)]
        first, *others = await asyncio.gather(*asked)
        assert first == 7**2_500_000
        assert others == [first, first]
        assert await offload.run("shop", HERE) == offload.pid

    offloaded(check, patience=0.1)


def test_it_is_not_blamed_for_a_collector_that_was_frozen_itself(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        asked = asyncio.create_task(offload.run("shop", HERE))
        await asyncio.sleep(0)
        hold_up(1.0)
        assert await asked == offload.pid
        assert await offload.run("shop", HERE) == offload.pid

    offloaded(check, patience=0.3)


def test_to_be_closed_while_it_dies_does_not_take_for_ever(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        os.kill(await its_pid(offload), signal.SIGKILL)
        for _ in range(20):
            await asyncio.sleep(0.001)
        async with asyncio.timeout(5):
            await offload.close()

    offloaded(check, pause=0.0)


def test_who_gives_up_waiting_does_not_get_the_answer_of_another(offloaded: Offloaded) -> None:
    async def check(offload: Offload) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await offload.run("shop", partial(time.sleep, 0.5))
        assert await offload.run("shop", partial(operator.mul, 3, 4)) == 12

    offloaded(check)


@pytest.mark.parametrize("command", [("/nowhere/python",), (sys.executable, "-c", "raise SystemExit(3)")])
def test_where_none_can_be_had_threads_do_it_all(command: tuple[str, ...]) -> None:
    async def run() -> None:
        async with offloading(command, pause=0.05) as offload:
            await asyncio.sleep(0.5)
            assert offload.pid is None
            assert await offload.run("shop", HERE) == os.getpid()

    asyncio.run(run())


def test_a_source_waits_for_two_pieces_of_work_of_another_and_not_for_all_of_them(offloaded: Offloaded) -> None:
    done: list[str] = []

    async def check(offload: Offload) -> None:
        async def piece(source: str) -> None:
            await offload.run(source, partial(time.sleep, 0.05))
            done.append(source)

        noisy = [asyncio.create_task(piece("noisy")) for _ in range(20)]
        await asyncio.sleep(0.01)
        await asyncio.gather(piece("quiet"), *noisy)

    offloaded(check)
    assert done.index("quiet") <= 3, done


def test_it_ends_with_the_process_that_started_it_however_that_ends(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio\n"
        "from producers.intake.offload import Offload\n"
        "from producers.intake.turns import Turns\n"
        "async def main():\n"
        "    offload = Offload(Turns()); offload.start()\n"
        "    while offload.pid is None: await asyncio.sleep(0.02)\n"
        "    print(offload.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, str(script)], env=environ, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    for number in (signal.SIGINT, signal.SIGTERM):
        child.send_signal(number)  # as a terminal sends it to the whole group: it is for the parent to say
    time.sleep(0.2)
    assert child.is_running()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(10)
