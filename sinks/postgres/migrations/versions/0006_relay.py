"""What the relay needs: a place for what it cannot publish, and an outbox that is vacuumed in time."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0006_relay"
down_revision = "0005_crm_history"


def upgrade() -> None:
    run(revision)
