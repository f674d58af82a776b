"""Kafka and PostgreSQL in containers, from the images and with the settings of docker-compose.yml."""

from __future__ import annotations

import gc
import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager

import docker
import docker.errors
import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import ExecWaitStrategy

from ops.local.home import LOOPBACK, Home
from tests.compose import environment, read_compose

ASKED = "PORTRAIT_TEST_SERVERS"
_READY_SECONDS = 120


def containers_asked() -> bool:
    """Whether PORTRAIT_TEST_SERVERS wants containers. Anything but `containers` and `local` is a mistake."""
    asked = os.environ.get(ASKED) or "local"
    if asked not in ("containers", "local"):
        raise pytest.UsageError(f"{ASKED}={asked}: expected `containers` or `local`")
    return asked == "containers"


def require_image(image: str) -> None:
    """Skip, and say why, when no Docker engine answers, or when it neither has `image` nor can pull it."""
    with _engine() as client:
        try:
            client.images.get(image)
        except docker.errors.ImageNotFound:
            try:
                client.images.pull(image)
            except docker.errors.DockerException as error:
                pytest.skip(f"NO CONTAINERS: the image {image} is not here and cannot be pulled: {_first_line(error)}")


@contextmanager
def kafka_container(home: Home) -> Iterator[str]:
    """The bootstrap address of a Kafka that runs as long as the block. `home` keeps its port."""
    port = home.port("kafka")
    service = read_compose({**os.environ, "PORTRAIT_KAFKA_PORT": str(port)})["services"]["kafka"]
    require_image(service["image"])
    container = DockerContainer(service["image"]).with_kwargs(hostname="kafka", mem_limit=service["mem_limit"])
    for name, value in environment(service).items():
        container.with_env(name, value)
    container.ports["9092/tcp"] = (LOOPBACK, port)  # type: ignore[assignment] # never on the machine's other addresses
    with container.waiting_for(_healthy(service["healthcheck"]["test"])):
        yield f"{LOOPBACK}:{port}"


@contextmanager
def postgres_container() -> Iterator[str]:
    """The URL of a database, as its owner, that is served as long as the block."""
    service = read_compose(os.environ)["services"]["postgres"]
    require_image(service["image"])
    given = environment(service)
    del given["POSTGRES_PASSWORD_FILE"]
    password = given["POSTGRES_PASSWORD"] = secrets.token_urlsafe(24)
    container = (
        DockerContainer(service["image"])
        .with_command(service["command"])
        .with_kwargs(shm_size=service["shm_size"], mem_limit=service["mem_limit"])
    )
    for name, value in given.items():
        container.with_env(name, value)
    container.ports["5432/tcp"] = (LOOPBACK,)  # type: ignore[assignment] # a free port there
    with container.waiting_for(_healthy(service["healthcheck"]["test"])):
        port = container.get_exposed_port(5432)
        yield f"postgresql://{given['POSTGRES_USER']}:{password}@{LOOPBACK}:{port}/{given['POSTGRES_DB']}"


@contextmanager
def _engine() -> Iterator[docker.DockerClient]:
    client, refusal = None, ""
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        refusal = _first_line(error)
    if client is None:
        with warnings.catch_warnings():
            # The Docker client leaves the socket of a refused connection to the garbage collector, which complains.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        pytest.skip(f"NO CONTAINERS: no Docker engine answers ({refusal}); start one")
    with closing(client):
        yield client


def _healthy(test: list[str]) -> ExecWaitStrategy:
    kind, *command = test
    assert kind == "CMD"
    return ExecWaitStrategy(command).with_startup_timeout(_READY_SECONDS)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
