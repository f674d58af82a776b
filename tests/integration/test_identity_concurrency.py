"""Workers that link the same customers from different sides at the same time, each in a thread and a partition of its own."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress

import psycopg2
import pytest

from ops.verify import verify
from processors.apply import Rules, apply
from processors.evaluate import refresh
from processors.settle import settle
from schemas.clean import CleanEvent
from schemas.identifiers import Identifier
from schemas.ids import new_customer_id
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from sinks.store import Partition, Retryable
from tests.property.test_identity import POOL, TIGHT, said
from tests.stories import DAY, NOW, RULES, AheadFeed, expected_hash, part

pytestmark = pytest.mark.integration

WORKERS = 4
FAMILIES = 5
SECONDS = 60.0
"""Within which workers must come to an end, whatever they have to do again."""


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """The URL of an empty store."""
    url = new_database()
    migrate(url)
    return url


def crowd(seed: int, events: int) -> list[CleanEvent]:
    """Events of some families, each of which shares cards, phones, addresses and devices, and of a browser of everybody's."""
    chance = random.Random(seed)

    def named(family: int) -> list[Identifier]:
        chosen = chance.sample(POOL, chance.choice([1, 1, 2, 2, 3]))
        return [each if each.value == "guest" else Identifier(each.kind, f"{each.value}-{family}") for each in chosen]

    return [
        said(
            number,
            named(chance.randrange(FAMILIES)),
            NOW - chance.randrange(40) * 30 * DAY,
            ["phone"] if chance.random() < 0.1 else (),
        )
        for number in range(events)
    ]


def work(database: str, events: list[CleanEvent], rules: Rules, batch: int, *, beside: bool = False) -> list[AheadFeed]:
    """Deal `events` out to workers that all run at once; with `beside`, segments are evaluated meanwhile."""
    feeds: list[AheadFeed] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def feeding(feed: AheadFeed) -> Iterator[None]:
        while not feed.done:
            feed.step()
            yield

    def refreshing(store: PostgresStore) -> Iterator[None]:
        for turn in range(10**9):
            if done.is_set():
                return
            with suppress(Retryable):
                refresh(store, rules, NOW + turn * 50 * DAY)
            yield

    def run(steps: Iterator[None]) -> None:
        try:
            for _ in steps:
                if errors:
                    return
        except BaseException as error:
            errors.append(error)

    with ExitStack() as stack:
        stores = [stack.enter_context(closing(PostgresStore(database))) for _ in range(WORKERS + 1)]
        for number, store in enumerate(stores[:WORKERS]):
            log = Partition("events.valid", number)
            feeds.append(AheadFeed(store, events[number::WORKERS], batch=batch, log=log, rules=rules))
        threads = [threading.Thread(target=run, args=(feeding(feed),), daemon=True) for feed in feeds]
        other = threading.Thread(target=run, args=(refreshing(stores[WORKERS]),), daemon=True)
        for thread in (*threads, *([other] if beside else ())):
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        done.set()
        if beside:
            other.join(SECONDS)
        assert not any(thread.is_alive() for thread in threads), "workers do not come to an end"
    if errors:
        raise errors[0]
    return feeds


def assert_right(database: str, events: list[CleanEvent], rules: Rules) -> None:
    """What is left is settled, and then the store is what all the events say."""
    with closing(PostgresStore(database)) as store:
        while settle(store, rules, NOW):
            pass
        verdict = verify(store, rules=rules.identity)
        assert verdict.equal, verdict.differences
        assert verdict.hash == expected_hash(events, rules=rules.identity)
        assert verdict.events == len(events)


def told(feeds: list[AheadFeed], record: Callable[[str, object], None]) -> None:
    """Keep in the report how often workers were in each other's way."""
    record("stale", sum(feed.stale for feed in feeds))
    failures = Counter(str(error).split("\n")[0].split(" on relation")[0] for feed in feeds for error in feed.failed)
    record("failed", dict(failures))
    print(f"stale {sum(feed.stale for feed in feeds)}, failed {dict(failures)}")


@pytest.mark.parametrize("batch", [2, 7])
@pytest.mark.parametrize("seed", range(3))
def test_workers_that_link_the_same_customers_at_once_lose_no_link_and_nobody(
    database: str, record_property: Callable[[str, object], None], seed: int, batch: int
) -> None:
    events = crowd(seed, 240)
    told(work(database, events, TIGHT, batch), record_property)
    assert_right(database, events, TIGHT)


@pytest.mark.parametrize("seed", range(3, 5))
def test_segments_that_are_evaluated_meanwhile_are_in_nobodys_way(
    database: str, record_property: Callable[[str, object], None], seed: int
) -> None:
    events = crowd(seed, 240)
    told(work(database, events, TIGHT, 3, beside=True), record_property)
    assert_right(database, events, TIGHT)


def test_the_rules_that_ship_are_kept_by_workers_at_the_same_customers(
    database: str, record_property: Callable[[str, object], None]
) -> None:
    events = crowd(5, 400)
    told(work(database, events, RULES, 5), record_property)
    assert_right(database, events, RULES)


def test_two_that_settle_what_is_nobodys_make_one_customer_of_it(database: str) -> None:
    events = [said(number, [Identifier("anonymous_id", "guest")]) for number in range(2)]
    with closing(PostgresStore(database)) as one, closing(PostgresStore(database)) as other:

        def put(store: PostgresStore, number: int) -> None:
            apply(store, [part([events[number]], 0, Partition("events.valid", number))], RULES, NOW)

        def apply_and_settle() -> None:
            put(other, 1)
            settle(other, RULES, NOW)

        put(one, 0)
        beside = threading.Thread(target=apply_and_settle, daemon=True)

        def meanwhile() -> str:
            beside.start()
            until(lambda: not beside.is_alive() or waits_for_a_lock(database))
            return new_customer_id()

        assert settle(one, RULES, NOW, new_id=meanwhile) == 1
        beside.join(SECONDS)
    assert_right(database, events, RULES)


def test_whoever_settles_takes_all_marks_of_what_hangs_together(database: str) -> None:
    card, phone = Identifier("card_no", "c1"), Identifier("phone", "+84901")
    events = [said(number, [Identifier("card_no", f"c{number}"), phone]) for number in range(3)]
    events += [said(3, [card]), said(4, [Identifier("anonymous_id", "guest")])]
    with closing(PostgresStore(database)) as store:
        apply(store, [part(events, 0)], RULES, NOW)
        with store.transaction() as tx:
            assert len(tx.unsettled(100)) > 2
        assert settle(store, RULES, NOW, limit=1) + settle(store, RULES, NOW, limit=1) > 2
        assert settle(store, RULES, NOW) == 0
    assert_right(database, events, RULES)


def test_what_was_decided_in_vain_leaves_nothing_behind(database: str) -> None:
    card, mine, theirs = Identifier("card_no", "C"), Identifier("zalo_id", "mine"), Identifier("zalo_id", "theirs")
    events = [said(0, [card, mine]), said(1, [card, theirs])]
    with closing(PostgresStore(database)) as one, closing(PostgresStore(database)) as other:
        ids = []

        def overtaken() -> str:
            if not ids:
                apply(other, [part(events[1:], 0, Partition("events.valid", 1))], RULES, NOW)
            ids.append(new_customer_id())
            return ids[-1]

        apply(one, [part(events[:1], 0)], RULES, NOW, overtaken)
        assert len(ids) == 1
    assert_right(database, events, RULES)


def waits_for_a_lock(database: str) -> bool:
    with closing(psycopg2.connect(database)) as opened, opened.cursor() as at:
        waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        at.execute(waiting)
        return at.rowcount > 0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
