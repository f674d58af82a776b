"""What each process costs: seconds of CPU, and the most memory it was seen to hold."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

import psutil

_EVERY = 0.5  # seconds between looks at the memory
_FAMILIES = frozenset({"postgres", "collector"})  # to look for the children of all would cost more than the children do


class Reading(NamedTuple):
    """CPU seconds so far, by process; and those of the whole machine, idle ones not counted, and its stolen ones.

    `stolen` is what the hypervisor gave to other machines while this one had work to do.
    """

    cpu: Mapping[str, float]
    machine: float
    stolen: float


class Meter:
    """Watches named processes from a thread of its own as long as its `with` block lasts.

    PostgreSQL and the collector count with all their children, also those that have ended.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._processes["bench"] = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="meter", daemon=True)
        self.peaks: dict[str, int] = dict.fromkeys(self._processes, 0)
        self._cpu: dict[str, float] = dict.fromkeys(self._processes, 0.0)

    def watch(self, name: str, pid: int) -> None:
        """One more process."""
        self.peaks[name] = 0
        self._processes = {**self._processes, name: psutil.Process(pid)}

    def read(self) -> Reading:
        """The costs up to now."""
        times = psutil.cpu_times()
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
        # The kernel counts the time of guests in that of their host as well.
        busy -= getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        stolen = getattr(times, "steal", 0.0)
        return Reading(self._spent(), busy - stolen, stolen)

    def memory(self) -> dict[str, int]:
        """Bytes resident now, by process. Pages that a family of processes shares count once."""
        return {name: _resident(_family(name, process)) for name, process in self._processes.items()}

    def _spent(self) -> dict[str, float]:
        """A process that has ended has spent what it had when it was last seen."""
        spent = {name: _cpu(_family(name, process)) for name, process in self._processes.items()}
        self._cpu = {name: max(seconds, self._cpu.get(name, 0.0)) for name, seconds in spent.items()}
        return self._cpu

    def _watch(self) -> None:
        while not self._done.wait(_EVERY):
            self._spent()
            for name, resident in self.memory().items():
                self.peaks[name] = max(resident, self.peaks[name])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()


def _family(name: str, process: psutil.Process) -> list[psutil.Process]:
    family = [process]
    if name in _FAMILIES:
        with suppress(psutil.NoSuchProcess):
            family += process.children()
    return family


def _cpu(family: list[psutil.Process]) -> float:
    total = 0.0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system
            if len(family) > 1:  # of those that have ended
                total += times.children_user + times.children_system
    return total


def _resident(family: list[psutil.Process]) -> int:
    """What each holds alone, and once the largest part that is shared."""
    own, shared = 0, 0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            memory = member.memory_info()
            part = getattr(memory, "shared", 0)
            own, shared = own + memory.rss - part, max(shared, part)
    return own + shared
