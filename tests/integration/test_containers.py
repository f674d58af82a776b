"""What containers need around the parts: passwords, the one-shot setup, health, against a real Kafka and PostgreSQL."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest

from ops.containers import PASSWORD_FILE, Account, is_healthy, main, make_secrets, set_up
from ops.local.home import (
    COLLECTOR_URL,
    DATABASE_URL,
    FINDER_URL,
    KAFKA,
    READER_URL,
    SOURCE_KEY,
    TRACE_KEY,
    TRACE_URL,
    WORKER_URL,
    LocalStackError,
    read_env,
)
from producers.keys import find_source, read_sources
from sinks.postgres.migrate import pending
from sinks.postgres.outbox import Outbox

pytestmark = pytest.mark.integration


@pytest.fixture
def environ(
    kafka: str, new_database: Callable[[], str], postgres_server: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """What docker-compose.yml gives to `setup`, for these servers. The logins are dropped in the end."""
    owner, one = urlsplit(new_database()), uuid4().hex[:8]
    place = f"{owner.hostname}:{owner.port}{owner.path}"
    (tmp_path / "owner.pgpass").write_text(f"*:*:*:{owner.username}:{owner.password}\n")
    (tmp_path / "owner.pgpass").chmod(0o600)
    yield {
        "PORTRAIT_HOME": str(tmp_path),
        KAFKA: kafka,
        DATABASE_URL: f"postgresql://{owner.username}@{place}?passfile={tmp_path}/owner.pgpass",
        WORKER_URL: f"postgresql://worker_{one}@{place}?passfile={tmp_path}/worker.pgpass",
        READER_URL: f"postgresql://reader_{one}@{place}?passfile={tmp_path}/reader.pgpass",
        FINDER_URL: f"postgresql://finder_{one}@{place}?passfile={tmp_path}/finder.pgpass",
        "PORTRAIT_KEYS": str(tmp_path / "keys.yaml"),
        "PORTRAIT_KAFKA_PORT": "1092",
        "PORTRAIT_POSTGRES_PORT": str(owner.port),
        "PORTRAIT_COLLECTOR_PORT": "1080",
        "PORTRAIT_TRACE_PORT": "1090",
    }
    with closing(psycopg2.connect(postgres_server)) as server, server, server.cursor() as at:
        at.execute(f"drop role if exists worker_{one}, reader_{one}, finder_{one}")


def who_is_served(url: str) -> str:
    with closing(psycopg2.connect(url)) as opened, opened, opened.cursor() as at:
        at.execute("select current_user")
        (name,) = at.fetchone() or ("",)
    return str(name)


def test_the_password_of_the_owner_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    environ = {
        DATABASE_URL: f"postgresql://portrait@postgres/portrait?passfile={tmp_path}/owner.pgpass",
        PASSWORD_FILE: str(tmp_path / "owner.password"),
    }
    make_secrets(environ)
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    make_secrets(environ)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == made
    assert made["owner.pgpass"] == f"*:*:*:portrait:{made['owner.password']}\n"
    assert len(made["owner.password"]) == 32
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_setup_makes_tables_logins_topics_and_a_key_and_tells_where_all_of_it_is(
    environ: dict[str, str], tmp_path: Path
) -> None:
    set_up(environ)
    assert pending(environ[DATABASE_URL]) == []
    users = {
        setting: Account.of(environ, setting).user for setting in (DATABASE_URL, WORKER_URL, READER_URL, FINDER_URL)
    }
    assert {setting: who_is_served(environ[setting]) for setting in users} == users
    told = read_env(tmp_path / "portrait.env")
    assert (told[KAFKA], told[COLLECTOR_URL]) == ("127.0.0.1:1092", "http://127.0.0.1:1080")
    assert told[TRACE_URL] == "http://127.0.0.1:1090"
    assert {setting: who_is_served(told[setting]) for setting in users} == users
    known = [find_source(read_sources(tmp_path / "keys.yaml"), told[setting]) for setting in (SOURCE_KEY, TRACE_KEY)]
    assert [(source.name, source.traces) for source in known if source] == [("demo", False), ("demo-trace", True)]


def test_a_second_setup_changes_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    set_up(environ)
    made = {file.name: file.read_text() for file in tmp_path.iterdir() if file.is_file()}
    set_up(environ)
    assert {file.name: file.read_text() for file in tmp_path.iterdir() if file.is_file()} == made


def test_a_login_whose_password_was_lost_gets_a_new_one(environ: dict[str, str]) -> None:
    set_up(environ)
    account = Account.of(environ, WORKER_URL)
    before = account.password()
    account.passfile.unlink()
    set_up(environ)
    assert account.password() != before
    assert who_is_served(environ[WORKER_URL]) == account.user


def test_setup_gives_up_on_a_server_that_does_not_answer(environ: dict[str, str]) -> None:
    passwords = urlsplit(environ[DATABASE_URL]).query
    silent = {**environ, DATABASE_URL: f"postgresql://nobody@127.0.0.1:1/portrait?{passwords}"}
    with pytest.raises(LocalStackError, match="no tables in the database"):
        set_up(silent, patience=0)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (DATABASE_URL, "", "PORTRAIT_DATABASE_URL is not set"),
        (WORKER_URL, "postgresql://worker@db/portrait", "PORTRAIT_WORKER_URL must be postgresql://USER@HOST"),
        (READER_URL, "not an address", "PORTRAIT_READER_URL is no address of a database"),
        ("PORTRAIT_PARTITIONS", "some", "PORTRAIT_PARTITIONS: 'some' is not a whole number"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    environ: dict[str, str], setting: str, value: str, message: str
) -> None:
    with pytest.raises(LocalStackError, match=message):
        set_up({**environ, setting: value})


def test_a_relay_is_healthy_as_long_as_it_is_connected(environ: dict[str, str]) -> None:
    set_up(environ)
    assert not is_healthy("relay", environ)
    with closing(Outbox(environ[WORKER_URL])) as outbox:
        outbox.lead()
        assert is_healthy("relay", environ)
    assert not is_healthy("relay", environ)


def test_a_part_that_does_not_answer_is_not_healthy() -> None:
    nobody = {
        WORKER_URL: "postgresql://nobody@127.0.0.1:1/portrait",
        "PORTRAIT_METRICS_PORT": "1",
        "PORTRAIT_COLLECTOR_PORT": "1",
        "PORTRAIT_TRACE_PORT": "1",
    }
    parts = ("collector", "worker", "relay", "activation", "trace")
    assert [is_healthy(part, nobody) for part in parts] == [False] * 5


def test_what_is_no_part_and_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["healthy", "kafka"]) == 1
    assert capsys.readouterr().err == "kafka is none of collector, worker, relay, activation, trace\n"
    assert main(["everything"]) == 2
    assert "python -m ops.containers setup" in capsys.readouterr().err
