"""The home keeps ports, addresses and secrets, and never mistakes one process for another."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ops.local.home import Home, LocalStackError, read_env, require_free_port, write_env
from ops.local.jars import pinned_jars
from ops.local.postgres import shared_buffers
from ops.local.records import Record, end, lock, pids, read_record, write_record
from ops.local.supervisor import bound


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def test_the_home_is_the_one_given_else_that_of_the_environment_else_in_this_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"PORTRAIT_HOME": str(tmp_path / "b")}
    assert Home.open(tmp_path / "a", environ).path == tmp_path / "a"
    assert Home.open(None, environ).path == tmp_path / "b"
    assert Home.open(None, {}).path == tmp_path / ".portrait"


def test_a_home_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match="--home"):
        Home.open(tmp_path / "file" / "home")


def test_a_port_is_remembered_and_no_two_names_share_one(home: Home) -> None:
    names = ("kafka", "postgres", "collector")
    first = [home.port(name) for name in names]
    assert len(set(first)) == 3
    assert [Home.open(home.path).port(name) for name in names] == first


def test_a_port_that_is_given_replaces_the_remembered_one(home: Home) -> None:
    home.port("kafka")
    assert home.port("kafka", 19_092) == 19_092
    assert home.port("kafka") == 19_092


def test_a_port_in_use_is_reported_by_number_and_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LocalStackError, match=f"port {port}, which this home keeps for Kafka"):
            require_free_port(port, "Kafka")
    require_free_port(port, "Kafka")


def test_a_secret_is_made_once_and_only_its_owner_reads_it(home: Home) -> None:
    file = home.path / "password"
    assert home.secret(file) == home.secret(file)
    assert len(home.secret(file)) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_settings_come_from_the_file_unless_the_environment_has_a_value(home: Home) -> None:
    home.remember({"PORTRAIT_KAFKA": "127.0.0.1:1", "PORTRAIT_DATABASE_URL": "postgresql://a"})
    home.remember({"PORTRAIT_DATABASE_URL": "postgresql://b"})
    environ = {"PORTRAIT_KAFKA": "broker:9092", "PORTRAIT_DATABASE_URL": "", "PORTRAIT_MORE": "1", "OTHER": "2"}
    assert home.settings(environ) == {
        "PORTRAIT_KAFKA": "broker:9092",
        "PORTRAIT_DATABASE_URL": "postgresql://b",
        "PORTRAIT_MORE": "1",
    }


def test_a_shell_reads_the_env_file_as_we_do_and_nobody_else_does(home: Home) -> None:
    values = {"A": "plain", "B": "with space, 'quotes', $HOME and `date`", "C": "", "D": "Đặng=#1"}
    write_env(home.env_file, values)
    assert read_env(home.env_file) == values
    script = f'. "{home.env_file}"; printf "%s\\n" "$A" "$B" "$C" "$D"'
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == list(values.values())
    assert stat.S_IMODE(home.env_file.stat().st_mode) == 0o600


def test_an_env_file_with_a_bad_line_is_refused_by_line_number(home: Home) -> None:
    for line in ("what is this", "key with=space", "=1", "A='open"):
        home.env_file.write_text(f"# a comment\n\nA=1\n{line}\n")
        with pytest.raises(LocalStackError, match="line 4"):
            read_env(home.env_file)


@pytest.mark.parametrize("values", [{"lower": "x"}, {"A B": "x"}, {"A": "two\nlines"}])
def test_a_setting_that_does_not_fit_one_line_is_refused(home: Home, values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="fits one line"):
        write_env(home.env_file, values)


def test_a_name_has_one_holder_at_a_time(home: Home) -> None:
    with lock(home, "kafka"):
        with pytest.raises(LocalStackError, match=r"kafka of .* is running already"):
            lock(home, "kafka")
        lock(home, "postgres").close()
    lock(home, "kafka").close()


def test_only_the_very_process_that_was_recorded_is_stopped(home: Home) -> None:
    asked = home.path / "asked"
    script = f"""
import pathlib, signal, sys
def ask(*_):
    pathlib.Path({str(asked)!r}).touch()
    sys.exit()
signal.signal(signal.SIGTERM, ask)
print("ready", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline() == b"ready\n"
        started = psutil.Process(sleeper.pid).create_time()
        stranger = Record("worker", sleeper.pid, started - 60, signal.SIGTERM, 1.0)
        write_record(home, stranger)
        assert read_record(home, "worker") == stranger
        assert pids(home) == {}
        end(stranger)
        assert sleeper.poll() is None

        write_record(home, Record("worker", sleeper.pid, started, signal.SIGTERM, 5.0))
        assert pids(home) == {"worker": sleeper.pid}
        os.kill(sleeper.pid, signal.SIGSTOP)  # even frozen, it is asked before it is killed
        end(Record("worker", sleeper.pid, started, signal.SIGTERM, 5.0))
        assert asked.exists()
        assert pids(home) == {}


def test_a_log_past_its_bound_starts_anew_and_its_writer_goes_on(home: Home) -> None:
    log = home.log_file("worker")
    with open(log, "ab", buffering=0) as writer:
        writer.write(b"0123456789")
        bound(log, limit=10)
        assert log.read_bytes() == b"0123456789"
        writer.write(b"X")
        bound(log, limit=10)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert log.with_name("worker.log.1").read_bytes() == b"123456789X"


def test_every_pinned_jar_has_a_coordinate_and_a_checksum() -> None:
    jars = pinned_jars()
    assert any(coordinate.startswith("org.apache.kafka:kafka_2.13:4.1.") for coordinate in jars)
    assert all(len(coordinate.split(":")) == 3 and len(bytes.fromhex(sha)) == 32 for coordinate, sha in jars.items())


@pytest.mark.parametrize(("gigabytes", "megabytes"), [(0.5, 128), (8, 1024), (24, 3072), (256, 4096)])
def test_postgres_gets_an_eighth_of_the_memory_within_bounds(gigabytes: float, megabytes: int) -> None:
    assert shared_buffers(int(gigabytes * 1024**3)) == megabytes * 1024**2


def test_what_was_sourced_from_another_home_does_not_count_here(tmp_path: Path) -> None:
    here, there = Home.open(tmp_path / "here"), Home.open(tmp_path / "there")
    here.remember({"PORTRAIT_HOME": str(here.path), "PORTRAIT_KAFKA": "127.0.0.1:1"})
    there.remember({"PORTRAIT_HOME": str(there.path), "PORTRAIT_KAFKA": "127.0.0.1:2", "PORTRAIT_CURRENCY": "USD"})
    sourced = {"PATH": "/bin", **read_env(there.env_file), "PORTRAIT_REGION": "VN"}
    assert Home.at(environ=sourced).settings(sourced)["PORTRAIT_KAFKA"] == "127.0.0.1:2"
    assert here.environment(sourced) == {"PATH": "/bin", "PORTRAIT_REGION": "VN"}
    assert here.settings(sourced) == {**read_env(here.env_file), "PORTRAIT_REGION": "VN"}
    assert Home.at(tmp_path / "none").settings(sourced) == {"PORTRAIT_REGION": "VN"}
    assert here.settings({**sourced, "PORTRAIT_KAFKA": "kafka:9092"})["PORTRAIT_KAFKA"] == "kafka:9092"
