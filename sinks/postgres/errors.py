"""What psycopg2 raises, as the store's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import errors

from sinks.store import Fatal, Refused, Retryable

_RETRYABLE = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    errors.UniqueViolation,  # another worker stored the same new event a moment ago
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.LockNotAvailable,
    errors.QueryCanceled,
)
_TOO_MUCH = (errors.ProgramLimitExceeded, errors.StatementTooComplex)
"""A value too long for an index, say: to psycopg2 operational errors, but none that pass."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg2's errors into the store's own. What PostgreSQL says of a value quotes it: `Refused` only names the error."""
    try:
        yield
    except _TOO_MUCH as error:
        raise Refused(type(error).__name__) from error
    except _RETRYABLE as error:
        raise Retryable(str(error).strip() or type(error).__name__) from error
    except psycopg2.DataError as error:
        raise Refused(type(error).__name__) from error
    except psycopg2.Error as error:
        raise Fatal(f"{type(error).__name__}: {str(error).strip()}") from error
