"""An index of those identifiers that are not plainly one customer's."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0009_doubtful"
down_revision = "0008_identity"


def upgrade() -> None:
    run(revision)
