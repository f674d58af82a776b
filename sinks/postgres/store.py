"""The profile store in PostgreSQL, over psycopg2: one connection for what writes, used by one thread, and one beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from psycopg2.extensions import TRANSACTION_STATUS_IDLE, connection

from schemas.ranks import Bounds
from sinks.postgres.committed import PostgresCommitted
from sinks.postgres.connecting import connect
from sinks.postgres.errors import translated
from sinks.postgres.rows import Packed, pack
from sinks.postgres.settling import PostgresSettling
from sinks.postgres.snapshot import PostgresSnapshot
from sinks.store import Changes, Partition


class PostgresStore:
    """See `sinks.store.Store`. Connects when first used, and again after the connection was lost.

    PostgreSQL ends a transaction in which nothing was heard for `silent_seconds`: what a process that froze, or vanished
    with its machine, holds locked is then free for others.
    """

    def __init__(self, url: str, *, application_name: str = "portrait", silent_seconds: float = 30.0) -> None:
        self._url = url
        self._application_name = application_name
        self._silent_seconds = silent_seconds
        self._connection: connection | None = None
        self._committed = PostgresCommitted(self._connect)

    def _connect(self) -> connection:
        return connect(self._url, self._application_name, silent_seconds=self._silent_seconds)

    def _connected(self) -> connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[PostgresSettling]:
        try:
            with translated():
                opened = self._connected()
                with opened, opened.cursor() as at:
                    yield PostgresSettling(at)
        except BaseException:
            self._reset()
            raise

    def _reset(self) -> None:
        """Give up a connection that is in doubt; the next transaction makes a new one."""
        held = self._connection
        if held is not None and (held.closed or held.info.transaction_status != TRANSACTION_STATUS_IDLE):
            self._connection = None
            held.close()

    def beside(self) -> PostgresStore:
        return PostgresStore(self._url, application_name=f"{self._application_name}-beside", silent_seconds=120)

    def committed(self) -> PostgresCommitted:
        return self._committed

    def pack(self, changes: Changes) -> Packed:
        return pack(changes)

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        with self.transaction() as tx:
            stored = tx.ask("positions")
        known = {Partition(topic, number): offset for topic, number, offset in stored}
        return {each: known[each] for each in partitions if each in known}

    def bounds(self) -> Bounds | None:
        with self.transaction() as tx:
            return tx.bounds()

    def begin(self, partition: Partition, first: int) -> None:
        """Remember that `partition` is read from offset `first` on, unless it has been read before."""
        with self.transaction() as tx:
            tx.execute("begin_position", topic=partition.topic, partition=partition.number, first=first)

    def setting(self, name: str, value: str) -> str:
        """Set `name` to `value` unless it is set; return what it is set to."""
        with self.transaction() as tx:
            tx.execute("settle_setting", name=name, value=value)
            return str(tx.ask("setting", name=name)[0][0])

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        with translated():
            reading = connect(self._url, f"{self._application_name}-snapshot")
        try:
            with translated():
                reading.set_session(isolation_level="REPEATABLE READ", readonly=True)
                yield PostgresSnapshot(reading)
        finally:
            reading.close()

    def close(self) -> None:
        self._committed.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
