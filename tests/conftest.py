"""Servers that tests need: addresses from the environment, else the local stack. Which one is used is printed."""

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


@pytest.fixture(scope="session", autouse=True)
def quiet_kafka() -> None:
    """Ten lines a second while a broker is away; and each record kept for a report keeps a socket open by its error."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a Kafka with our topics. It is shared: tell your records by ids of your own."""
    given = os.environ.get(KAFKA)
    if given:
        print(f"\ntests use the Kafka at {given} ({KAFKA})")
        create_topics(given)
        yield given
        return
    home = Home.open(tmp_path_factory.mktemp("kafka"))
    with running_kafka(home, say=lambda _: None) as address:
        print(f"\ntests use their own Kafka at {address}")
        create_topics(address)
        yield address


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """kafka-python leaves the socket of a refused connection to the garbage collector, which complains of it."""
    left_open = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    for item in items:
        if "breakable_kafka" in getattr(item, "fixturenames", ()):
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
        print(f"\ntests use the PostgreSQL at {urlsplit(given).hostname} ({DATABASE_URL})")
        yield given
        return
    home = Home.open(tmp_path_factory.mktemp("postgres"))
    with running_postgres(home, say=lambda _: None) as url:
        print(f"\ntests use their own PostgreSQL at {urlsplit(url).hostname}:{urlsplit(url).port}")
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
