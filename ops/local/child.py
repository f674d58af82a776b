"""One process of the stack: how it is described, started as a child of this one, and stopped."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from ops.local.home import Home, LocalStackError
from ops.local.records import Record, end, forget, lock, read_record, wait_until, write_record

_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Process:
    """What to run. `name` is unique in a home; seconds everywhere."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)  # over the environment of whoever starts it
    needs: tuple[str, ...] = ()  # names of processes that must be ready first
    ready: Callable[[], bool] | None = None  # none: ready as soon as it runs
    before: Callable[[], None] | None = None  # called before every start; LocalStackError: cannot start now
    ready_within: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0  # from stop_signal to SIGKILL
    user: int | None = None  # uid to run as
    pass_through: bool = False  # that user may cross directories closed to it


def tail(file: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.exists() else ""


def launch_argv(process: Process) -> list[str]:
    """The command line that starts `process` as a child which does not outlive this process (on Linux)."""
    spec = {
        "parent": os.getpid(),
        "death_signal": int(process.stop_signal),
        "user": process.user,
        "pass_through": process.pass_through,
        "detach": False,
    }
    return [sys.executable, "-I", "-S", str(_LAUNCH), json.dumps(spec), *process.argv]


def launch_detached(argv: tuple[str, ...], log: Path) -> int:
    """Starts a program that outlives this process, in a session of its own, printing to `log`; returns its pid."""
    spec = {"parent": None, "death_signal": 0, "user": None, "pass_through": False, "detach": True}
    with open(log, "ab") as output:
        launched = subprocess.run(
            [sys.executable, "-I", "-S", str(_LAUNCH), json.dumps(spec), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            check=True,
        )
    return int(launched.stdout)


class Child:
    """A process of this home that runs as a child of this one. Leaving its `with` block stops it.

    Linux ends it when the thread that started it ends: start it from one that lasts.
    """

    def __init__(self, home: Home, process: Process) -> None:
        self.home = home
        self.process = process
        self._lock = lock(home, process.name)
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, restarts: int = 0) -> None:
        """Starts it (again), after whatever an earlier owner left of it was stopped. Raises LocalStackError."""
        if (left := read_record(self.home, self.process.name)) is not None:
            end(left)
        self._reap()
        if self.process.before is not None:
            self.process.before()
        with open(self.log, "ab") as output:
            self._running = subprocess.Popen(
                launch_argv(self.process),
                env={**self.home.environment(), **self.process.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.note("starting", restarts)

    @property
    def log(self) -> Path:
        return self.home.log_file(self.process.name)

    @property
    def pid(self) -> int:
        """Its pid. Raises LocalStackError before the first start."""
        if self._running is None:
            raise LocalStackError(f"{self.process.name} was not started")
        return self._running.pid

    def alive(self) -> bool:
        """Whether it runs (or is frozen)."""
        return self._running is not None and self._running.poll() is None

    def ending(self) -> str:
        """How it ended, for a log: `exit 1` or `SIGKILL`; `running` if it did not."""
        code = self._running.poll() if self._running is not None else None
        if code is None:
            return "running"
        return f"exit {code}" if code >= 0 else signal.Signals(-code).name

    def ready(self) -> bool:
        """Whether it runs and answers."""
        return self.alive() and (self.process.ready is None or self.process.ready())

    def note(self, state: str, restarts: int) -> None:
        """Records the state for `status`, with what it takes to stop the process from outside."""
        running = self._running.pid if self._running is not None and self._running.returncode is None else None
        try:
            started = psutil.Process(running).create_time() if running is not None else 0.0
        except psutil.NoSuchProcess:
            running, started = None, 0.0
        process = self.process
        stop = int(process.stop_signal)
        write_record(self.home, Record(process.name, running, started, stop, process.grace, state, restarts))

    def wait_ready(self) -> Self:
        """Waits until it is ready. Raises LocalStackError, with the end of its log, when it dies or takes too long."""
        name, seconds = self.process.name, self.process.ready_within
        if not wait_until(lambda: not self.alive() or self.ready(), seconds):
            raise LocalStackError(
                f"{name} was not ready after {seconds:.0f} s; the end of {self.log}:\n{tail(self.log)}"
            )
        if not self.alive():
            raise LocalStackError(f"{name} ended while starting; the end of {self.log}:\n{tail(self.log)}")
        self.note("ready", 0)
        return self

    def stop(self) -> None:
        """Stops it and what it started (stop signal, then SIGKILL) and forgets the record. It can start again."""
        if (record := read_record(self.home, self.process.name)) is not None:
            end(record)
        self._reap()
        forget(self.home, self.process.name)

    def kill(self) -> None:
        """SIGKILL, as a crash would: nothing is tidied up."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stops it and lets go of its name."""
        self.stop()
        self._lock.close()

    def _reap(self) -> None:
        if self._running is not None:
            self._running.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
