"""What containers need around the parts of the stack; docker-compose.yml calls it.

    python -m ops.containers secrets                          before PostgreSQL starts the first time: its password
    python -m ops.containers setup                            before the parts start: tables, logins, topics, a key
    python -m ops.containers healthy PART                     whether the part in this container works: collector, worker,
                                                              relay, activation or trace

Addresses in the environment hold no password: they name the file in which libpq finds it
(`postgresql://USER@HOST/NAME?passfile=FILE`). The passwords are made here, and each part is given its own only.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import parse_dsn

from ops.local.home import (
    COLLECTOR_URL,
    DATABASE_URL,
    KAFKA,
    LOOPBACK,
    SOURCE_KEY,
    TRACE_KEY,
    TRACE_URL,
    WORKER_URL,
    Home,
    LocalStackError,
    read_env,
    write_private,
)
from ops.local.ready import answers
from ops.logins import ROLES, Login, url_of
from ops.sql import reading, rows

PARTITIONS = "PORTRAIT_PARTITIONS"
PASSWORD_FILE = "POSTGRES_PASSWORD_FILE"  # noqa: S105 - PostgreSQL's image reads the owner's password from this file
PUBLISHED = {
    KAFKA: "PORTRAIT_KAFKA_PORT",
    DATABASE_URL: "PORTRAIT_POSTGRES_PORT",
    COLLECTOR_URL: "PORTRAIT_COLLECTOR_PORT",
    TRACE_URL: "PORTRAIT_TRACE_PORT",
}
"""Address → the setting with the loopback port of the machine on which it is published."""

_PATIENCE = 60.0  # seconds for a server that has just been started


class Account(NamedTuple):
    """A user of the database, and the file in which libpq looks up the password."""

    user: str
    passfile: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], setting: str) -> Account:
        """Who the address in `setting` names. Raises LocalStackError when it does not name a file of passwords."""
        try:
            told = parse_dsn(_needed(environ, setting))
        except psycopg2.ProgrammingError as error:
            raise LocalStackError(f"{setting} is no address of a database: {error}") from error
        if not told.get("user") or not told.get("passfile"):
            raise LocalStackError(f"{setting} must be postgresql://USER@HOST/NAME?passfile=FILE")
        return cls(str(told["user"]), Path(str(told["passfile"])))

    def password(self) -> str:
        """The password in the file; made with the file, mode 0600, the first time."""
        if not self.passfile.exists():
            # URL-safe letters: nothing that would have to be quoted in this file or in an address.
            write_private(self.passfile, f"*:*:*:{self.user}:{secrets.token_urlsafe(24)}\n")
        kept = re.fullmatch(rf"\*:\*:\*:{re.escape(self.user)}:([\w-]+)\n", self.passfile.read_text())
        if kept is None:
            raise LocalStackError(f"{self.passfile} is not the password of {self.user}; mend or delete it")
        return kept[1]


def make_secrets(environ: Mapping[str, str]) -> None:
    """Make the password of the owner of the database, the first time. Raises LocalStackError."""
    password = Account.of(environ, DATABASE_URL).password()
    write_private(Path(_needed(environ, PASSWORD_FILE)), password)


def set_up(environ: Mapping[str, str], patience: float = _PATIENCE) -> None:
    """Bring Kafka and PostgreSQL to what this version needs; run it as often as you like. Raises LocalStackError.

    Writes `portrait.env` into the home: the addresses as this machine sees them, with passwords and the keys of two sources,
    `demo`, and `demo-trace`, which asks where events are. A server that does not answer is asked again for `patience` seconds.
    """
    from ops.parts import KEYS
    from ops.preparation import DEMO, DEMO_TRACE, Preparation, first_key
    from ops.topics import DEFAULT_PARTITIONS

    home = Home.at(environ=environ)
    logins = tuple(_login(environ, setting, role) for setting, role in ROLES.items())
    partitions = environ.get(PARTITIONS, "").strip() or str(DEFAULT_PARTITIONS)
    if not partitions.isdecimal() or int(partitions) < 1:
        raise LocalStackError(f"{PARTITIONS}: {partitions!r} is not a whole number from 1")
    preparation = Preparation(_needed(environ, KAFKA), _needed(environ, DATABASE_URL), logins, int(partitions))
    for step in (preparation.topics, preparation.tables):
        _patiently(step, patience)
    keys, known = Path(_needed(environ, KEYS)), read_env(home.env_file)
    first = {
        SOURCE_KEY: first_key(keys, DEMO, known.get(SOURCE_KEY, "")),
        TRACE_KEY: first_key(keys, DEMO_TRACE, known.get(TRACE_KEY, ""), traces=True),
    }
    home.remember({**_outside(environ, logins), **first})


def is_healthy(part: str, environ: Mapping[str, str]) -> bool:
    """Whether the part in this container works.

    collector: it would take an event now. worker, activation: it serves its metrics (a worker ends itself when it stalls).
    relay: it is connected to PostgreSQL from this container. trace: it answers. Raises LocalStackError for another part.
    """
    if part == "collector":
        from producers.intake.settings import CollectorSettings

        port = environ.get("PORTRAIT_COLLECTOR_PORT", "").strip() or str(CollectorSettings.port)
        return answers(int(port), "/ready")
    if part == "trace":
        return answers(int(_needed(environ, "PORTRAIT_TRACE_PORT")), "/health")
    if part in ("worker", "activation"):
        return answers(int(_needed(environ, "PORTRAIT_METRICS_PORT")), "/metrics")
    if part == "relay":
        return _is_connected(_needed(environ, WORKER_URL), "portrait-relay")
    raise LocalStackError(f"{part} is none of collector, worker, relay, activation, trace")


def _login(environ: Mapping[str, str], setting: str, role: str) -> Login:
    account = Account.of(environ, setting)
    return Login(setting, role, account.user, account.password())


def _outside(environ: Mapping[str, str], logins: tuple[Login, ...]) -> dict[str, str]:
    """The addresses as the machine sees them on which the containers run."""
    ports = {setting: _needed(environ, port) for setting, port in PUBLISHED.items()}
    owner = Account.of(environ, DATABASE_URL)
    name = urlsplit(environ[DATABASE_URL]).path
    place = f"postgresql://{LOOPBACK}:{ports[DATABASE_URL]}{name}"
    everyone = (Login(DATABASE_URL, "", owner.user, owner.password()), *logins)
    return {
        KAFKA: f"{LOOPBACK}:{ports[KAFKA]}",
        **{setting: f"http://{LOOPBACK}:{ports[setting]}" for setting in (COLLECTOR_URL, TRACE_URL)},
        **{login.setting: url_of(login, place) for login in everyone},
    }


def _patiently(step: Callable[[], None], seconds: float) -> None:
    from sinks.store import Fatal

    deadline = time.monotonic() + seconds
    while True:
        try:
            return step()
        except LocalStackError as error:
            if isinstance(error.__cause__, Fatal) or time.monotonic() > deadline:
                raise
            print(f"not yet: {error}", file=sys.stderr, flush=True)
        time.sleep(1.0)


def _is_connected(url: str, application: str) -> bool:
    try:
        with reading(url) as at:
            ((connections,),) = rows(at, "connections_from_here", application=application)
    except psycopg2.Error:
        return False
    return int(connections) > 0


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise LocalStackError(f"{name} is not set; docker-compose.yml shows what it should be")
    return value


def main(arguments: list[str] | None = None) -> int:
    """0 when it is done or healthy, 1 when not, 2 when it was asked for something else."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        match given:
            case ["secrets"]:
                make_secrets(os.environ)
            case ["setup"]:
                set_up(os.environ)
            case ["healthy", part]:
                return 0 if is_healthy(part, os.environ) else 1
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
