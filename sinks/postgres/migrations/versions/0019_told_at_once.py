"""Of all changes of segments that a customer makes at once, one entry of the outbox; and one index fewer on them."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0019_told_at_once"
down_revision = "0018_computed"


def upgrade() -> None:
    run(revision)
