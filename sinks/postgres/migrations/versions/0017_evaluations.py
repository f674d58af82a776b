"""What is known of a customer, and in which segments it is, change on their own."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0017_evaluations"
down_revision = "0016_failures"


def upgrade() -> None:
    run(revision)
