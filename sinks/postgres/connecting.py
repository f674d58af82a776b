"""Connections to PostgreSQL, made in one way."""

from __future__ import annotations

import psycopg2
from psycopg2.extensions import connection


def connect(url: str, name: str, *, silent_seconds: float | None = None) -> connection:
    """A connection that `pg_stat_activity` shows as `name`, and that notices when the other side has vanished.

    Text is UTF-8 both ways, whatever the environment or the role say: binary rows are. PostgreSQL ends a transaction in which
    nothing was heard for `silent_seconds`. Raises psycopg2.Error.
    """
    options = "-c timezone=UTC -c jit=off"
    if silent_seconds is not None:
        options += f" -c idle_in_transaction_session_timeout={round(silent_seconds * 1000)}"
    return psycopg2.connect(
        url,
        application_name=name,
        client_encoding="UTF8",
        connect_timeout=10,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        options=options,
    )
