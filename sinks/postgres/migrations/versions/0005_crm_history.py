"""What customers did: views on events, orders, returns, and what was rejected."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0005_crm_history"
down_revision = "0004_crm_customers"


def upgrade() -> None:
    run(revision)
