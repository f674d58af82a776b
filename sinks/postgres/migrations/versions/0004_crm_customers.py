"""What is known of customers: views on portraits, identifiers, aliases, segments, links."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0004_crm_customers"
down_revision = "0003_crm"


def upgrade() -> None:
    run(revision)
