"""`portrait verify`, `rebuild` and `bench`: whether the store is right, and how fast it gets so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.local.home import DATABASE_URL, LocalStackError
from ops.logins import without_password


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Turns what the store raises into a LocalStackError that says what to do."""
    import psycopg2

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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
