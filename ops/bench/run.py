"""`portrait bench`: what is measured, in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import msgspec
from rich.progress import TaskID

from ops.bench.backlog import measure_backlog, measure_flatness
from ops.bench.door import measure_doors
from ops.bench.machine import command, look_at_machine, now, revision
from ops.bench.new_rules import measure_new_rules
from ops.bench.population import populate, turn_a_day
from ops.bench.report import markdown, show
from ops.bench.results import Backlog, Door, Flat, Latency, Results, Stage, Sustained, Swept
from ops.bench.stack import BenchStack, bench_stack
from ops.bench.stages import measure_stages
from ops.bench.through_http import measure_latency, measure_sustained, start_parts, warm_up
from ops.bench.workload import Workload, some_of
from ops.local.home import LocalStackError
from ops.terminal import console, counting

MEASUREMENTS = {
    "a": "a backlog in events.valid into crm",
    "b": "HTTP into crm, as fast as it goes",
    "c": "from the answer over HTTP to visible in crm, at half the rate of b",
    "d": "each stage alone",
    "e": "as a, with many customers in the store already",
    "f": "memory, with ten times the events",
    "g": "as a, all events of one identifier, and with three of ten that link two",
    "h": "as a, but in order; and with a tablet, a made-up number, cards and telephones that several people share",
    "i": "as e, while everybody is due once a day, evenly",
    "j": "the collector alone: requests of one event, and of a hundred",
    "k": "a segment is added to the store of e: everybody evaluated by it",
}


_SHARED_OF_A_HUNDRED = 1


class Sizes(msgspec.Struct, frozen=True):
    """How much of everything. `stages`: events in (d); `flat`: events in the larger run of (f); `seconds`: of (c)."""

    events: int = 100_000
    customers: int = 20_000
    workers: int = 1
    batch: int = 200
    seconds: float = 20.0
    population: int = 1_000_000
    stages: int = 20_000
    flat: int = 300_000
    rate: float | None = None

    @classmethod
    def quick(cls, workers: int = 2) -> Sizes:
        """Enough to see that the bench works, too little for its figures to mean anything."""
        return cls(10_000, 2_000, workers, seconds=3.0, population=5_000, stages=1_000, flat=20_000)


def run_bench(
    only: Collection[str] = (),
    *,
    sizes: Sizes | None = None,
    json_file: Path | None = None,
    markdown_file: Path | None = None,
    place: Path | None = None,
) -> Results:
    """Measure (`only` these of MEASUREMENTS, default all), print the tables, write the files, return what was found.

    Every measurement has a stack of its own under `place` (default: where temporary files go), which is thrown away.
    Raises LocalStackError, also for an unknown measurement, and for none of something.
    """
    wanted = set(only) or set(MEASUREMENTS)
    if unknown := wanted - set(MEASUREMENTS):
        known = "; ".join(f"{letter}: {about}" for letter, about in MEASUREMENTS.items())
        raise LocalStackError(f"no measurement {', '.join(sorted(unknown))}; there are {known}")
    asked = sizes or Sizes()
    if nothing := [name for name, size in msgspec.structs.asdict(asked).items() if size is not None and size <= 0]:
        raise LocalStackError(f"give more than 0: {', '.join(nothing)}")
    machine, begun = look_at_machine(place or Path(gettempdir())), now()
    bench = _Bench(asked, place, begun)
    found = Results(command=command(), begun=begun.isoformat(), revision=revision(), machine=machine)
    try:
        for measured in bench.run(wanted):
            found = msgspec.structs.replace(found, **measured)
    finally:  # what was measured before something failed is worth having
        show(found, console)
        if json_file is not None:
            json_file.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        if markdown_file is not None:
            markdown_file.write_text(markdown(found), encoding="utf-8")
    return found


class _Bench:
    """One run: its sizes, its place, its hour."""

    def __init__(self, sizes: Sizes, place: Path | None, begun: datetime) -> None:
        self._sizes = sizes
        self._place = place
        self._begun = begun
        self._people = some_of(max(sizes.population, sizes.customers), sizes.customers)

    def run(self, wanted: Collection[str]) -> Iterator[dict[str, Any]]:
        """What is wanted, one after the other: fields of Results."""
        if "a" in wanted:
            yield {"backlog": self.backlog()}
        if "b" in wanted or "c" in wanted:
            sustained, latency = self.through_http(wanted)
            yield {"sustained": sustained, "latency": latency}
        if "d" in wanted:
            yield {"stages": self.stages()}
        if "e" in wanted:
            yield {"crowded": self.crowded()}
        if "f" in wanted:
            yield {"flat": self.flat()}
        if "g" in wanted:
            for field, linked in (("alone", 0), ("linked", 3)):
                with _shown("g") as progress:
                    workload = self._workload(f"bench-g{linked}", linked=linked)
                    yield {field: measure_backlog(workload, self._sizes.workers, self._place, progress)}

        if "j" in wanted:
            yield {"doors": self.doors()}
        if "i" in wanted:
            yield {"turning": self.crowded("i", turn_a_day)}
        if "k" in wanted:
            yield {"swept": self.swept()}
        if "h" in wanted:
            for field, shared in (("unshared", 0), ("shared", _SHARED_OF_A_HUNDRED)):
                yield {field: self.sharing(shared)}

    def backlog(self) -> Backlog:
        with _shown("a") as progress:
            return measure_backlog(self._workload("bench-a"), self._sizes.workers, self._place, progress)

    def through_http(self, wanted: Collection[str]) -> tuple[Sustained | None, Latency | None]:
        sustained = latency = None
        sizes = self._sizes
        with (
            _shown("b") as progress,
            bench_stack(self._place, sizes.workers, lambda text: progress(text, 0, 0)) as stack,
        ):
            start_parts(stack, progress)
            warm_up(stack, self._workload("bench-warm-up", min(2_000, sizes.events)), sizes.batch, progress)
            if "b" in wanted or sizes.rate is None:
                sustained = measure_sustained(stack, self._workload("bench-b"), sizes.batch, progress)
            if "c" in wanted:
                rate = sizes.rate or (sustained.rate / 2 if sustained else 0)
                workload = self._workload("bench-c", int(rate * sizes.seconds))
                latency = measure_latency(stack, workload, sizes.batch, rate, progress)
        return sustained if "b" in wanted else None, latency

    def stages(self) -> tuple[Stage, ...]:
        people = self._people[: max(1, self._sizes.stages // 5)]  # who come again as often as in the others
        workload = Workload("bench-d", self._sizes.stages, people, self._begun)
        with _shown("d") as progress, bench_stack(self._place, 1, lambda text: progress(text, 0, 0)) as stack:
            return measure_stages(stack, workload, lambda name: progress(name, 0, 0))

    def doors(self) -> tuple[Door, ...]:
        with _shown("j") as progress, bench_stack(self._place, 1, lambda text: progress(text, 0, 0)) as stack:
            return tuple(measure_doors(stack, self._workload("bench-j"), progress))

    def crowded(self, letter: str = "e", then: Callable[[BenchStack], None] = lambda _: None) -> Backlog:
        with _shown(letter) as progress:

            def fill(stack: BenchStack) -> int:
                customers = populate(
                    stack,
                    self._sizes.population,
                    self._begun,
                    lambda done, of: progress("Enrolling the population", done, of),
                )
                then(stack)
                return customers

            return measure_backlog(self._workload(f"bench-{letter}"), self._sizes.workers, self._place, progress, fill)

    def swept(self) -> Swept:
        with _shown("k") as progress:
            sizes = self._sizes
            return measure_new_rules(sizes.population, self._begun, sizes.workers, self._place, progress)

    def sharing(self, shared: int) -> Backlog:
        """In the order in which events happen, as channels send them: who shares what is found out once."""
        name, sizes = f"bench-h{shared}", self._sizes
        workload = Workload(name, sizes.events, self._people, self._begun, shared=shared, ordered=True)
        with _shown("h") as progress:
            return measure_backlog(workload, sizes.workers, self._place, progress)

    def flat(self) -> tuple[Flat, ...]:
        """Each tenth is about people of its own: portraits that grow would look like a worker that grows."""
        tenth = self._sizes.flat // 10
        people = some_of(10_000_000, 10 * max(1, tenth // 5))
        with _shown("f") as progress:
            return tuple(
                measure_flatness(
                    Workload(
                        f"bench-f{times}",
                        times * tenth,
                        people[: times * len(people) // 10],
                        self._begun,
                        cohorts=times,
                    ),
                    self._sizes.workers,
                    self._place,
                    progress,
                )
                for times in (1, 10)
            )

    def _workload(self, name: str, events: int | None = None, linked: int | None = None) -> Workload:
        return Workload(name, events or self._sizes.events, self._people, self._begun, linked=linked)


@contextmanager
def _shown(letter: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for one measurement, a line for each thing that is done."""
    with counting() as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                for task in tasks.values():
                    bar.stop_task(task)
                tasks[what] = bar.add_task(f"({letter}) {what}", total=of or None, unit="events")
            bar.update(tasks[what], completed=done, total=of or None)

        yield progress
