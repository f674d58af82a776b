"""`portrait demo`: send the demo's events through the collector, wait until the store has them, and check its books."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ops.demo.events import demo_events
from ops.demo.expected import Expected, expected
from ops.local.home import COLLECTOR_URL, DATABASE_URL, SOURCE_KEY, Home, LocalStackError
from ops.rejected import EVERY_LETTER
from ops.sql import reading, rows, store_errors
from ops.status import Balance, Report, report
from producers.client import Client, NotDelivered, QueueFull

STALLED_SECONDS = 120.0
"""Without any progress for so long, something is wrong."""

_LOOK_SECONDS = 0.4

Watch = Callable[[int, int], None]
"""Told (done, of how many)."""


class Best(NamedTuple):
    """One customer in the list of the best. `revenue` in major units of `currency`."""

    customer: str
    name: str
    lifecycle: str
    orders: int
    revenue: Decimal
    currency: str
    points: int
    last_order: datetime
    store: str | None


@dataclass(frozen=True)
class Books:
    """What is in the store. `alone`: it holds nothing but what the demo sends, so that the totals are the demo's;
    somebody may have sent other events, or repaired those that the demo spoils.

    rejected: reason → how many were ever refused. lifecycle: name → customers. revenue_cents: of what was paid in USD.
    """

    stored: int
    alone: bool
    rejected: Mapping[str, int]
    customers: int
    with_purchase: int
    orders: int
    revenue_cents: int
    points: int
    lifecycle: Mapping[str, int]
    best: tuple[Best, ...]


class Check(NamedTuple):
    """One figure: what it should be, and what it is."""

    about: str
    wanted: int
    found: int


@dataclass(frozen=True)
class Outcome:
    """One run of the demo. Seconds since the first event was sent: until the last was answered, until it was stored."""

    books: Books
    received: Balance
    rejected: Mapping[str, int]
    sent_seconds: float
    stored_seconds: float
    again: bool
    checks: tuple[Check, ...]

    @property
    def right(self) -> bool:
        return all(check.wanted == check.found for check in self.checks)


def anchor_of(home: Home) -> datetime:
    """The instant that the demo's year ends at: that of the first run in this home, kept in `demo.json`."""
    file = home.path / "demo.json"
    try:
        return datetime.fromisoformat(json.loads(file.read_text())["anchor"])
    except FileNotFoundError:
        anchor = datetime.now(UTC).replace(microsecond=0)
        file.write_text(json.dumps({"anchor": anchor.isoformat()}) + "\n")
        return anchor
    except (ValueError, KeyError, TypeError) as error:
        raise LocalStackError(f"{file} is damaged: delete it, and start over in a new --home") from error


def run(home: Home, sending: Watch, storing: Watch) -> Outcome:
    """Send everything, wait, look. The stack of `home` is up. Raises LocalStackError when it does not do its part."""
    settings = home.settings()
    wanted = expected(anchor_of(home))
    before, books_before = _settled(home, settings), read_books(settings[DATABASE_URL])
    store = _StoreWatch(home, settings, before, wanted.sent, storing)
    begun = time.monotonic()
    send(home, settings, wanted.sent, sending, store.look)
    sent = time.monotonic()
    stored, after = store.wait()
    books = read_books(settings[DATABASE_URL])
    received = Balance(*(now - then for now, then in zip(_counts(after), _counts(before), strict=True)))
    rejected = Counter(books.rejected)
    rejected.subtract(books_before.rejected)
    return Outcome(
        books=books,
        received=received,
        rejected={reason: count for reason, count in rejected.most_common() if count},
        sent_seconds=sent - begun,
        stored_seconds=stored - begun,
        again=books_before.stored > 0,
        checks=tuple(check(wanted, received, rejected, books_before, books)),
    )


def send(home: Home, settings: Mapping[str, str], total: int, watch: Watch, meanwhile: Callable[[], object]) -> None:
    """Send every delivery of the demo to the collector over HTTP, also the faulty ones, exactly as they are."""
    client = Client(settings[COLLECTOR_URL], key=settings[SOURCE_KEY], batch_events=500, queue_events=2_000)
    try:
        for number, event in enumerate(demo_events(anchor_of(home)), 1):
            client.send_encoded(str(event.get("id", "")), msgspec.json.encode(event), timeout=STALLED_SECONDS)
            if number % 200 == 0:
                watch(client.accepted + client.rejected_count, total)
                meanwhile()
        client.flush(STALLED_SECONDS)
        watch(client.accepted + client.rejected_count, total)
    except (NotDelivered, QueueFull) as error:
        raise LocalStackError(
            f"the collector does not take the events: {error}. See {home.log_file('collector')}"
        ) from error
    finally:
        with suppress(NotDelivered):
            client.close(timeout=0)


class _StoreWatch:
    """Looks now and then how many of `total` events the store has accounted for since the books stood at `before`."""

    def __init__(self, home: Home, settings: Mapping[str, str], before: Balance, total: int, watch: Watch) -> None:
        self._home, self._settings, self._total, self._watch = home, settings, total, watch
        self._before = sum(_counts(before)[1:])
        self._looked = 0.0

    def look(self) -> tuple[Report, int] | None:
        """The status and the number of events accounted for; None when it is too early to look again."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return None
        told = report(self._home, self._settings)
        self._looked = time.monotonic()
        done = 0 if told.balance is None else sum(_counts(told.balance)[1:]) - self._before
        self._watch(min(done, self._total), self._total)
        return told, done

    def wait(self) -> tuple[float, Balance]:
        """Wait until everything is stored and published; returns when (monotonic) it was stored, and the books then."""
        stored_at, moved_at, last = 0.0, time.monotonic(), (-1, -1)
        while True:
            time.sleep(_LOOK_SECONDS)
            if (looked := self.look()) is None:
                continue
            (told, done), now = looked, time.monotonic()
            if not stored_at and done >= self._total and told.readings and not any(e.lag_events for e in told.readings):
                stored_at = now
            if stored_at and told.caught_up and told.balance is not None:
                return stored_at, told.balance
            if last != (last := (done, told.outbox or 0)):
                moved_at = now
            if now - moved_at > STALLED_SECONDS:
                raise LocalStackError(
                    f"nothing has moved for {STALLED_SECONDS:.0f} s; see `portrait status --home {self._home.path}` "
                    f"and the logs in {self._home.log}"
                )


def check(wanted: Expected, received: Balance, rejected: Mapping[str, int], before: Books, after: Books) -> list[Check]:
    """The figures of this run, and of the store, next to those that the story of the demo was told with."""
    checks = [
        Check("events received", wanted.sent, received.received),
        *(Check(f"rejected: {reason}", count, rejected.get(reason, 0)) for reason, count in wanted.rejected.items()),
    ]
    if after.alone:
        known = before.stored
        checks += [
            Check("stored for the first time", wanted.stored - known, received.stored),
            Check("recognised as repeated", wanted.repeated + known, received.duplicate),
            Check("events in the store", wanted.stored, after.stored),
            Check("customers", wanted.customers, after.customers),
            Check("customers who bought", wanted.with_purchase, after.with_purchase),
            Check("orders", wanted.orders, after.orders),
            Check("revenue in US cents", wanted.revenue_cents, after.revenue_cents),
            Check("loyalty points", wanted.points, after.points),
        ]
    return checks


def read_books(url: str) -> Books:
    """Ask the database, by its public views. Raises LocalStackError."""
    with store_errors(url), reading(url) as at:
        ((stored, others),) = rows(at, "demo_stored")
        letters = rows(at, "letters_by_reason", **EVERY_LETTER)
        ((customers, buyers, orders, cents, points),) = rows(at, "demo_totals")
        return Books(
            stored=stored,
            alone=others == 0 and all(count == waiting for _, count, waiting in letters),
            rejected={reason: count for reason, count, _ in letters},
            customers=customers,
            with_purchase=buyers,
            orders=orders,
            revenue_cents=cents,
            points=points,
            lifecycle=dict(rows(at, "demo_lifecycles")),
            best=tuple(Best(*row) for row in rows(at, "demo_best")),
        )


def _settled(home: Home, settings: Mapping[str, str]) -> Balance:
    """The books once nothing is on its way: a run that was interrupted may still be arriving."""
    deadline = time.monotonic() + STALLED_SECONDS
    while True:
        told = report(home, settings)
        if told.caught_up and told.balance is not None:
            return told.balance
        if time.monotonic() > deadline:
            raise LocalStackError(
                f"the stack does not come to rest; see `portrait status --home {home.path}`. {'; '.join(told.problems)}"
            )
        time.sleep(_LOOK_SECONDS)


def _counts(books: Balance) -> tuple[int, int, int, int, int]:
    return books.received, books.stored, books.duplicate, books.rejected, books.suppressed
