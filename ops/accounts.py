"""Accounts: which relations customers have to the company, and who is responsible for them.

To record one is to send an event the way of all others, so it survives a rebuild, and its history is kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from ops.local.home import LocalStackError
from ops.rejected import examine
from ops.sql import reading, rows
from processors.reference import Reference
from producers.broker.publisher import Publisher, Refused, Unavailable
from producers.record import Record
from schemas.ids import event_key
from schemas.rejected import Rejected

SOURCE = "/portrait/account"
"""The CloudEvents source of what is recorded by command."""

ASSIGNED, UNASSIGNED = "crm.account_assigned.v1", "crm.account_unassigned.v1"

_LOOK_AGAIN_SECONDS = 0.1


class Account(NamedTuple):
    """A relation that holds: since when, and when it was assigned last."""

    customer: str
    relation: str
    owner: str | None
    since: datetime
    assigned_at: datetime


class Entry(NamedTuple):
    """What was recorded of a relation: `action` is assigned or unassigned."""

    relation: str
    action: str
    at: datetime
    owner: str | None
    since: datetime | None
    note: str | None
    by: str | None


def accounts(
    url: str,
    *,
    owner: str | None = None,
    relation: str | None = None,
    customer: str | None = None,
    limit: int | None = None,
) -> list[Account]:
    """The relations that hold now, by owner. `owner` is compared without regard to capitals. Raises psycopg2.Error."""
    with reading(url) as at:
        found = rows(at, "accounts", owner=owner, relation=relation, customer=customer, limit=limit)
    return [Account(*row) for row in found]


def history(url: str, customer: str) -> list[Entry]:
    """What was recorded of a living customer, the latest first. Raises psycopg2.Error."""
    with reading(url) as at:
        return [Entry(*row) for row in rows(at, "account_history", customer=customer)]


def assignment(
    relation: str, owner: str | None, since: datetime | None, note: str | None, by: str | None
) -> dict[str, Any]:
    """The data of `crm.account_assigned.v1`, but for the customer. An owner with an @ is an e-mail address, else a name."""
    told = {"relation": relation, "note": note, "by": by}
    if owner:
        told["owner"] = {"email" if "@" in owner else "name": owner}  # type: ignore[assignment]
    if since is not None:
        told["valid_from"] = since.isoformat()
    return {name: value for name, value in told.items() if value is not None}


class Recorder:
    """Sends events about customers into Kafka, and waits until they are applied."""

    def __init__(self, url: str, publisher: Publisher, reference: Reference) -> None:
        self._url = url
        self._publisher = publisher
        self._reference = reference

    def record(self, customer: str, kind: str, told: Sequence[Mapping[str, Any]], *, patience: float) -> None:
        """Record `told` (data of `kind`, without the customer) of a living customer, now; wait until all of it is applied.

        Raises LocalStackError when it cannot be recorded, or is not applied within `patience` seconds; psycopg2.Error.
        """
        with reading(self._url) as at:
            found = rows(at, "identifier_for_events", customer=customer)
        if not found:
            raise LocalStackError(f"customer {customer} has no identifier that an event could name it by")
        named, _, value = str(found[0][0]).partition(":")
        now = time.time_ns() // 1_000_000
        when = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
        records, keys = list[Record](), set[str]()
        for data in told:
            document = {"specversion": "1.0", "id": str(uuid4()), "source": SOURCE, "type": kind, "time": when}
            payload = json.dumps(document | {"data": {"customer": {named: value}, **data}}, ensure_ascii=False).encode()
            verdict = examine(payload, self._reference, now)
            if isinstance(verdict, Rejected):
                raise LocalStackError(f"this cannot be recorded: {verdict.path}: {verdict.message}")
            records.append(verdict)
            keys.add(event_key(SOURCE, str(document["id"])))
        try:
            self._publisher.publish(records).result()
        except (Unavailable, Refused) as error:
            raise LocalStackError(f"Kafka does not take it: {error}. See `portrait status`") from error
        self._wait(keys, patience)

    def _wait(self, keys: set[str], patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            with reading(self._url) as at:
                applied = {key for key, _ in rows(at, "applied_events", keys=sorted(keys))}
            if applied == keys:
                return
            if time.monotonic() >= deadline:
                raise LocalStackError(
                    f"it is sent, and holds as soon as a worker applies it; none did within {patience:.0f} s. "
                    "Is one running? See `portrait status`"
                )
            time.sleep(_LOOK_AGAIN_SECONDS)


@contextmanager
def recording(url: str, bootstrap: str, reference: Reference) -> Iterator[Recorder]:
    """A recorder for the length of the block. Raises LocalStackError when Kafka does not answer."""
    publisher = Publisher(bootstrap, timeout=10)
    try:
        publisher.wait_connected(10)
        yield Recorder(url, publisher, reference)
    except Unavailable as error:
        raise LocalStackError(f"{error}. See `portrait status`; start a stack with `portrait up --detach`") from error
    finally:
        publisher.close()
