"""Adopters: how soon after others customers buy what is new, as computed last."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0015_adopters"
down_revision = "0014_accounts"


def upgrade() -> None:
    run(revision)
