"""docker-compose.yml and Dockerfile repeat facts that stand elsewhere: here they are held against them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from ops.containers import PASSWORD_FILE, Account
from ops.local.home import COLLECTOR_URL, DATABASE_URL, FINDER_URL, READER_URL, WORKER_URL, Home
from ops.local.jars import pinned_jars
from ops.local.kafka import KafkaServer
from ops.local.postgres import SETTINGS, find_binaries
from ops.trace_service import DEFAULT_PORT, HOST, PORT
from processors.settings import WorkerSettings
from producers.intake.settings import CollectorSettings
from tests.compose import COMPOSE_FILE, ROOT, environment, read_compose

COMPOSE = read_compose({})
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("secrets", "setup", "collector", "worker", "relay", "activation", "trace", "files", "tools")

READERS: dict[str, tuple[str, ...]] = {
    "secrets": ("ops/containers.py", "ops/local/home.py"),
    "setup": ("ops/containers.py", "ops/local/home.py", "ops/parts.py"),
    "collector": ("producers/intake/settings.py",),
    "worker": ("processors/settings.py", "processors/reference.py"),
    "relay": ("sinks/relay.py",),
    "activation": ("sinks/activation/service.py",),
    "trace": ("ops/trace_service.py", "ops/trace.py", "ops/sources.py", "ops/local/home.py"),
    "files": ("ops/local/home.py",),
    "tools": ("ops/local/home.py", "ops/parts.py", "processors/reference.py"),
}
"""Service → the files that read its environment."""


def names_in(file: str) -> set[str]:
    """Every text in a Python file that is the name of a setting."""
    return {
        node.value
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"(PORTRAIT|POSTGRES)_[A-Z_]+", node.value)
    }


def words_of(service: str) -> str:
    return " ".join(SERVICES[service]["command"])


def test_the_services_are_those_of_the_local_stack_and_what_prepares_them() -> None:
    assert set(SERVICES) == {"kafka", "postgres", *OURS}


def test_kafka_is_the_version_of_the_local_stack() -> None:
    (version,) = {
        coordinate.split(":")[2] for coordinate in pinned_jars() if coordinate.startswith("org.apache.kafka:")
    }
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_postgres_is_the_major_version_of_the_local_stack() -> None:
    assert SERVICES["postgres"]["image"] == f"postgres:{find_binaries().major}"


def test_the_image_of_each_server_and_ours_can_be_replaced() -> None:
    given = {"PORTRAIT_KAFKA_IMAGE": "a", "PORTRAIT_POSTGRES_IMAGE": "b", "PORTRAIT_IMAGE": "c"}
    services = read_compose(given)["services"]
    assert {name: service["image"] for name, service in services.items()} == {
        "kafka": "a",
        "postgres": "b",
        **dict.fromkeys(OURS, "c"),
    }


def test_kafka_is_set_as_in_the_local_stack_but_for_its_addresses(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    KafkaServer(Home.open(tmp_path / "home"), 1, 2)._write_properties(file, tmp_path / "storage")
    local = dict(line.split("=", 1) for line in file.read_text().splitlines())
    here = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment(SERVICES["kafka"]).items()
    }
    addresses = {
        *("listeners", "advertised.listeners", "listener.security.protocol.map", "controller.quorum.voters"),
        *("log.dirs", "heap.opts"),
    }
    assert {k: v for k, v in here.items() if k not in addresses} == {
        k: v for k, v in local.items() if k not in addresses
    }


def test_postgres_is_set_as_in_the_local_stack_but_for_where_it_listens() -> None:
    program, *options = SERVICES["postgres"]["command"]
    assert program == "postgres"
    here = dict(option.removeprefix("-c").split("=", 1) for option in options)
    elsewhere = {"listen_addresses", "unix_socket_permissions"}
    local = {name: value for name, value in SETTINGS.items() if name not in elsewhere}
    # The official image is built with lz4; how much memory there is, only whoever starts it knows.
    assert here == {**local, "wal_compression": "lz4", "shared_buffers": "512MB"}


def test_postgres_is_given_more_memory_where_there_is_more() -> None:
    given = {"PORTRAIT_POSTGRES_BUFFERS": "4GB", "PORTRAIT_POSTGRES_MEMORY": "8g"}
    postgres = read_compose(given)["services"]["postgres"]
    assert "-cshared_buffers=4GB" in postgres["command"]
    assert postgres["mem_limit"] == "8g"


def test_every_server_listens_on_loopback_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "kafka": ["127.0.0.1:9092:9092"],
        "postgres": ["127.0.0.1:5432:5432"],
        "collector": ["127.0.0.1:8080:8080"],
        "trace": ["127.0.0.1:8090:8090"],
    }


def test_the_published_ports_are_those_that_are_told_and_advertised() -> None:
    ports = ("PORTRAIT_KAFKA_PORT", "PORTRAIT_POSTGRES_PORT", "PORTRAIT_COLLECTOR_PORT", "PORTRAIT_TRACE_PORT")
    given = {name: str(number) for number, name in enumerate(ports, 1)}
    services = read_compose(given)["services"]
    assert [services[name]["ports"] for name in ("kafka", "postgres", "collector", "trace")] == [
        ["127.0.0.1:1:9092"],
        ["127.0.0.1:2:5432"],
        ["127.0.0.1:3:8080"],
        ["127.0.0.1:4:8090"],
    ]
    assert {name: environment(services["setup"])[name] for name in given} == given
    assert environment(services["kafka"])["KAFKA_ADVERTISED_LISTENERS"].endswith(",OUTSIDE://127.0.0.1:1")


@pytest.mark.parametrize("service", READERS)
def test_a_service_is_given_only_settings_that_it_reads(service: str) -> None:
    read = set().union(*map(names_in, READERS[service]))
    assert set(SERVICES[service]["environment"]) - read == set()


def test_the_worker_can_be_told_all_that_its_settings_know() -> None:
    told = set(SERVICES["worker"]["environment"])
    assert names_in("processors/settings.py") - told == {DATABASE_URL}, "a worker has no rights of the owner"


def test_the_settings_of_the_worker_are_the_defaults() -> None:
    given = environment(SERVICES["worker"])
    assert WorkerSettings.read(given) == WorkerSettings(
        kafka="kafka:19092", database_url=given[WORKER_URL], metrics_host="0.0.0.0", metrics_port=9100
    )


def test_the_settings_of_the_collector_are_the_defaults(tmp_path: Path) -> None:
    keys = tmp_path / "keys.yaml"
    keys.touch()
    given = {**environment(SERVICES["collector"]), "PORTRAIT_KEYS": str(keys)}
    # Inside a container, loopback would be the container's own; what is published is loopback.
    assert CollectorSettings.from_environment(given) == CollectorSettings(
        "kafka:19092", keys, host="0.0.0.0", port=8080, spool=Path("/var/lib/portrait/spool")
    )
    assert "spool:/var/lib/portrait/spool" in SERVICES["collector"]["volumes"]


def test_a_trace_is_published_where_it_listens_and_asks_the_collector_for_what_is_in_its_spool() -> None:
    given = environment(SERVICES["trace"])
    assert (given[HOST], int(given[PORT])) == ("0.0.0.0", DEFAULT_PORT)  # inside, loopback would be the container's own
    collector = environment(SERVICES["collector"])
    assert given[COLLECTOR_URL] == f"http://collector:{collector['PORTRAIT_COLLECTOR_PORT']}"
    assert (given["PORTRAIT_KEYS"], given["PORTRAIT_SPOOL"]) == (collector["PORTRAIT_KEYS"], "off")
    assert "keys:/var/lib/portrait/keys:ro" in SERVICES["trace"]["volumes"]


def test_no_password_stands_in_the_file_and_each_part_sees_its_own_only() -> None:
    addresses = {
        name: {value for value in environment(service).values() if value.startswith("postgresql:")}
        for name, service in SERVICES.items()
    }
    assert all("password" not in parse_dsn(url) for urls in addresses.values() for url in urls)
    worker, finder = environment(SERVICES["worker"])[WORKER_URL], environment(SERVICES["trace"])[FINDER_URL]
    owner, reader = (environment(SERVICES["setup"])[setting] for setting in (DATABASE_URL, READER_URL))
    assert addresses == {
        "secrets": {owner},
        "setup": {owner, reader, worker, finder},
        "tools": {owner, reader},
        "worker": {worker},
        "relay": {worker},
        "activation": {worker},
        "trace": {finder},
        "files": set(),
        "collector": set(),
        "kafka": set(),
        "postgres": set(),
    }
    mounted = {name: {mount.partition(":")[0] for mount in SERVICES[name].get("volumes", ())} for name in SERVICES}
    assert mounted == {
        "kafka": {"kafka"},
        "postgres": {"postgres", "owner"},
        "secrets": {"owner"},
        "setup": {"owner", "worker", "finder", "keys"},
        "tools": {"owner", "worker", "keys", "activation"},
        "collector": {"keys", "spool"},
        "worker": {"worker"},
        "relay": {"worker"},
        "activation": {"worker", "activation"},
        "trace": {"finder", "keys"},
        "files": {"files", "./drop"},
    }
    assert set(COMPOSE["volumes"]) == set().union(*mounted.values()) - {"./drop"}


def test_the_files_of_passwords_are_in_volumes_that_hold_them() -> None:
    setup = environment(SERVICES["setup"])
    roots = dict(mount.split(":")[:2] for mount in SERVICES["setup"]["volumes"])
    assert {
        setting: Account.of(setup, setting).passfile.parent.as_posix()
        for setting in (DATABASE_URL, READER_URL, WORKER_URL, FINDER_URL)
    } == {
        DATABASE_URL: roots["owner"],
        READER_URL: roots["owner"],
        WORKER_URL: roots["worker"],
        FINDER_URL: roots["finder"],
    }
    written = environment(SERVICES["secrets"])[PASSWORD_FILE]
    read = environment(SERVICES["postgres"])[PASSWORD_FILE]
    assert (Path(written).parent.as_posix(), Path(written).name) == (roots["owner"], Path(read).name)
    assert f"owner:{Path(read).parent.as_posix()}:ro" in SERVICES["postgres"]["volumes"]


def test_postgres_is_made_for_the_owner_that_the_addresses_name() -> None:
    owner = parse_dsn(environment(SERVICES["setup"])[DATABASE_URL])
    given = environment(SERVICES["postgres"])
    assert (owner["user"], owner["dbname"], owner["host"]) == (given["POSTGRES_USER"], given["POSTGRES_DB"], "postgres")


def test_each_part_starts_when_what_it_needs_is_there() -> None:
    needs = {
        name: {other: told["condition"] for other, told in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    done, healthy = "service_completed_successfully", "service_healthy"
    assert needs == {
        "secrets": {},
        "kafka": {},
        "postgres": {"secrets": done},
        "setup": {"kafka": healthy, "postgres": healthy},
        **{part: {"setup": done} for part in ("collector", "worker", "relay", "activation", "trace", "files")},
        "tools": {},
    }


def test_each_part_runs_a_module_that_is_there() -> None:
    assert {name: words_of(name) for name in OURS} == {
        "secrets": "python -m ops.containers secrets",
        "setup": "python -m ops.containers setup",
        "collector": "python -m producers.collector",
        "worker": "python -m processors.app",
        "relay": "python -m sinks.relay",
        "activation": "python -m sinks.activation",
        "trace": "python -m ops.trace_service",
        "files": "portrait watch /var/lib/portrait/drop --mapping /var/lib/portrait/drop/.mapping.yaml",
        "tools": "portrait status",
    }
    for module in (
        "ops.containers",
        "producers.collector",
        "processors.app",
        "sinks.relay",
        "sinks.activation.__main__",
        "ops.trace_service",
    ):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_any_number_of_workers_fits_on_one_machine() -> None:
    assert not {"ports", "container_name"} & set(SERVICES["worker"])


def test_ours_run_without_rights_and_every_service_has_a_limit_of_memory() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert [name for name, service in SERVICES.items() if "mem_limit" not in service] == []


def test_the_image_runs_as_a_user_of_no_rights_and_says_whether_it_is_healthy() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert "ARG BASE_IMAGE=python:3.12-slim" in lines
    final = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert [line for line in final if line.startswith("USER ")] == ["USER portrait"]
    assert any(line.startswith("HEALTHCHECK ") for line in final)
    assert not re.search(r"(?i)^(ENV|ARG).*(password|secret|token|key)", "\n".join(lines), re.MULTILINE)


def test_the_image_takes_in_every_package_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    packages = {"schemas", "producers", "processors", "sinks", "ops"}
    assert allowed == {*packages, "pyproject.toml", "README.md", "LICENSE"}


def test_every_variable_of_the_file_is_told_in_the_documentation() -> None:
    variables = set(re.findall(r"PORTRAIT_[A-Z_]+(?=:-)", COMPOSE_FILE.read_text("utf-8")))
    handed_on = {
        name for service in SERVICES.values() for name, value in service.get("environment", {}).items() if value is None
    }
    told = set(re.findall(r"`(PORTRAIT_[A-Z_]+)`", (ROOT / "docs/operating.md").read_text("utf-8")))
    assert (variables | handed_on) - told == set()


def test_the_folder_of_the_tills_is_watched_only_when_asked() -> None:
    assert SERVICES["files"]["profiles"] == ["files"]
    given = read_compose({"PORTRAIT_DROP_FOLDER": "/srv/tills"})["services"]["files"]
    assert "/srv/tills:/var/lib/portrait/drop" in given["volumes"]
    assert "/var/lib/portrait/drop" in (ROOT / "Dockerfile").read_text("utf-8")
