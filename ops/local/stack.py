"""The servers a home needs: those whose address the environment does not already give."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ops.local.child import Child, Process
from ops.local.home import DATABASE_URL, KAFKA, Home
from ops.local.kafka import KafkaServer
from ops.local.postgres import PostgresServer
from ops.local.records import lock


@dataclass(frozen=True)
class Servers:
    """`settings`: where everything is, for the environment of each part. `processes`: what must run here for that."""

    settings: Mapping[str, str]
    processes: tuple[Process, ...]


def prepare_servers(
    home: Home,
    say: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
    kafka_port: int | None = None,
    postgres_port: int | None = None,
) -> Servers:
    """Makes the local Kafka and PostgreSQL ready to start and writes their addresses to `portrait.env`.

    One that `environ` (default: the environment) gives an address for is left out. Raises LocalStackError, also when
    one runs already.
    """
    given = os.environ if environ is None else environ
    processes: list[Process] = []
    if not given.get(KAFKA):
        lock(home, "kafka").close()  # its port cannot change while it runs
        kafka = KafkaServer.at(home, kafka_port)
        kafka.prepare(say)
        home.remember({KAFKA: kafka.address})
        processes.append(kafka.process())
    if not given.get(DATABASE_URL):
        lock(home, "postgres").close()
        postgres = PostgresServer.at(home, postgres_port)
        postgres.prepare(say)
        home.remember({DATABASE_URL: postgres.url})
        processes.append(postgres.process())
    return Servers(home.settings(given), tuple(processes))


def start_kafka(home: Home, say: Callable[[str], None] = print) -> Child:
    """Starts the Kafka of this home as a child of this process and waits until it is ready. Raises LocalStackError.

    The child can be killed, frozen and started again; leaving its `with` block stops it.
    """
    server = KafkaServer.at(home)
    server.prepare(say)
    home.remember({KAFKA: server.address})
    return _start(home, server.process())


def start_postgres(home: Home, say: Callable[[str], None] = print) -> Child:
    """Starts the PostgreSQL of this home as `start_kafka` does Kafka."""
    server = PostgresServer.at(home)
    server.prepare(say)
    home.remember({DATABASE_URL: server.url})
    return _start(home, server.process())


@contextmanager
def running_kafka(home: Home, say: Callable[[str], None] = print) -> Iterator[str]:
    """The bootstrap address of a Kafka that runs as long as the block."""
    with start_kafka(home, say):
        yield KafkaServer.at(home).address


@contextmanager
def running_postgres(home: Home, say: Callable[[str], None] = print) -> Iterator[str]:
    """The URL of a database, as its owner, that is served as long as the block."""
    with start_postgres(home, say):
        yield PostgresServer.at(home).url


def _start(home: Home, process: Process) -> Child:
    child = Child(home, process)
    try:
        child.start()
        return child.wait_ready()
    except BaseException:
        child.close()
        raise
