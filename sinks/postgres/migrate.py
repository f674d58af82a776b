"""Bring a database to what this version of Portrait needs: the roles, then the migrations that are missing.

`migrate` is run as the owner of the database, never by workers: they cannot change tables.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg2
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg2 import errors, sql
from psycopg2.extensions import connection, encrypt_password
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from sinks.postgres.errors import translated
from sinks.store import Fatal

ROLES = ("portrait_worker", "portrait_reader", "portrait_pii_reader", "portrait_finder")
"""What a login can be given; `roles.sql` says what each may do."""

_LOCK = 0x706F72747261  # any number that no version changes: whoever holds it migrates
_ATTEMPTS = 10
_one_thread = threading.Lock()  # alembic keeps what it works on in global variables


class Migration(NamedTuple):
    """One step of the schema: its name, and what it is about."""

    revision: str
    about: str


def migrations() -> list[Migration]:
    """Every migration there is, the first one first."""
    scripts = ScriptDirectory.from_config(_config())
    return [Migration(each.revision, each.doc) for each in reversed(list(scripts.walk_revisions()))]


def migrate(url: str) -> list[str]:
    """Apply the migrations that are missing, all or none, and return their revisions, the first one first.

    `url` names the owner of the database, in any form that libpq reads. Safe at any time, and by several processes at
    once: one does it, the others wait and then find nothing left. Raises sinks.store.Retryable, and Fatal when the
    database is newer than this program or the user may not do this.
    """
    applied: list[str] = []
    with _transaction(url) as (opened, run):
        _ensure_roles(opened)
        with opened.cursor() as at:
            at.execute("set local role portrait_owner")
            at.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            at.execute("create schema if not exists portrait")
        run(_upgrades, on_version_apply=lambda *, step, **_: applied.append(step.up_revision_id))
    return applied


def pending(url: str) -> list[str]:
    """The revisions that `migrate` would apply, the first one first. Changes nothing; workers may ask.

    Raises sinks.store.Retryable, and Fatal when the database is newer than this program.
    """
    missing: list[str] = []

    def look(scripts: ScriptDirectory, heads: Any) -> list[Any]:
        missing.extend(step.revision.revision for step in _upgrades(scripts, heads))
        return []

    with _transaction(url) as (_, run):
        run(look, dont_mutate=True)
    return missing


def ensure_login(url: str, name: str, role: str, password: str) -> None:
    """Make the user `name`, who logs in with `password` and may do what `role` (one of ROLES) may; or set the password.

    `url` names the owner of the database. The server never sees the password, only what it keeps of it.
    Raises ValueError for another role, sinks.store.Retryable and Fatal.
    """
    if role not in ROLES:
        raise ValueError(f"{role!r} is not one of {', '.join(ROLES)}")
    user, group = sql.Identifier(name), sql.Identifier(role)
    with translated(), closing(psycopg2.connect(url)) as opened, opened, opened.cursor() as at:
        kept = encrypt_password(password, name, opened, "scram-sha-256")
        at.execute("select from pg_catalog.pg_roles where rolname = %s", (name,))
        verb = sql.SQL("alter" if at.rowcount else "create")
        at.execute(sql.SQL("{} role {} login inherit password {}").format(verb, user, sql.Literal(kept)))
        at.execute(sql.SQL("grant {} to {}").format(group, user))


def _upgrades(scripts: ScriptDirectory, heads: Any) -> list[Any]:
    return scripts._upgrade_revs("head", heads)


def _config() -> Config:
    config = Config()
    # ConfigParser reads % as the beginning of a reference.
    config.set_main_option("script_location", str(files("sinks.postgres.migrations")).replace("%", "%%"))
    return config


@contextmanager
def _transaction(url: str) -> Iterator[tuple[connection, Callable[..., None]]]:
    """One transaction: its connection, and what runs alembic's environment in it with `steps(scripts, heads)`."""
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    # SQLAlchemy reads URLs in its own way; libpq's is the one that all other parts of Portrait use.
    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), poolclass=NullPool)
    with translated(), _unwrapped(), engine.begin() as begun:

        def run(steps: Callable[[ScriptDirectory, Any], list[Any]], **options: Any) -> None:
            configured = {
                "connection": begun,
                "version_table": "migrations",
                "version_table_schema": "portrait",
                **options,
            }
            with _one_thread, EnvironmentContext(config, scripts, fn=lambda heads, _: steps(scripts, heads)):
                config.attributes["configure"] = configured
                scripts.run_env()

        yield begun.connection.driver_connection, run  # type: ignore[misc]


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Let alembic's and SQLAlchemy's errors out as what they stand for."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, psycopg2.Error):
            raise error.orig from error
        raise
    except CommandError as error:
        raise Fatal(f"the database is newer than this program, or another one: {error}") from error


def _ensure_roles(opened: connection) -> None:
    """Execute `roles.sql`. Roles are the cluster's: another database of it may do so at the same time; try again."""
    text = (files("sinks.postgres") / "roles.sql").read_text("utf-8")
    with opened.cursor() as at:
        for attempt in range(1, _ATTEMPTS + 1):
            at.execute("savepoint roles")
            try:
                at.execute(text)
            except (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError_):
                if attempt == _ATTEMPTS:
                    raise
                at.execute("rollback to savepoint roles")
            else:
                at.execute("release savepoint roles")
                return
