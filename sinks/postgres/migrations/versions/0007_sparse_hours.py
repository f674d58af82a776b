"""Portraits keep the hours and weekdays of purchases by name, only those that there were, instead of in lists of 24 and 7."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0007_sparse_hours"
down_revision = "0006_relay"


def upgrade() -> None:
    run(revision)
