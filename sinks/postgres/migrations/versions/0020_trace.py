"""Where an event is: what finds it by its id alone, when each step was, and what was done about dead letters."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0020_trace"
down_revision = "0019_told_at_once"


def upgrade() -> None:
    run(revision)
