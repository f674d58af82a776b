"""What operators ask the database, one statement a file; each file's first lines say what it asks and takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from io import StringIO
from typing import Any

import psycopg2
from psycopg2.extensions import cursor

from ops.local.home import DATABASE_URL, LocalStackError
from ops.logins import without_password

_ROWS_AT_A_TIME = 5_000


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Turns what the database and the store raise into a LocalStackError that says what to do."""
    from sinks.store import Fatal, Retryable

    try:
        yield
    except (Retryable, psycopg2.OperationalError) as error:
        raise LocalStackError(
            f"PostgreSQL at {without_password(url)} does not answer: {_first_line(error)}. "
            f"See `portrait status`, start it with `portrait up --detach`, or set {DATABASE_URL}"
        ) from error
    except (Fatal, psycopg2.ProgrammingError) as error:
        raise LocalStackError(
            f"the database at {without_password(url)} refuses: {_first_line(error)}. "
            "Is it of this version (`portrait migrate`), and is this user its owner?"
        ) from error


@contextmanager
def reading(url: str, seconds: float | None = None) -> Iterator[cursor]:
    """A read-only transaction, as of one instant, for `rows`; a statement may take so many seconds. Raises psycopg2.Error."""
    with closing(psycopg2.connect(url, connect_timeout=3, application_name="portrait-command")) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection, connection.cursor() as at:
            at.execute("set local timezone to 'UTC'")
            if seconds is not None:
                at.execute("set local statement_timeout to %s", (max(1, int(seconds * 1000)),))
            yield at


@contextmanager
def writing(url: str) -> Iterator[cursor]:
    """A transaction that commits when the block ends well. Raises psycopg2.Error."""
    opened = closing(psycopg2.connect(url, connect_timeout=3, application_name="portrait-command"))
    with opened as connection, connection, connection.cursor() as at:
        yield at


def rows(at: cursor, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
    """The rows that `NAME.sql` gives for these parameters; none when it is no query."""
    at.execute(_statement(name), parameters)
    found: list[tuple[Any, ...]] = at.fetchall() if at.description else []
    return found


def streamed(at: cursor, name: str, /, **parameters: Any) -> Iterator[tuple[Any, ...]]:
    """The rows that `NAME.sql` gives, a few thousand at a time: for more of them than memory should hold."""
    with at.connection.cursor(name=f"portrait_{name}") as stream:
        stream.itersize = _ROWS_AT_A_TIME
        stream.execute(_statement(name), parameters)
        yield from stream


def copied(at: cursor, name: str, /, lines: Iterable[str]) -> None:
    """Give `lines`, in COPY's text format, to the COPY that `NAME.sql` is."""
    at.copy_expert(_statement(name), StringIO("".join(lines)))


def _statement(name: str) -> str:
    text = (files(__name__) / f"{name}.sql").read_text("utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
