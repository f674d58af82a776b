"""`portrait up`: what runs in a home, in what order, and with which settings.

    kafka ──▶ topics ─┬─▶ collector
    postgres ─▶ tables, logins ─┴─▶ worker-1 … worker-N, relay, activation

The servers are left out when the environment gives their address. Tables, logins and topics are made before the first
part that needs them starts, by the supervisor, which tries again until the server is there.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from ops.local.child import Process
from ops.local.home import (
    COLLECTOR_URL,
    DATABASE_URL,
    HOME,
    KAFKA,
    LOOPBACK,
    READER_URL,
    SOURCE_KEY,
    WORKER_URL,
    Home,
    LocalStackError,
    port_is_free,
    read_env,
    require_free_port,
)
from ops.local.stack import prepare_servers
from ops.local.supervisor import SUPERVISOR, Status, detach, status
from ops.logins import Login, choose_logins, url_of
from ops.topics import DEFAULT_PARTITIONS, create_topics
from producers.keys import KeysError, find_source, read_sources
from producers.keys.changes import add_source

KEYS = "PORTRAIT_KEYS"
SPOOL = "PORTRAIT_SPOOL"
SEGMENTS = "PORTRAIT_SEGMENTS"
SESSION_TIMEOUT = "PORTRAIT_SESSION_TIMEOUT"
_LOCAL_SESSION_SECONDS = "10"  # on one machine a silent worker is a dead one: its share is taken over sooner
_NICENESS = "10"  # what is told downstream can wait; what comes in cannot


@dataclass(frozen=True)
class Wanted:
    """What `up` is asked for. A port that is None is the one the home remembers, or a free one."""

    workers: int = 1
    partitions: int = DEFAULT_PARTITIONS
    kafka_port: int | None = None
    postgres_port: int | None = None
    collector_port: int | None = None

    def arguments(self) -> list[str]:
        """The same wishes as arguments of `portrait up`."""
        ports = (
            ("--kafka-port", self.kafka_port),
            ("--postgres-port", self.postgres_port),
            ("--collector-port", self.collector_port),
        )
        chosen = [word for name, port in ports if port is not None for word in (name, str(port))]
        return ["--workers", str(self.workers), "--partitions", str(self.partitions), *chosen]


@dataclass(frozen=True)
class Stack:
    """Everything that will run, ready to be supervised. `settings` is what `portrait.env` says."""

    settings: Mapping[str, str]
    processes: tuple[Process, ...]


@dataclass
class Preparation:
    """Makes tables, logins and topics, each once in the life of this object. Raises LocalStackError."""

    kafka: str
    database: str
    logins: tuple[Login, ...]
    partitions: int
    _done: set[str] = field(default_factory=set)

    def topics(self) -> None:
        """Makes the topics that are missing."""
        from kafka.errors import KafkaError

        if "topics" not in self._done:
            try:
                create_topics(self.kafka, self.partitions, timeout=10.0)
            except (KafkaError, OSError) as error:
                raise LocalStackError(f"no topics in the Kafka at {self.kafka} ({KAFKA}): {error}") from error
            self._done.add("topics")

    def tables(self) -> None:
        """Brings the database to this version, and makes the logins."""
        from sinks.postgres.migrate import ensure_login, migrate
        from sinks.store import Fatal, Retryable

        if "tables" not in self._done:
            try:
                migrate(self.database)
                for login in self.logins:
                    ensure_login(self.database, login.user, login.role, login.password)
            except (Retryable, Fatal) as error:
                raise LocalStackError(f"no tables in the database ({DATABASE_URL}): {error}") from error
            self._done.add("tables")


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
        **{setting: given[setting] for setting in (WORKER_URL, READER_URL) if given.get(setting)},
        **{login.setting: url_of(login, database) for login in logins},
        COLLECTOR_URL: f"http://{LOOPBACK}:{home.port('collector', wanted.collector_port)}",
        SOURCE_KEY: source_key(keys, remembered.get(SOURCE_KEY, "")),
        SEGMENTS: given.get(SEGMENTS) or remembered.get(SEGMENTS) or _own_segments(home),
    }
    home.remember(settings)
    preparation = Preparation(kafka, database, logins, wanted.partitions)
    if given.get(KAFKA):
        preparation.topics()
    if given.get(DATABASE_URL):
        preparation.tables()
    local = frozenset(process.name for process in servers.processes)
    common = {
        # Whatever else stands in portrait.env, such as PORTRAIT_CURRENCY; the environment goes first.
        **{name: value for name, value in remembered.items() if name not in settings and not given.get(name)},
        HOME: str(home.path),
        KAFKA: kafka,
        SEGMENTS: settings[SEGMENTS],
        WORKER_URL: settings[WORKER_URL],
        DATABASE_URL: "",  # no part may change tables
        SESSION_TIMEOUT: given.get(SESSION_TIMEOUT) or remembered.get(SESSION_TIMEOUT) or _LOCAL_SESSION_SECONDS,
    }
    workers = [f"worker-{number}" for number in range(1, wanted.workers + 1)]
    own = (common, local, preparation)
    files = {KEYS: str(keys), SPOOL: given.get(SPOOL) or remembered.get(SPOOL) or str(home.path / "spool")}
    parts = (
        _collector(home, files, *own),
        *(_at_the_store(name, "processors.app", home.port(f"{name}-metrics"), *own) for name in workers),
        _at_the_store("relay", "sinks.relay", None, *own, nice=True),
        _at_the_store("activation", "sinks.activation", home.port("activation-metrics"), *own, nice=True),
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
        WORKER_URL: True,
        READER_URL: True,
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
    chosen = {"kafka": wanted.kafka_port, "postgres": wanted.postgres_port, "collector": wanted.collector_port}
    for name, port in chosen.items():
        if port is not None and port != kept.get(name) and not port_is_free(port):
            raise LocalStackError(f"port {port} is in use by another program; choose another one with --{name}-port")


def _own_segments(home: Home) -> str:
    directory = home.path / "segments"
    directory.mkdir(exist_ok=True)
    return str(directory)


def source_key(keys: Path, remembered: str) -> str:
    """The key of the source `demo`, made when the one that is remembered is not in the file of keys."""
    try:
        sources = read_sources(keys) if keys.exists() else ()
        if remembered and find_source(sources, remembered):
            return remembered
        names = {source.name for source in sources}
        free = (name for number in range(1, len(names) + 2) if (name := f"demo-{number}") not in names)
        return add_source(keys, "demo" if "demo" not in names else next(free))
    except KeysError as error:
        raise LocalStackError(f"{error}; mend or delete that file") from error


def _collector(
    home: Home, files: Mapping[str, str], common: Mapping[str, str], local: frozenset[str], preparation: Preparation
) -> Process:
    port = home.port("collector")

    def before() -> None:
        require_free_port(port, "the collector")
        preparation.topics()

    return Process(
        name="collector",
        argv=(sys.executable, "-m", "producers.collector"),
        env={**common, **files, WORKER_URL: "", "PORTRAIT_COLLECTOR_PORT": str(port)},
        needs=tuple(local & {"kafka"}),
        ready=lambda: _answers(port, "/ready"),
        before=before,
        grace=15.0,
    )


def _at_the_store(
    name: str,
    module: str,
    port: int | None,
    common: Mapping[str, str],
    local: frozenset[str],
    preparation: Preparation,
    *,
    nice: bool = False,
) -> Process:
    """A part that reads Kafka and PostgreSQL, and serves its metrics on `port`. `nice`: what comes in goes before it."""

    def before() -> None:
        if port is not None:
            require_free_port(port, f"the metrics of {name}")
        preparation.topics()
        preparation.tables()

    return Process(
        name=name,
        argv=(*(("nice", "-n", _NICENESS) if nice else ()), sys.executable, "-m", module),
        env=common if port is None else {**common, "PORTRAIT_METRICS_PORT": str(port)},
        needs=tuple(sorted(local)),
        ready=None if port is None else lambda: _listens(port),
        before=before,
        grace=15.0,
    )


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
