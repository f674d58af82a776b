"""Who was in which segment from when until when."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0021_segment_history"
down_revision = "0020_trace"


def upgrade() -> None:
    run(revision)
