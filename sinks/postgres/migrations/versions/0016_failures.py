"""Operators see which rules of segments fail."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0016_failures"
down_revision = "0015_adopters"


def upgrade() -> None:
    run(revision)
