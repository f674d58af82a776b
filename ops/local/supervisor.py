"""The supervisor: starts processes in order of need, starts again what dies, and stops all of it in reverse.

It is one thread around one list. Nothing here knows Kafka or PostgreSQL; a process says itself when it is ready and
what it needs. If the supervisor is killed, Linux ends its processes; what is left is found by its record at the next
start or stop.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType

import psutil

from ops.local.child import Child, Process, launch_detached, tail
from ops.local.home import Home, LocalStackError
from ops.local.records import Record, end, forget, lock, records, wait_until, write_record

SUPERVISOR = "supervisor"
LOG_LIMIT = 20_000_000  # bytes; then the log becomes `name.log.1` and starts anew
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0  # seconds between a death and the next start; doubles from one to the other
STEADY = 30.0  # seconds of readiness after which a death counts as the first again
LONGEST_STOP = 90.0  # seconds; then what still runs is killed
_TICK = 0.1
_LOGS_EVERY = 5.0


def _print(line: str) -> None:
    print(line, flush=True)


class State(StrEnum):
    WAITING = "waiting"  # for what it needs, or for the end of a pause
    STARTING = "starting"  # runs, not ready yet
    READY = "ready"


@dataclass(frozen=True)
class Status:
    """One process of a home, as `status` shows it. `up`: seconds since its start, None when it does not run."""

    name: str
    pid: int | None
    state: str
    up: float | None
    restarts: int


class _Post:
    """A process that is supervised, and how it stands."""

    def __init__(self, home: Home, process: Process) -> None:
        self.process = process
        self.child = Child(home, process)
        self.state = State.WAITING
        self.restarts = 0
        self.since = 0.0  # monotonic: when it came into this state
        self.not_before = 0.0  # monotonic: the end of a pause
        self.pause = FIRST_PAUSE

    def enter(self, state: State) -> None:
        self.state = state
        self.since = time.monotonic()
        self.child.note(state, self.restarts)

    def fail(self) -> float:
        """Puts it back to wait, longer each time it fails soon; returns the pause in seconds."""
        if self.state is State.READY and time.monotonic() - self.since > STEADY:
            self.pause = FIRST_PAUSE
        pause = self.pause
        self.not_before = time.monotonic() + pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        self.restarts += 1
        self.enter(State.WAITING)
        return pause


def supervise(home: Home, processes: Sequence[Process], say: Callable[[str], None] = _print) -> None:
    """Runs `processes` until SIGTERM or SIGINT comes (to the main thread, where this must be called), then stops them.

    Raises LocalStackError when another supervisor runs in this home, or a process needs one that is not among them.
    """
    names = {process.name for process in processes}
    for process in processes:
        if unknown := set(process.needs) - names:
            raise LocalStackError(f"{process.name} needs {', '.join(sorted(unknown))}, which is not started here")
    with lock(home, SUPERVISOR), _wakened_by_signals() as wait:
        posts: list[_Post] = []
        try:
            for process in processes:
                posts.append(_Post(home, process))
            _clear(home, names)
            for post in posts:
                post.enter(State.WAITING)
            started = psutil.Process().create_time()
            write_record(home, Record(SUPERVISOR, os.getpid(), started, signal.SIGTERM, LONGEST_STOP, State.READY))
            logs_due = time.monotonic()
            while not wait(_TICK):
                ready = {post.process.name for post in posts if post.state is State.READY}
                for post in posts:
                    _look_after(post, ready, say)
                if time.monotonic() >= logs_due:
                    logs_due += _LOGS_EVERY
                    for log in home.log.glob("*.log"):
                        bound(log)
        finally:
            for post in reversed(posts):
                say(f"stopping {post.process.name}")
                post.child.close()
            forget(home, SUPERVISOR)


def detach(home: Home, argv: Sequence[str], seconds: float = 120.0) -> None:
    """Starts `argv`, a command that calls `supervise` for this home, in the background; returns when all is ready.

    What takes long, as a download does, is better done before: `prepare_servers`.
    Raises LocalStackError, after stopping what did start, when that does not come about within `seconds`.
    """
    log = home.log_file(SUPERVISOR)
    lock(home, SUPERVISOR).close()  # says so at once when one is running
    before = log.stat().st_size if log.exists() else 0
    pid = launch_detached(tuple(argv), log)
    try:
        launched = Record(SUPERVISOR, pid, psutil.Process(pid).create_time(), signal.SIGTERM, LONGEST_STOP)
    except psutil.NoSuchProcess:
        launched = Record(SUPERVISOR, None, 0.0, signal.SIGTERM, LONGEST_STOP)

    def up() -> bool:
        lines = status(home)
        return bool(lines) and lines[0].pid == pid and all(line.state == State.READY for line in lines)

    wait_until(lambda: up() or launched.process() is None, seconds, every=0.1)
    if up():
        return
    lines = status(home)
    late = [line.name for line in lines if line.state != State.READY] or [SUPERVISOR]
    told = "\n".join(f"--- {home.log_file(name)}\n{tail(home.log_file(name))}" for name in late if name != SUPERVISOR)
    end(launched)
    stop(home)
    with open(log, "rb") as said:
        said.seek(before)
        told = said.read().decode(errors="replace") + told
    raise LocalStackError(f"not ready: {', '.join(late)}. See the logs in {home.log}:\n{told}")


def status(home: Home) -> list[Status]:
    """Every process of this home that runs or should run, the supervisor first. Empty: nothing is up."""
    lines = []
    for record in records(home):
        found = record.process()
        state = record.state if found or record.state == State.WAITING else "dead"
        up = time.time() - record.started if found else None
        lines.append(Status(record.name, found.pid if found else None, state, up, record.restarts))
    return sorted(lines, key=lambda line: line.name != SUPERVISOR)


def stop(home: Home) -> list[str]:
    """Stops the supervisor of this home and all else that is recorded and runs, and nothing else; returns the names."""
    found = records(home)
    named = [record.name for record in found if record.process()]
    found.reverse()
    for record in sorted(found, key=lambda record: record.name != SUPERVISOR):
        end(record)
        forget(home, record.name)
    return named


def bound(log: Path, limit: int = LOG_LIMIT) -> None:
    """Moves what a log holds to `name.log.1` once it is past `limit` bytes, while its writer (who appends) goes on."""
    if log.stat().st_size > limit:
        kept = log.with_name(f"{log.name}.1")
        kept.write_bytes(log.read_bytes()[-limit:])
        os.truncate(log, 0)


def _clear(home: Home, held: set[str]) -> None:
    """Stops what a supervisor that was killed has left, also under names other than `held`, which this one holds."""
    for record in reversed(records(home)):
        try:
            if record.name not in held | {SUPERVISOR}:
                lock(home, record.name).close()
        except LocalStackError:
            continue  # another program runs it, and looks after it
        end(record)
        forget(home, record.name)


def _look_after(post: _Post, ready: set[str], say: Callable[[str], None]) -> None:
    """One look at one process: at most one step on its way from waiting to ready, or back."""
    name, child = post.process.name, post.child
    if post.state is State.WAITING:
        if time.monotonic() >= post.not_before and set(post.process.needs) <= ready:
            try:
                child.start(post.restarts)
                post.enter(State.STARTING)
            except (LocalStackError, OSError) as error:
                say(f"{name} cannot start: {error}; again in {post.fail():.2g} s")
    elif not child.alive():
        say(f"{name} ended ({child.ending()}), see {child.log}; again in {post.fail():.2g} s")
    elif post.state is State.STARTING:
        if child.ready():
            post.enter(State.READY)
            say(f"{name} is ready (pid {child.pid})")
        elif time.monotonic() - post.since > post.process.ready_within:
            child.stop()
            say(f"{name} was not ready after {post.process.ready_within:.0f} s; again in {post.fail():.2g} s")


@contextmanager
def _wakened_by_signals() -> Iterator[Callable[[float], bool]]:
    """A function that waits up to some seconds, less when a signal comes, and says whether it is time to stop."""
    asked_to_stop = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True

    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)

    def wait(seconds: float) -> bool:
        if not asked_to_stop and select.select([reading], [], [], seconds)[0]:
            os.read(reading, 4096)
        return asked_to_stop

    old_wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {signal.SIGTERM: ask, signal.SIGINT: ask, signal.SIGHUP: ask, signal.SIGCHLD: lambda _n, _f: None}
    old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield wait
    finally:
        signal.set_wakeup_fd(old_wakeup)
        for number, handler in old.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
