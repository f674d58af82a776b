"""The home: the one directory in which a local stack keeps its data, logs, ports and addresses.

portrait.env   addresses and secrets, `KEY=value`, a shell can source it (mode 0600)
ports.json     the ports that were chosen, so that a restart keeps every address
kafka/  postgres/   data and settings of the two servers
log/           one file a process, bounded
spool/         what the collector keeps while Kafka is away
run/           who runs: a record and a lock for each process
"""

import json
import os
import random
import re
import secrets
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME = "PORTRAIT_HOME"
KAFKA = "PORTRAIT_KAFKA"
DATABASE_URL = "PORTRAIT_DATABASE_URL"
READER_URL = "PORTRAIT_READER_URL"
WORKER_URL = "PORTRAIT_WORKER_URL"
FINDER_URL = "PORTRAIT_FINDER_URL"
COLLECTOR_URL = "PORTRAIT_COLLECTOR_URL"
SOURCE_KEY = "PORTRAIT_SOURCE_KEY"
TRACE_URL = "PORTRAIT_TRACE_URL"
TRACE_KEY = "PORTRAIT_TRACE_KEY"

LOOPBACK = "127.0.0.1"

# From 32768 on Linux takes the local ports of outgoing connections: a port there may be gone at the next start.
_PORTS = range(15_000, 32_000)
_KEY = re.compile(r"[A-Z_][A-Z0-9_]*")


class LocalStackError(Exception):
    """Something a person can mend; the message says what happened and what to do next."""


@dataclass(frozen=True)
class Home:
    """The directory of one local stack. Two homes share nothing and can run side by side."""

    path: Path

    @classmethod
    def at(cls, path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> "Home":
        """The home at `path`, else at `PORTRAIT_HOME`, else `.portrait` in the current directory. Makes nothing."""
        chosen = path or (os.environ if environ is None else environ).get(HOME) or ".portrait"
        return cls(Path(chosen).expanduser().absolute())

    @classmethod
    def open(cls, path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> "Home":
        """The home at `path`, as `at` finds it; made when missing. Raises LocalStackError when that cannot be."""
        home = cls.at(path, environ)
        if "," in str(home.path):
            raise LocalStackError(f"Kafka takes the comma in {home.path} for the end of it; choose another with --home")
        try:
            # 0711: as root, PostgreSQL runs as another user, who must be able to pass through to its own directory.
            home.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            for directory in (home.kafka, home.postgres, home.log, home.run):
                directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise LocalStackError(
                f"cannot write to {home.path} ({error.strerror}); choose another with --home"
            ) from error
        return home

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def env_file(self) -> Path:
        return self.path / "portrait.env"

    def log_file(self, name: str) -> Path:
        """Where the process `name` writes what it prints."""
        return self.log / f"{name}.log"

    def port(self, name: str, wanted: int | None = None) -> int:
        """The loopback port of `name`: `wanted`, else the remembered one, else a free one; remembered from now on."""
        file = self.path / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        port = wanted or ports.get(name) or _free_port(taken=frozenset(ports.values()))
        if ports.get(name) != port:
            write_private(file, json.dumps({**ports, name: port}, indent=2, sort_keys=True) + "\n")
        return port

    def secret(self, file: Path) -> str:
        """The secret kept in `file`, mode 0600; made the first time: 32 characters that need no quoting in a URL."""
        if not file.exists():
            write_private(file, secrets.token_urlsafe(24) + "\n")
        return file.read_text().strip()

    def remember(self, values: Mapping[str, str]) -> None:
        """Sets these keys in `portrait.env` and leaves the others as they are."""
        write_env(self.env_file, {**read_env(self.env_file), **values})

    def environment(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment, without what somebody sourced from the `portrait.env` of another home (which names that home)."""
        given = os.environ if environ is None else environ
        other = Home.at(environ=given)
        sourced = read_env(other.env_file) if given.get(HOME) and other.path != self.path else {}
        return {name: value for name, value in given.items() if sourced.get(name) != value}

    def settings(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """Every `PORTRAIT_…` setting: those in `portrait.env`, overlaid by those with a value in the environment."""
        given = self.environment(environ)
        return {
            **read_env(self.env_file),
            **{key: value for key, value in given.items() if key.startswith("PORTRAIT_") and value},
        }


def read_env(file: Path) -> dict[str, str]:
    """The settings in an env file, none when it is missing. Raises LocalStackError at a line that is no `KEY=value`."""
    values: dict[str, str] = {}
    for number, line in enumerate(file.read_text().splitlines() if file.exists() else [], start=1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = [""]
        if not words:
            continue
        key, equals, value = words[0].partition("=")
        if len(words) != 1 or not equals or not _KEY.fullmatch(key):
            raise LocalStackError(f"{file}, line {number}: expected KEY=value; mend or delete the line")
        values[key] = value
    return values


def write_env(file: Path, values: Mapping[str, str]) -> None:
    """Writes `KEY=value` lines, quoted for a POSIX shell, in key order; replaces the file whole, mode 0600."""
    for key, value in values.items():
        if not _KEY.fullmatch(key) or "\n" in value:
            raise ValueError(f"not a setting that fits one line: {key}")
    write_private(file, "".join(f"{key}={shlex.quote(value)}\n" for key, value in sorted(values.items())))


def write_private(file: Path, text: str) -> None:
    """Replaces `file` by `text` in one step, readable by its owner only."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    new.replace(file)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free_port(port: int, name: str) -> None:
    """Raises LocalStackError when another program listens on the port of `name`."""
    if not port_is_free(port):
        raise LocalStackError(
            f"port {port}, which this home keeps for {name}, is in use by another program; "
            f"stop that program, or give {name} another port"
        )


def _free_port(taken: frozenset[int]) -> int:
    for port in random.sample(_PORTS, k=200):
        if port not in taken and port_is_free(port):
            return port
    raise LocalStackError(
        f"none of 200 ports tried between {_PORTS.start} and {_PORTS.stop} is free; choose ports yourself"
    )
