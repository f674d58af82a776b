"""The stores that promise the same: in memory, and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sinks.memory import MemoryStore
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from sinks.store import Store

MakeStore = Callable[[], Store]


@pytest.fixture(scope="module", params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
def new_store(request: pytest.FixtureRequest) -> Iterator[MakeStore]:
    """Makes empty stores."""
    opened: list[Store] = []

    def in_memory() -> Store:
        return MemoryStore()

    def in_postgres() -> Store:
        if not opened:
            url = request.getfixturevalue("new_database")()
            migrate(url)
            opened.append(PostgresStore(url))
        store: Any = opened[0]
        with store.transaction() as tx:
            tx._at.execute(
                "truncate portrait.positions, portrait.events, portrait.duplicates, portrait.identifiers, portrait.links, "
                "portrait.customers, portrait.aliases, portrait.memberships, portrait.segment_changes, portrait.outbox, "
                "portrait.sweeps, portrait.segment_failures, portrait.rejected, portrait.unsettled, portrait.judgements, "
                "portrait.reviews, portrait.identity_changes"
            )
            tx._at.execute("update portrait.rankings set bounds = null, next_at = '-infinity'")
        return opened[0]

    yield in_memory if request.param == "memory" else in_postgres
    for store in opened:
        store.close()
