"""Servers that tests need. Which ones were used is printed at the end.

An address in the environment (PORTRAIT_KAFKA, PORTRAIT_DATABASE_URL) is used as it is; else, with
PORTRAIT_TEST_SERVERS=containers, containers; else the local stack. A test that breaks a server breaks a local one.
"""

import gc
import logging
import os
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg2
import pytest

from ops.local.child import Child
from ops.local.home import DATABASE_URL, KAFKA, Home
from ops.local.kafka import KafkaServer
from ops.local.stack import running_kafka, running_postgres, start_kafka
from ops.topics import create_topics
from tests.containers import containers_asked, kafka_container, postgres_container

_used: list[str] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which servers the tests were given."""
    for line in _used:
        terminalreporter.write_line(f"tests used {line}")


@pytest.fixture(scope="session", autouse=True)
def quiet_kafka() -> None:
    """Ten lines a second while a broker is away; and each record kept for a report keeps a socket open by its error."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a Kafka with our topics. It is shared: tell your records by ids of your own."""
    given = os.environ.get(KAFKA)
    if given:
        _used.append(f"the Kafka at {given} ({KAFKA})")
        create_topics(given)
        yield given
        return
    home = Home.open(tmp_path_factory.mktemp("kafka"))
    contained = containers_asked()
    with kafka_container(home) if contained else running_kafka(home, say=lambda _: None) as address:
        _used.append(f"a Kafka of their own at {address}, {'in a container' if contained else 'of the local stack'}")
        create_topics(address)
        yield address


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """kafka-python leaves the socket of a connection that fails, or closes early, to the garbage collector."""
    left_open = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    for item in items:
        if {"kafka", "breakable_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.filterwarnings(left_open))


@pytest.fixture
def breakable_kafka(tmp_path: os.PathLike[str]) -> Iterator[tuple[Child, str]]:
    """A Kafka of this test alone, to be frozen and killed: the process, and its address. Our topics are there."""
    home = Home.open(os.fspath(tmp_path) + "/kafka-home")
    with start_kafka(home, say=lambda _: None) as child:
        address = KafkaServer.at(home).address
        create_topics(address)
        yield child, address
        if child.alive():
            child.thaw()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL, as a user who may create databases. Make databases of your own: `new_database`."""
    given = os.environ.get(DATABASE_URL)
    if given:
        _used.append(f"the PostgreSQL at {urlsplit(given).hostname} ({DATABASE_URL})")
        yield given
        return
    contained = containers_asked()
    home = Home.open(tmp_path_factory.mktemp("postgres"))
    with postgres_container() if contained else running_postgres(home, say=lambda _: None) as url:
        where = f"{urlsplit(url).hostname}:{urlsplit(url).port}"
        _used.append(f"a PostgreSQL of their own at {where}, {'in a container' if contained else 'of the local stack'}")
        yield url


@pytest.fixture(scope="session")
def new_database(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Creates an empty database and returns its URL, as its owner. It is dropped in the end."""
    created: list[str] = []

    def create() -> str:
        name = f"portrait_test_{uuid.uuid4().hex[:12]}"
        with closing(psycopg2.connect(postgres_server)) as server, server.cursor() as at:
            server.autocommit = True
            at.execute(f"create database {name}")
        created.append(name)
        return urlsplit(postgres_server)._replace(path=f"/{name}").geturl()

    yield create
    with closing(psycopg2.connect(postgres_server)) as server, server.cursor() as at:
        server.autocommit = True
        for name in created:
            at.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def postgres(new_database: Callable[[], str]) -> str:
    """The URL of one empty database, shared by the session, as its owner."""
    return new_database()
