"""Servers for tests that make topics and databases anew."""

from collections.abc import Iterator

import pytest

from tests.crash.stream import Servers, servers


@pytest.fixture(scope="package", name="servers")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("stream")) as running:
        yield running
