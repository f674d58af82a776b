"""What the bench found, a frozen type a measurement. Rates are events a second; times seconds, or as named."""

from __future__ import annotations

import msgspec


class Cost(msgspec.Struct, frozen=True):
    """What one process cost: µs of CPU an event while events flowed, and the most memory it was seen to hold, in MB."""

    process: str
    cpu_us: float
    rss_mb: float


class Surroundings(msgspec.Struct, frozen=True):
    """What else became of the machine meanwhile, in shares of all cores, 0 to 1: what went to other programs, what the
    hypervisor gave to other machines, and what nobody used (a stream that is waiting: for a disk, a lock, a timer)."""

    others: float
    stolen: float
    idle: float


class Kept(msgspec.Struct, frozen=True):
    """A table after a measurement: the size of its rows and of its indexes, in MB; and of the index pages asked for while events
    flowed, the share that PostgreSQL had in its own memory, 0 to 1."""

    table: str
    rows_mb: float
    indexes_mb: float
    index_hits: float


class Backlog(msgspec.Struct, frozen=True):
    """(a), (e), (g), (h): from a full `events.valid` into `crm`.

    `rate` is from the first commit until all is stored and settled, `rate_with_start` from the start of the worker processes.
    `first_commit` is in seconds since that start, `published` (when the outbox was empty) since the last commit.
    `existing` customers were in the store before; `customers` are there in the end.
    """

    events: int
    workers: int
    existing: int
    customers: int
    rate: float
    rate_with_start: float
    first_commit: float
    published: float
    costs: tuple[Cost, ...]
    surroundings: Surroundings
    kept: tuple[Kept, ...] = ()


class Sustained(msgspec.Struct, frozen=True):
    """(b): from HTTP into `crm`.

    `rate` is from the first request to the last event in the store, `answered` to the last answer of the collector.
    `p50_ms` and `p99_ms` are of one request of `batch` events.
    """

    events: int
    workers: int
    batch: int
    connections: int
    rate: float
    answered: float
    p50_ms: float
    p99_ms: float
    retries: int
    costs: tuple[Cost, ...]
    surroundings: Surroundings


class Latency(msgspec.Struct, frozen=True):
    """(c): from the answer over HTTP until the event is visible in `crm`, at a steady `rate`, of `probes` events.

    `late` is how many requests left more than a second after their time, because those before had not been answered.
    """

    rate: float
    seconds: float
    probes: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    answer_p50_ms: float
    answer_p99_ms: float
    late: int
    surroundings: Surroundings


class Door(msgspec.Struct, frozen=True):
    """(j): the collector alone. `requests` are requests a second, `rate` events a second; times are of one request."""

    kind: str
    events: int
    batch: int
    connections: int
    requests: float
    rate: float
    p50_ms: float
    p99_ms: float
    costs: tuple[Cost, ...]
    surroundings: Surroundings

    def cpu_us(self, process: str) -> float:
        """µs of CPU of a process for one request."""
        return self.batch * sum(cost.cpu_us for cost in self.costs if cost.process == process)


class Swept(msgspec.Struct, frozen=True):
    """(k): everybody evaluated by new rules.

    `rate` is customers a second, while they were; `seconds` from the start of the worker processes to the last; `published` (when
    the outbox was empty) seconds after that. `entered` are in the new segment. Costs are of one customer."""

    customers: int
    entered: int
    rate: float
    seconds: float
    published: float
    costs: tuple[Cost, ...]
    surroundings: Surroundings


class Stage(msgspec.Struct, frozen=True):
    """(d): one stage alone, on one thread: µs an event by the clock, and of CPU in this process."""

    name: str
    unit: str
    events: int
    wall_us: float
    cpu_us: float


class Flat(msgspec.Struct, frozen=True):
    """(f): the memory of the largest worker, in MB, at each tenth of `events`; and what it keeps on disk, in bytes."""

    events: int
    rss_mb: tuple[float, ...]
    disk_bytes: int


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured. `load` is the load average (1 min) before the first measurement, `disk` a file system."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    disk: str
    python: str
    kafka: str
    postgres: str
    packages: dict[str, str]
    load: float


class Results(msgspec.Struct, frozen=True):
    """One run of the bench; None is what was not asked for. alone, linked: (g), events of one identifier each, and the same with
    two in three of ten. unshared, shared: (h), without and with customers who share identifiers. turning: (i). doors: (j).
    swept: (k)."""

    command: str
    begun: str
    revision: str
    machine: Machine
    backlog: Backlog | None = None
    sustained: Sustained | None = None
    latency: Latency | None = None
    stages: tuple[Stage, ...] | None = None
    crowded: Backlog | None = None
    flat: tuple[Flat, ...] | None = None
    alone: Backlog | None = None
    linked: Backlog | None = None
    unshared: Backlog | None = None
    shared: Backlog | None = None
    turning: Backlog | None = None
    doors: tuple[Door, ...] | None = None
    swept: Swept | None = None
