"""Servers for tests that make topics and databases anew, and what activation tells."""

from collections.abc import Callable, Iterator

import pytest

from tests.crash.stream import Servers, servers
from tests.integration.activating import Activated
from tests.integration.running_collector import RunningCollector, running_collector
from tests.integration.shop import open_shop
from tests.mailbox import Mailbox, mailbox
from tests.receiver import Receiver, receiving


@pytest.fixture(scope="package", name="servers")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("stream")) as running:
        yield running


@pytest.fixture(scope="module")
def collector(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    with running_collector(kafka, tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture
def activated(new_database: Callable[[], str], kafka: str) -> Activated:
    return Activated(open_shop(new_database), kafka)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as running:
        yield running
