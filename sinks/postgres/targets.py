"""Targets of activation in PostgreSQL: what they are, how far they are, and what they would not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_REPEATABLE_READ, connection, cursor

from schemas.activation import Customer, customer_of
from schemas.topics import BY_NAME, SEGMENT_CHANGES
from sinks.postgres.connecting import connect
from sinks.postgres.errors import translated
from sinks.postgres.rows import array
from sinks.postgres.sql import statement

CANNOT_START = "cannot start: "
"""How a problem begins that is over when the target can be told at all."""

_LOCK = 0x61637476  # any number that no version changes: with the id of a target, who delivers to it
_ROWS_AT_A_TIME = 5_000
_DAY_MS = 24 * 60 * 60 * 1000


class StoredTarget(NamedTuple):
    """A row of portrait.targets; `settings` is JSON, `undelivered` counts the dead letters that wait."""

    id: int
    name: str
    kind: str
    settings: str
    segments: tuple[str, ...]
    actions: tuple[str, ...]
    backfill: bool
    paused_at: datetime | None
    paused_because: str | None
    created_at: datetime
    created_by: str
    delivered: int
    skipped: int
    delivered_at: datetime | None
    failing_since: datetime | None
    problem: str | None
    undelivered: int


class Letter(NamedTuple):
    """A dead letter: a record of segment-changes that a target would not take, and why."""

    id: int
    target: str
    change: str
    customer: str
    message: bytes
    reason: str
    attempts: int
    failed_at: datetime
    resent_at: datetime | None


class Failed(NamedTuple):
    """What becomes a dead letter. `message` is the record's value."""

    change: str
    customer: str
    message: bytes
    reason: str
    attempts: int


class Membership(NamedTuple):
    """One who is in a segment; `state` is the portrait as JSON, when it was asked for."""

    customer: str
    segment: str
    since: datetime
    reason: str
    state: str | None


class Removed(Exception):
    """The target is not there any more."""


class Targets:
    """One connection, used by one thread. Connects when first used, and again after the connection was lost.

    Every method raises sinks.store.Retryable when the database cannot be reached, and Fatal when it is not as it should be.
    Needs a session of its own: not for a pooler that shares sessions.
    """

    def __init__(self, url: str, *, application_name: str = "portrait-activation") -> None:
        self._url = url
        self._application_name = application_name
        self._connection: connection | None = None
        self._held: set[int] = set()

    def all(self) -> list[StoredTarget]:
        """Every target, by name."""
        with self._transaction() as at:
            found = _rows(at, "targets")
        columns = StoredTarget._fields
        rows = (dict(zip(columns, row, strict=True)) for row in found)
        return [StoredTarget(**row | {name: tuple(row[name]) for name in ("segments", "actions")}) for row in rows]

    def add(
        self,
        name: str,
        kind: str,
        settings: bytes,
        *,
        segments: Sequence[str],
        actions: Sequence[str],
        backfill: bool,
        by: str,
        positions: Mapping[int, int],
    ) -> bool:
        """Add a target that begins at `positions` (partition → offset). False: there is one of that name."""
        with self._transaction() as at:
            told = {"name": name, "kind": kind, "settings": settings.decode(), "backfill": backfill, "by": by}
            made = _rows(at, "target_add", segments=array(segments), actions=array(actions), **told)
            if made:
                _move(at, made[0][0], positions)
            return bool(made)

    def remove(self, name: str) -> bool:
        """Forget a target, its positions and its dead letters. False: there is none of that name."""
        with self._transaction() as at:
            return bool(_rows(at, "target_remove", name=name))

    def pause(self, target: int, because: str | None = None) -> None:
        """Tell it nothing until it is resumed. `because`: why, when it is not a person who does it."""
        with self._transaction() as at:
            why = None if because is None else _storable(because)
            at.execute(statement("target_pause"), {"target": target, "because": why})

    def resume(self, target: int, positions: Mapping[int, int] | None = None) -> None:
        """Go on where it was, or at `positions`."""
        with self._transaction() as at:
            _move(at, target, positions or {})
            at.execute(statement("target_resume"), {"target": target})

    def hold(self, target: int) -> bool:
        """Whether this is the one who delivers to it, from now until the connection is lost. Never waits."""
        if target not in self._held:
            with self._transaction() as at:
                ((held,),) = _rows(at, "target_hold", lock=_LOCK, target=target)
            if not held:
                return False
            self._held.add(target)
        return True

    def positions(self, target: int) -> dict[int, int]:
        """Partition → the offset of the first record that it has not been told."""
        with self._transaction() as at:
            return dict(_rows(at, "target_positions", target=target))

    def advance(
        self,
        target: int,
        positions: Mapping[int, int],
        *,
        delivered: int = 0,
        skipped: int = 0,
        told: str | None = None,
        failed: Failed | None = None,
    ) -> None:
        """All in one transaction: how far it is now, what was counted, what became a dead letter, and the id of a change that is
        to be remembered as `told`. Raises Removed.
        """
        with self._transaction() as at:
            if failed is None and told is None:
                # Lost with a crash of the server, it is delivered again, with the same key; a dead letter must not be lost.
                at.execute("set local synchronous_commit to off")
            at.execute(statement("target_count"), {"target": target, "delivered": delivered, "skipped": skipped})
            if at.rowcount == 0:
                raise Removed
            _move(at, target, positions)
            if told is not None:
                at.execute(statement("target_told"), {"target": target, "change": told})
            if failed is not None:
                told_of = failed._replace(customer=_storable(failed.customer), reason=_storable(failed.reason))
                at.execute(statement("target_letter"), {"target": target, **told_of._asdict()})

    def was_told(self, target: int, change: str) -> bool:
        """Whether it was told of this change, and that is remembered."""
        with self._transaction() as at:
            return bool(_rows(at, "target_was_told", target=target, change=change)[0][0])

    def forget(self) -> None:
        """Forget what was told, or delivered after all, so long ago that the topic cannot have it any more."""
        kept = BY_NAME[SEGMENT_CHANGES].retention_ms or 0
        with self._transaction() as at:
            for name in ("forget_told", "forget_resent"):
                at.execute(statement(name), {"days": kept // _DAY_MS + 1})

    def failing(self, target: int, problem: str) -> float:
        """Note that it fails, and why; return since when, in Unix seconds. Raises Removed."""
        with self._transaction() as at:
            noted = _rows(at, "target_failing", target=target, problem=_storable(problem))
            if not noted:
                raise Removed
            return float(noted[0][0])

    def started(self, target: int) -> None:
        """Note that it can be told; what `failing` said of CANNOT_START is over."""
        with self._transaction() as at:
            at.execute(statement("target_started"), {"target": target, "problem": CANNOT_START})

    def letters(self, target: int | None, *, waiting: bool = True, limit: int = 1_000_000) -> list[Letter]:
        """Dead letters of a target, or of all; the newest first. waiting: only those that were not delivered since."""
        with self._transaction() as at:
            found = _rows(at, "target_letters", target=target, waiting=waiting, limit=limit)
        return [Letter(*row)._replace(message=bytes(row[4])) for row in found]

    @contextmanager
    def resending(self, letter: int) -> Iterator[bytes | None]:
        """Hold a dead letter while it is sent again: its message, or None when it waits no more, or is in other hands."""
        with self._transaction() as at:
            found = _rows(at, "target_letter_waits", letter=letter)
            yield bytes(found[0][0]) if found else None

    def resent(self, letter: int, reason: str | None) -> None:
        """Note what came of it, within `resending`: `reason` says why it was not delivered, None that it was."""
        assert self._connection is not None
        why = None if reason is None else _storable(reason)
        with translated(), self._connection.cursor() as at:
            at.execute(statement("target_resent"), {"letter": letter, "delivered": reason is None, "reason": why})

    def customer(self, customer: str) -> Customer | None:
        """The living customer that an id leads to; None when there is none, or it is no id. Raises msgspec.DecodeError."""
        try:
            known_as = str(UUID(customer))
        except ValueError:
            return None
        with self._transaction() as at:
            found = _rows(at, "target_customer", customer=known_as)
        return customer_of(found[0][:-1], found[0][-1]) if found else None

    @contextmanager
    def members(self, names: Sequence[str], *, with_state: bool) -> Iterator[Iterator[Membership]]:
        """Who is in these segments or families (none: all), as of one instant, by segment and customer."""
        with (
            self._transaction(ISOLATION_LEVEL_REPEATABLE_READ) as at,
            at.connection.cursor("portrait_members") as stream,
        ):
            stream.itersize = _ROWS_AT_A_TIME
            stream.execute(statement("target_members"), {"names": array(names), "with_state": with_state})
            yield (Membership(*row) for row in stream)

    def close(self) -> None:
        """Give up the connection, and with it what was held."""
        self._held.clear()
        opened, self._connection = self._connection, None
        if opened is not None:
            opened.close()

    @contextmanager
    def _transaction(self, isolation: int = ISOLATION_LEVEL_READ_COMMITTED) -> Iterator[cursor]:
        try:
            with translated():
                opened = self._connection = self._connection or connect(self._url, self._application_name)
                opened.set_session(isolation_level=isolation)
                with opened, opened.cursor() as at:
                    yield at
        except Removed:
            raise
        except BaseException:
            self.close()
            raise


def _rows(at: cursor, statement_name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
    at.execute(statement(statement_name), parameters)
    return at.fetchall()


def _storable(text: str) -> str:
    """What others said, without what PostgreSQL cannot hold: nobody may trip us by an answer."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _move(at: cursor, target: int, positions: Mapping[int, int]) -> None:
    if positions:
        moved = {"partitions": array(map(str, positions)), "offsets": array(map(str, positions.values()))}
        at.execute(statement("target_move"), {"target": target, **moved})
