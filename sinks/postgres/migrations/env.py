"""What alembic runs for every command: the migrations, on the connection that `sinks.postgres.migrate` has opened."""

from __future__ import annotations

from alembic import context

context.configure(**context.config.attributes["configure"])
with context.begin_transaction():  # the caller's own: all or none
    context.run_migrations()
