"""A whole stack for one measurement: servers and parts as `portrait up` runs them, in a home that is thrown away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg2

from ops.bench.meter import Meter
from ops.local.child import Child, tail
from ops.local.home import COLLECTOR_URL, DATABASE_URL, KAFKA, SOURCE_KEY, WORKER_URL, Home, LocalStackError
from ops.up import Wanted, prepare
from schemas.ranks import Bounds

PARTITIONS = 8
_DAY_MS = 24 * 60 * 60 * 1000
_DAYS_AGO = (184, 108, 61, 27)


def ranked_before(anchor: datetime) -> Bounds:
    """The bounds of a shop that ranked its customers a moment before `anchor`, and whose customers are those of workload (a) at
    its default size: what `measure.sql` finds at the end of it, rounded. Where there are no bounds, everybody is evaluated once
    there are; where they are far from the truth, as soon as they are computed anew; neither is what is measured."""
    now = int(anchor.timestamp() * 1000)
    return Bounds(
        recency=tuple(now - days * _DAY_MS for days in _DAYS_AGO),
        frequency=(2, 3, 4, 5),
        monetary=(406_000, 918_000, 1_435_000, 2_145_000),
        top=(2_145_000, 2_720_000, 3_245_000, 4_350_000),
        vital=1_166_000,
        customers=21_000,
        computed_at=now,
    )


SERVERS = ("kafka", "postgres")


class BenchStack:
    """The processes of a home, each started when it is asked for, and metered from then on."""

    def __init__(self, home: Home, settings: Mapping[str, str], children: Mapping[str, Child]) -> None:
        self.home = home
        self.kafka = settings[KAFKA]
        self.database = settings[DATABASE_URL]
        self.worker_database = settings[WORKER_URL]
        self.collector = settings[COLLECTOR_URL]
        self.source_key = settings[SOURCE_KEY]
        self.children = children
        self.workers = tuple(name for name in children if name.startswith("worker-"))
        self.meter = Meter({name: children[name].pid for name in SERVERS})

    def make_ready(self) -> None:
        """Makes topics, tables and logins, as the parts would before their first start; customers were ranked before."""
        before = self.children["worker-1"].process.before
        if before is not None:
            before()
        bounds = msgspec.json.encode(ranked_before(datetime.now(UTC))).decode()
        self.ask("update portrait.rankings set bounds = %s, next_at = now() + interval '1 minute'", bounds)

    def start(self, *names: str, wait: bool = True) -> None:
        """Starts these processes; with `wait`, returns when they are ready. Raises LocalStackError."""
        for name in names:
            self.children[name].start()
            self.meter.watch(name, self.children[name].pid)
        for name in names if wait else ():
            self.children[name].wait_ready()

    def check(self) -> None:
        """Raises LocalStackError, with the end of its log, when a process that was started has ended."""
        for name, child in self.children.items():
            if name in self.meter.peaks and not child.alive():
                raise LocalStackError(f"{name} ended during the bench ({child.ending()}):\n{tail(child.log)}")

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one query, over a connection of its own, as the owner of the database."""
        with closing(psycopg2.connect(self.database, application_name="portrait-bench")) as connection:
            connection.autocommit = True
            with connection.cursor() as at:
                at.execute(query, parameters or None)
                return at.fetchall() if at.description else []


@contextmanager
def bench_stack(
    parent: Path | None, workers: int, say: Callable[[str], None], segments: str = ""
) -> Iterator[BenchStack]:
    """A new home under `parent` (default: the directory for temporary files) with its servers up and its tables made.
    `segments` is a family of segments of the operator's own, in YAML.

    Kafka and PostgreSQL are always its own, whatever the environment says. All of it is gone afterwards.
    Raises LocalStackError.
    """
    place = Path(tempfile.mkdtemp(prefix="portrait-bench-", dir=parent))
    try:
        place.chmod(0o711)  # as root, PostgreSQL runs as another user, who must pass through
        home = Home.open(place / "home")
        if segments:
            own = home.path / "segments"
            own.mkdir()
            (own / "own.yaml").write_text(segments, encoding="utf-8")
            home.remember({"PORTRAIT_SEGMENTS": str(own)})
        stack = prepare(home, Wanted(workers=workers, partitions=PARTITIONS), say, environ={})
        with ExitStack() as held:
            children = {process.name: held.enter_context(Child(home, process)) for process in stack.processes}
            say("Starting Kafka and PostgreSQL")
            for name in SERVERS:
                children[name].start()
            for name in SERVERS:
                children[name].wait_ready()
            running = BenchStack(home, stack.settings, children)
            running.make_ready()
            with running.meter:
                yield running
    finally:
        shutil.rmtree(place, ignore_errors=True)
