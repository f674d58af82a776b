"""Computed traits: what jobs compute of customers stands with them, for the rules of segments to see."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0018_computed"
down_revision = "0017_evaluations"


def upgrade() -> None:
    run(revision)
