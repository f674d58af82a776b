"""What a home knows of its processes: enough to stop each later, from another program, and never to hit another one."""

import fcntl
import json
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from ops.local.home import Home, LocalStackError, write_private


@dataclass(frozen=True)
class Record:
    """One process as recorded. `started` is its own start time as psutil tells it, seconds since the epoch."""

    name: str
    pid: int | None
    started: float
    stop_signal: int
    grace: float
    state: str = "starting"
    restarts: int = 0

    def process(self) -> psutil.Process | None:
        """The very process that was recorded, or None: the same pid, started at the same time, and not a zombie."""
        if self.pid is None:
            return None
        try:
            found = psutil.Process(self.pid)
            # The clock that dates a process is read anew at every start and may differ by a tick.
            same = abs(found.create_time() - self.started) < 2 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if same else None


def write_record(home: Home, record: Record) -> None:
    write_private(_record_file(home, record.name), json.dumps(asdict(record)) + "\n")


def read_record(home: Home, name: str) -> Record | None:
    try:
        return Record(**json.loads(_record_file(home, name).read_text()))
    except FileNotFoundError:
        return None


def forget(home: Home, name: str) -> None:
    _record_file(home, name).unlink(missing_ok=True)


def records(home: Home) -> list[Record]:
    """Every recorded process, oldest first; those that wait for their first start come last."""
    names = (file.stem for file in home.run.glob("*.json") if not file.name.startswith("."))
    found = [record for name in names if (record := read_record(home, name))]
    # What is started in one tick of the clock is in the order of the pids.
    return sorted(found, key=lambda record: (record.pid is None, record.started, record.pid or 0, record.name))


def pids(home: Home) -> dict[str, int]:
    """The pid of each recorded process that runs, by name: for whoever wants to kill or freeze one."""
    return {record.name: found.pid for record in records(home) if (found := record.process())}


def end(record: Record) -> None:
    """Stops the process and what it started: its stop signal, after its grace SIGKILL. Nothing, if it is gone."""
    root = record.process()
    if root is None:
        return
    family = [root, *_descendants(root)]
    _signal(root, record.stop_signal)
    _signal(root, signal.SIGCONT)  # a frozen process would not hear the first
    for process in wait_gone([root], record.grace):
        _signal(process, signal.SIGKILL)
    for process in wait_gone(family, 2):
        _signal(process, signal.SIGKILL)
    wait_gone(family, 5)


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits until these processes have ended, and returns those that still run after `seconds`.

    One that has ended counts as gone before its parent has asked how: not every parent, nor every process 1, asks soon.
    """
    left = list(processes)

    def none_left() -> bool:
        left[:] = [process for process in left if not _gone(process)]
        return not left

    wait_until(none_left, seconds, every=0.02)
    return left


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether `condition` came true within `seconds`, asked every `every` seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def lock(home: Home, name: str) -> IO[str]:
    """Holds the name `name` of this home until the returned file is closed or this process dies.

    Raises LocalStackError when another process holds it.
    """
    handle = open(home.run / f"{name}.lock", "a")  # noqa: SIM115
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise LocalStackError(
            f"{name} of {home.path} is running already; stop it first, or choose another home with --home"
        ) from None
    return handle


def _record_file(home: Home, name: str) -> Path:
    return home.run / f"{name}.json"


def _gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)  # psutil checks that the pid was not taken over meanwhile
    except psutil.NoSuchProcess:
        return
