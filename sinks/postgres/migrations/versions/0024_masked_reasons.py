"""Who sees personal values masked sees no birthday in the reasons of segments either."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0024_masked_reasons"
down_revision = "0023_finder"


def upgrade() -> None:
    run(revision)
