"""Segments by data: portraits know their newest purchases, rules can change, and changes say whether they are history."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0010_segments"
down_revision = "0009_doubtful"


def upgrade() -> None:
    run(revision)
