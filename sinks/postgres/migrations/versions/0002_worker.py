"""The worker may read and write every private table, and change none of them."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0002_worker"
down_revision = "0001_tables"


def upgrade() -> None:
    run(revision)
