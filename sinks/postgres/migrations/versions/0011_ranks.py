"""Customers know where they stand among all others."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0011_ranks"
down_revision = "0010_segments"


def upgrade() -> None:
    run(revision)
