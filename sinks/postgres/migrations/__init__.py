"""The migrations of the database, run by `sinks.postgres.migrate`. They only go forward."""

from __future__ import annotations

from importlib.resources import files

from alembic import op


def run(revision: str) -> None:
    """Execute `versions/REVISION.sql` as it stands: with no parameters the driver leaves `%` and `:` alone."""
    text = (files(__name__) / "versions" / f"{revision}.sql").read_text("utf-8")
    raw = op.get_bind().connection.cursor()
    try:
        raw.execute(text)
    finally:
        raw.close()
