"""Threads that sources share: nobody waits for all that another one has sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing

from producers.intake.turns import Turns


def test_a_source_waits_for_one_piece_of_work_of_another_and_not_for_all_of_them() -> None:
    done: list[str] = []
    gate, both_at_work = threading.Event(), threading.Barrier(3)

    def piece(name: str) -> Callable[[], None]:
        def do() -> None:
            if name in ("noisy 0", "noisy 1"):
                both_at_work.wait(10)
                gate.wait(10)
            done.append(name)

        return do

    async def share(turns: Turns) -> None:
        noisy = [asyncio.create_task(turns.run("noisy", piece(f"noisy {n}"))) for n in range(20)]
        await asyncio.to_thread(both_at_work.wait, 10)
        quiet = asyncio.create_task(turns.run("quiet", piece("quiet")))
        await asyncio.sleep(0)  # it takes its place before the threads are free
        gate.set()
        await asyncio.gather(*noisy, quiet)

    with closing(Turns(2)) as turns:
        asyncio.run(share(turns))
    assert len(done) == 21
    assert done.index("quiet") <= 3, done


def test_one_source_alone_has_all_threads() -> None:
    meeting = threading.Barrier(2)

    async def meet(turns: Turns) -> list[int]:
        return await asyncio.gather(*(turns.run("only", lambda: meeting.wait(10)) for _ in range(2)))

    with closing(Turns(2)) as turns:
        assert sorted(asyncio.run(meet(turns))) == [0, 1]


def test_what_goes_wrong_goes_to_who_waits_and_the_turn_to_the_next_one() -> None:
    async def stumble(turns: Turns) -> list[BaseException | int]:
        return await asyncio.gather(turns.run("s", lambda: 1 // 0), turns.run("s", lambda: 7), return_exceptions=True)

    with closing(Turns(1)) as turns:
        failed, result = asyncio.run(stumble(turns))
    assert isinstance(failed, ZeroDivisionError)
    assert result == 7
