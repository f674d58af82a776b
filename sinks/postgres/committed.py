"""What PostgreSQL has committed, read beside the transaction that writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from psycopg2.extensions import connection

from schemas.identifiers import Identifier, Known, Link, Pair
from sinks.postgres import lookup
from sinks.postgres.errors import translated
from sinks.postgres.sql import statement
from sinks.store import Held, Refused


class PostgresCommitted:
    """See `sinks.store.Committed`. A connection of its own, opened when first used and again after it was lost."""

    def __init__(self, connect: Callable[[], connection]) -> None:
        self._connect = connect
        self._connection: connection | None = None

    def generation(self) -> int:
        return lookup.generation(self._ask)

    def settlements(self) -> int:
        return int(self._ask("settlements")[0][0])

    def stored(self, keys: Collection[str]) -> dict[str, str]:
        return lookup.stored(self._ask, keys)

    def customers_of(self, identifiers: Collection[Identifier]) -> dict[Identifier, Known]:
        return lookup.customers_of(self._ask, identifiers)

    def kin(self, customers: Collection[str]) -> dict[str, list[Identifier]]:
        return lookup.kin(self._ask, customers)

    def recorded(self, pairs: Collection[Pair]) -> dict[Pair, Link]:
        return lookup.recorded(self._ask, pairs)

    def orders_counted(self, orders: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        return lookup.orders_counted(self._ask, orders)

    def orders_of(self, customers: Collection[str]) -> dict[str, set[str]]:
        return lookup.orders_of(self._ask, customers)

    def held(self, customers: Collection[str]) -> dict[str, Held]:
        return lookup.held(self._ask, customers)

    def close(self) -> None:
        """Give back the connection."""
        held, self._connection = self._connection, None
        if held is not None:
            held.close()

    def _ask(self, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        try:
            with translated():
                if self._connection is None:
                    self._connection = self._connect()
                    self._connection.autocommit = True
                with self._connection.cursor() as at:
                    at.execute(statement(name), parameters)
                    return at.fetchall()
        except ValueError as error:  # a NUL character: psycopg2 refuses it before PostgreSQL could
            raise Refused(str(error)) from error
        except BaseException:
            self.close()
            raise
