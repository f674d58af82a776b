"""Servers that tests need: addresses from the environment, else the local stack. Which one is used is printed."""

import os
from collections.abc import Iterator

import pytest

from ops.local.child import Child
from ops.local.home import KAFKA, Home
from ops.local.kafka import KafkaServer
from ops.local.stack import running_kafka, start_kafka
from ops.topics import create_topics


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
