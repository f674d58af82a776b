"""Targets: what other systems are told of segment changes, how far, and what they would not take."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0012_activation"
down_revision = "0011_ranks"


def upgrade() -> None:
    run(revision)
