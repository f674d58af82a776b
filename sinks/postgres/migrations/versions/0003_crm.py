"""The public schema, and how personal values look to those who may not see them."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0003_crm"
down_revision = "0002_worker"


def upgrade() -> None:
    run(revision)
