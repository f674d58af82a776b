"""Until when workers went by which rules of segments: who was decided by those of before is evaluated once more."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0022_rules_in_use"
down_revision = "0021_segment_history"


def upgrade() -> None:
    run(revision)
