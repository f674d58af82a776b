"""What customers will probably do, as `portrait predict` says it."""

from __future__ import annotations

from sinks.postgres.migrations import run

revision = "0013_predictions"
down_revision = "0012_activation"


def upgrade() -> None:
    run(revision)
