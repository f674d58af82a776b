"""Links decide who is who, by rules and judgements; events belong to identifiers, and these to customers."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0008_identity"
down_revision = "0007_sparse_hours"


def upgrade() -> None:
    run(revision)
