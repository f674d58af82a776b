"""`portrait up`: what runs in a home, in what order, and with which settings.

    kafka ──▶ topics ─┬─▶ collector
    postgres ─▶ tables, logins ─┴─▶ worker-1 … worker-N, relay, activation
    trace: from the beginning, whoever else is there

The servers are left out when the environment gives their address. Tables, logins and topics are made before the first
part that needs them starts, by the supervisor, which tries again until the server is there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local.child import Process
from ops.local.home import (
    COLLECTOR_URL,
    DATABASE_URL,
    FINDER_URL,
    HOME,
    KAFKA,
    LOOPBACK,
    SOURCE_KEY,
    TRACE_KEY,
    TRACE_URL,
    WORKER_URL,
    Home,
    LocalStackError,
    port_is_free,
    read_env,
)
from ops.local.stack import prepare_servers
from ops.local.supervisor import SUPERVISOR, Status, detach, status
from ops.logins import ROLES, choose_logins, url_of
from ops.parts import KEYS, SPOOL, Surroundings, at_the_store, collector, trace
from ops.preparation import DEMO, DEMO_TRACE, Preparation, first_key
from ops.topics import DEFAULT_PARTITIONS

SEGMENTS = "PORTRAIT_SEGMENTS"
SESSION_TIMEOUT = "PORTRAIT_SESSION_TIMEOUT"
_LOCAL_SESSION_SECONDS = "10"  # on one machine a silent worker is a dead one: its share is taken over sooner
_ARENAS = "MALLOC_ARENA_MAX"
"""With one arena for each thread the C library keeps a twelfth more of what Python has given back."""


@dataclass(frozen=True)
class Wanted:
    """What `up` is asked for. A port that is None is the one the home remembers, or a free one."""

    workers: int = 1
    partitions: int = DEFAULT_PARTITIONS
    kafka_port: int | None = None
    postgres_port: int | None = None
    collector_port: int | None = None
    trace_port: int | None = None

    @property
    def ports(self) -> dict[str, int | None]:
        """By the name under which the home keeps it."""
        return {
            "kafka": self.kafka_port,
            "postgres": self.postgres_port,
            "collector": self.collector_port,
            "trace": self.trace_port,
        }

    def arguments(self) -> list[str]:
        """The same wishes as arguments of `portrait up`."""
        chosen = [
            word for name, port in self.ports.items() if port is not None for word in (f"--{name}-port", str(port))
        ]
        return ["--workers", str(self.workers), "--partitions", str(self.partitions), *chosen]


@dataclass(frozen=True)
class Stack:
    """Everything that will run, ready to be supervised. `settings` is what `portrait.env` says."""

    settings: Mapping[str, str]
    processes: tuple[Process, ...]


def prepare(home: Home, wanted: Wanted, say: Callable[[str], None], environ: Mapping[str, str] | None = None) -> Stack:
    """Makes `home` ready to start and writes `portrait.env`. Downloads Kafka the first time, telling `say`.

    A server whose address `environ` gives must answer now. Raises LocalStackError, also when one runs already.
    """
    given = _from_outside(home, home.environment(environ))
    _require_new_ports_free(home, wanted)
    servers = prepare_servers(home, say, given, wanted.kafka_port, wanted.postgres_port)
    remembered = read_env(home.env_file)
    kafka, database = servers.settings[KAFKA], servers.settings[DATABASE_URL]
    logins = choose_logins(given, remembered)
    keys = Path(given.get(KEYS) or home.path / "keys.yaml")
    settings = {
        HOME: str(home.path),
        KAFKA: kafka,
        DATABASE_URL: database,
        **{setting: given[setting] for setting in ROLES if given.get(setting)},
        **{login.setting: url_of(login, database) for login in logins},
        COLLECTOR_URL: f"http://{LOOPBACK}:{home.port('collector', wanted.collector_port)}",
        SOURCE_KEY: first_key(keys, DEMO, remembered.get(SOURCE_KEY, "")),
        TRACE_URL: f"http://{LOOPBACK}:{home.port('trace', wanted.trace_port)}",
        TRACE_KEY: first_key(keys, DEMO_TRACE, remembered.get(TRACE_KEY, ""), traces=True),
        SEGMENTS: given.get(SEGMENTS) or remembered.get(SEGMENTS) or _own_segments(home),
    }
    home.remember(settings)
    preparation = Preparation(kafka, database, logins, wanted.partitions)
    if given.get(KAFKA):
        preparation.topics()
    if given.get(DATABASE_URL):
        preparation.tables()
    env = {
        # Whatever else stands in portrait.env, such as PORTRAIT_CURRENCY; the environment goes first.
        **{name: value for name, value in remembered.items() if name not in settings and not given.get(name)},
        HOME: str(home.path),
        KAFKA: kafka,
        SEGMENTS: settings[SEGMENTS],
        WORKER_URL: settings[WORKER_URL],
        DATABASE_URL: "",  # no part may change tables
        SESSION_TIMEOUT: given.get(SESSION_TIMEOUT) or remembered.get(SESSION_TIMEOUT) or _LOCAL_SESSION_SECONDS,
        _ARENAS: given.get(_ARENAS) or "1",
    }
    around = Surroundings(home, env, frozenset(process.name for process in servers.processes), preparation)
    spool = given.get(SPOOL) or remembered.get(SPOOL) or str(home.path / "spool")
    asked = {COLLECTOR_URL: settings[COLLECTOR_URL], FINDER_URL: settings[FINDER_URL]}
    workers = [f"worker-{number}" for number in range(1, wanted.workers + 1)]
    parts = (
        collector(around, {KEYS: str(keys), SPOOL: spool}),
        *(at_the_store(around, name, "processors.app") for name in workers),
        # What is told downstream can wait; what comes in cannot.
        at_the_store(around, "relay", "sinks.relay", metrics=False, nice=True),
        at_the_store(around, "activation", "sinks.activation", nice=True),
        trace(around, {KEYS: str(keys), **asked}),
    )
    return Stack(settings, (*servers.processes, *parts))


def start(home: Home, wanted: Wanted, seconds: float) -> None:
    """Starts what `prepare` made ready in the background; returns when all of it is ready. Raises LocalStackError."""
    argv = (sys.executable, "-m", "ops.cli", "up", "--home", str(home.path), *wanted.arguments())
    detach(home, argv, seconds)


def is_up(home: Home) -> list[Status]:
    """The processes of the stack that runs in `home`; none when no supervisor looks after it."""
    lines = status(home)
    return lines[1:] if lines and lines[0].name == SUPERVISOR and lines[0].pid is not None else []


def running_workers(home: Home) -> int:
    """How many workers the stack of `home` runs; 0 when it is not up."""
    return sum(line.name.startswith("worker-") for line in is_up(home))


def _from_outside(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without this home's own addresses: somebody may have sourced `portrait.env` before `up`."""
    remembered = read_env(home.env_file)
    own = {
        KAFKA: (home.kafka / "server.properties").exists(),
        DATABASE_URL: (home.postgres / "data").exists(),
        **dict.fromkeys(ROLES, True),
    }
    return {
        name: value
        for name, value in environ.items()
        if not (own.get(name) and value and value == remembered.get(name))
    }


def _require_new_ports_free(home: Home, wanted: Wanted) -> None:
    """Says at once that a port cannot be had. On one that the home keeps, something of its own may still be ending."""
    file = home.path / "ports.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    for name, port in wanted.ports.items():
        if port is not None and port != kept.get(name) and not port_is_free(port):
            raise LocalStackError(f"port {port} is in use by another program; choose another one with --{name}-port")


def _own_segments(home: Home) -> str:
    directory = home.path / "segments"
    directory.mkdir(exist_ok=True)
    return str(directory)
