"""Accounts: which relations customers have to the company, who is responsible, and the history of both."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0014_accounts"
down_revision = "0013_predictions"


def upgrade() -> None:
    run(revision)
