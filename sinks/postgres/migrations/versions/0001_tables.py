"""The private schema: what the stream writes."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0001_tables"
down_revision = None


def upgrade() -> None:
    run(revision)
