"""A role for those who say where events are, and nothing of what is in them."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0023_finder"
down_revision = "0022_rules_in_use"


def upgrade() -> None:
    run(revision)
