"""The servers of the crash tests: they are killed and frozen, so no other test may share them."""

from collections.abc import Iterator

import pytest

from tests.crash.stream import Servers, servers


@pytest.fixture(scope="package", name="servers")
def crash_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("crash")) as running:
        yield running
