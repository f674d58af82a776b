"""The relay between a real PostgreSQL and a real Kafka."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from ops.local.child import Child
from ops.local.records import wait_until
from schemas.profile import (
    IdentityChange,
    Profile,
    SegmentChange,
    decode_identity_change,
    decode_profile,
    decode_segment_change,
)
from schemas.topics import IDENTITY_CHANGES, MAX_MESSAGE_BYTES, PROFILES, SEGMENT_CHANGES
from sinks.postgres.outbox import Outbox
from sinks.postgres.store import PostgresStore
from sinks.relay import Relay
from sinks.relay_messages import Message
from sinks.relay_producer import RelayProducer
from sinks.store import Retryable
from tests.in_thread import in_thread
from tests.integration.shop import CARD, EMAIL, NAME, PHONE, Shop, event, login, open_shop
from tests.stories import DAY, feed
from tests.topic_reader import records

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(new_database: Callable[[], str]) -> Shop:
    """Its outbox is full."""
    return open_shop(new_database)


@contextmanager
def relay(shop: Shop, kafka: str, **options: float) -> Iterator[Relay]:
    """The active relay of the shop, as the worker role."""
    outbox, producer = Outbox(login(shop.url, "portrait_worker")), RelayProducer(kafka)
    try:
        assert outbox.lead()
        yield Relay(outbox, producer, **options)  # type: ignore[arg-type]
    finally:
        producer.close()
        outbox.close()


def profiles(kafka: str, *customers: str) -> list[tuple[str, Profile | None]]:
    """The records of these customers on `profiles`, a tombstone as None."""
    wanted = {customer.encode() for customer in customers}
    return [
        (each.key.decode(), decode_profile(each.value) if each.value is not None else None)
        for each in records(kafka, PROFILES)
        if each.key in wanted
    ]


def changes(kafka: str, *customers: str) -> list[SegmentChange]:
    """The records of these customers on `segment-changes`."""
    found = (each for each in records(kafka, SEGMENT_CHANGES) if each.key and each.key.decode() in customers)
    return [decode_segment_change(each.value) for each in found]


def turns(kafka: str, *customers: str) -> list[IdentityChange]:
    """The records of these customer ids on `identity-changes`."""
    found = [decode_identity_change(each.value) for each in records(kafka, IDENTITY_CHANGES)]
    return [each for each in found if each.customer_id in customers]


def waiting(shop: Shop) -> int:
    ((number,),) = shop.ask("select count(*) from portrait.outbox")
    return int(number)


def ask_for(shop: Shop, *customers: str) -> None:
    shop.ask("insert into portrait.outbox (customer_id) select unnest(%s::uuid[])", list(customers))


def test_what_the_outbox_holds_reaches_the_topics(shop: Shop, kafka: str) -> None:
    with relay(shop, kafka) as relaying:
        assert relaying.round() == 10
        assert relaying.round() == 0
    told = dict(profiles(kafka, shop.an, shop.bình, shop.till))
    assert told[shop.till] is None
    an, bình = told[shop.an], told[shop.bình]
    assert an is not None
    assert bình is not None
    assert (an.identifiers, an.aliases) == ({"card_no": (CARD,), "email": (EMAIL,), "phone": (PHONE,)}, (shop.till,))
    assert (an.traits["full_name"], an.totals.revenue, an.totals.orders) == (NAME, "700000", 3)
    assert (bình.lifecycle, [held.segment for held in bình.segments]) == ("potential", ["potential"])
    row = "select version, updated_at, events from crm.customers where customer_id = %s"
    assert shop.ask(row, shop.an) == [(an.version, an.updated_at, an.events)]
    assert [(each.action, each.segment, each.before, each.after) for each in changes(kafka, shop.till)] == [
        ("entered", "new", (), ("new",)),
        ("left", "new", ("new",), ()),
    ]
    ((number, at),) = shop.ask("select change_id, at from crm.identity_changes")
    assert turns(kafka, shop.an, shop.bình, shop.till) == [
        IdentityChange(
            change_id=f"{shop.till}/identity/{number}",
            number=number,
            action="merged",
            customer_id=shop.till,
            other_customer_id=shop.an,
            at=at,
            reason="an event named identifiers of both",
        )
    ]


def test_many_changes_of_a_customer_make_one_record(shop: Shop, kafka: str) -> None:
    ask_for(shop, *[shop.bình] * 500)
    with relay(shop, kafka) as relaying:
        assert relaying.round() == 510
    assert len(profiles(kafka, shop.bình)) == 1
    assert waiting(shop) == 0


def test_an_entry_that_was_committed_late_is_published_too(shop: Shop, kafka: str) -> None:
    with relay(shop, kafka) as relaying, closing(psycopg2.connect(shop.url)) as slow, slow.cursor() as at:
        relaying.round()
        at.execute("insert into portrait.outbox (customer_id) values (%s)", [shop.an])  # takes the smaller id
        ask_for(shop, shop.bình)
        assert relaying.round() == 1
        slow.commit()
        assert relaying.round() == 1
    assert len(profiles(kafka, shop.an)) == len(profiles(kafka, shop.bình)) == 2


def test_rounds_keep_the_order_of_a_customer(shop: Shop, kafka: str) -> None:
    with relay(shop, kafka, batch=2) as relaying:
        while relaying.round():
            pass
        for _ in range(3):
            ask_for(shop, shop.bình)
            while relaying.round():
                pass
            shop.ask("update portrait.customers set version = version + 1 where id = %s", shop.bình)
    versions = [told.version for _, told in profiles(kafka, shop.bình) if told is not None]
    assert versions == [1, 1, 2, 3]


def test_many_changes_of_one_customer_make_one_record(shop: Shop, kafka: str) -> None:
    with relay(shop, kafka) as relaying:
        relaying.round()
        ask_for(shop, *[shop.bình] * 500)
        assert relaying.round() == 500
    assert len(profiles(kafka, shop.bình)) == 2


def test_what_cannot_be_published_is_set_aside_and_holds_up_nothing(
    shop: Shop, kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    with relay(shop, kafka) as relaying:
        relaying.round()
        shop.ask("update portrait.customers set state = '{\"statuses\": 7}' where id = %s", shop.an)
        huge = '{"statuses": {"full_name": ["' + NAME * (MAX_MESSAGE_BYTES // 10) + '", 1, "e"]}}'
        shop.ask("update portrait.customers set state = %s where id = %s", huge, shop.bình)
        ask_for(shop, shop.an, shop.bình, shop.till)
        assert relaying.round() == 3
        assert relaying.round() == 0
    assert shop.ask("select customer_id, change_id, error from portrait.unpublished order by entry") == [
        (shop.an, None, "ValidationError"),
        (shop.bình, None, "MessageSizeTooLargeError"),
    ]
    assert profiles(kafka, shop.till)[-1] == (shop.till, None)
    assert [record.levelno for record in caplog.records if record.name == "sinks.relay"] == [logging.ERROR] * 2
    assert [secret for secret in (NAME, EMAIL, PHONE, CARD) if secret in caplog.text] == []


def test_a_change_of_identity_whose_row_is_missing_is_set_aside_and_holds_up_nothing(shop: Shop, kafka: str) -> None:
    ((number,),) = shop.ask("delete from portrait.identity_changes returning id")
    with relay(shop, kafka) as relaying:
        assert relaying.round() == 10
        assert relaying.round() == 0
    assert shop.ask("select customer_id, change_id, identity_change_id, error from portrait.unpublished") == [
        (shop.till, None, number, "NoSuchChange")
    ]
    assert turns(kafka, shop.till) == []
    assert profiles(kafka, shop.till) == [(shop.till, None)]


def test_a_customer_whose_identifiers_cannot_be_read_is_set_aside_and_holds_up_nothing(shop: Shop, kafka: str) -> None:
    shop.ask("update portrait.customers set state = '{\"identifiers\": 7}' where id = %s", shop.an)
    with relay(shop, kafka) as relaying:
        assert relaying.round() == 10
        assert relaying.round() == 0
    assert set(shop.ask("select customer_id, error from portrait.unpublished")) == {(shop.an, "ValidationError")}
    assert {customer for customer, _ in profiles(kafka, shop.an, shop.bình, shop.till)} == {shop.bình, shop.till}


def test_a_phone_that_changed_hands_is_in_the_profiles_of_both_who_had_it(shop: Shop, kafka: str) -> None:
    phone = "+84987000001"
    store = PostgresStore(shop.url)
    try:
        feed(store, [event(20, 900 * DAY, {"card_no": "K1", "phone": phone})], first=8)
        feed(store, [event(21, 300 * DAY, {"card_no": "K2", "phone": phone})], first=9)
    finally:
        store.close()
    owners = shop.ask("select customer_id from crm.customer_identifiers where kind = 'card_no' and value like 'K_'")
    with relay(shop, kafka) as relaying:
        relaying.round()
    told = [one.identifiers for _, one in profiles(kafka, *(customer for (customer,) in owners)) if one is not None]
    assert sorted(told, key=str) == [{"card_no": (card,), "phone": (phone,)} for card in ("K1", "K2")]


def test_one_relay_is_active_and_another_takes_over_when_it_ends(shop: Shop) -> None:
    first, second = Outbox(shop.url), Outbox(shop.url)
    try:
        assert [first.lead(), second.lead(), first.lead(), second.lead()] == [True, False, True, False]
        first.close()
        assert wait_until(second.lead, 10)
        assert not first.lead()
    finally:
        first.close()
        second.close()


class CutOff(RelayProducer):
    """Publishes, and then the database ends every session of the relay, as a failover does."""

    def __init__(self, kafka: str, shop: Shop) -> None:
        super().__init__(kafka)
        self._shop = shop
        self._left = 1

    def publish(self, messages: list[Message]) -> dict[int, str]:  # type: ignore[override]
        refused = super().publish(messages)
        if self._left:
            self._left -= 1
            self._shop.ask(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                "where application_name = 'portrait-relay' and datname = current_database()"
            )
        return refused


def test_profiles_of_a_round_that_broke_off_are_published_once_more_in_the_end(shop: Shop, kafka: str) -> None:
    """What a broken round sent may reach Kafka after what the next relay sends: so the newest must come last again."""
    outbox, producer = Outbox(shop.url), CutOff(kafka, shop)
    clock = [0.0]
    try:
        relaying = Relay(outbox, producer, settle=10.0, clock=lambda: clock[0])
        assert outbox.lead()
        with pytest.raises(Retryable):
            relaying.round()
        assert waiting(shop) == 10
        assert outbox.lead()
        assert relaying.round() == 10
        relaying.settle_doubts()
        assert waiting(shop) == 0
        clock[0] = 10.0
        relaying.settle_doubts()
        assert relaying.round() == 3
        relaying.settle_doubts()
        assert waiting(shop) == 0
    finally:
        producer.close()
        outbox.close()
    assert len(profiles(kafka, shop.an)) == 3


@contextmanager
def running(shop: Shop, kafka: str, outbox: Outbox | None = None) -> Iterator[None]:
    """A relay in a thread of its own, as `main` runs it."""
    outbox, producer = outbox or Outbox(shop.url), RelayProducer(kafka, timeout=4.0)

    def close() -> None:
        producer.close()
        outbox.close()

    with in_thread(Relay(outbox, producer).run, close):
        yield


def test_it_goes_on_after_its_sessions_were_ended(shop: Shop, kafka: str) -> None:
    with running(shop, kafka):
        for _ in range(3):
            assert wait_until(lambda: waiting(shop) == 0, 20)
            shop.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'portrait-relay' and datname = current_database()"
            )
            ask_for(shop, shop.an)
        assert wait_until(lambda: waiting(shop) == 0, 20)


@pytest.mark.parametrize("fault", ["frozen", "killed"])
def test_it_goes_on_after_kafka_was_away(
    shop: Shop, breakable_kafka: tuple[Child, str], fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker, address = breakable_kafka
    with running(shop, address):
        assert wait_until(lambda: waiting(shop) == 0, 30)
        broker.freeze() if fault == "frozen" else broker.kill()
        ask_for(shop, shop.an, shop.bình)
        assert wait_until(lambda: "interrupted" in caplog.text, 30)
        assert waiting(shop) == 2
        if fault == "frozen":
            broker.thaw()
        else:
            broker.start()
            broker.wait_ready()
        assert wait_until(lambda: waiting(shop) == 0, 40)
    last = dict(profiles(address, shop.an, shop.bình))
    assert {customer for customer, told in last.items() if told is not None} == {shop.an, shop.bình}


def start(shop: Shop, kafka: str, **environ: str) -> subprocess.Popen[str]:
    """`python -m sinks.relay` as the worker role."""
    return subprocess.Popen(
        [sys.executable, "-m", "sinks.relay"],
        cwd=ROOT,
        env={
            **os.environ,
            "PORTRAIT_KAFKA": kafka,
            "PORTRAIT_WORKER_URL": login(shop.url, "portrait_worker"),
            **environ,
        },
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_relay_killed_between_acknowledgement_and_deletion_loses_nothing(shop: Shop, kafka: str) -> None:
    with start(shop, kafka, PORTRAIT_CRASH_AT="relay_sent:1") as killed:
        killed.communicate(timeout=60)
    assert (killed.returncode, waiting(shop)) == (-signal.SIGKILL, 10)
    with start(shop, kafka) as relaying:
        try:
            assert wait_until(lambda: waiting(shop) == 0, 60)
        finally:
            relaying.send_signal(signal.SIGTERM)
            said = relaying.communicate(timeout=30)[1]
    assert (relaying.returncode, "Traceback" in said) == (0, False)
    twice = profiles(kafka, shop.an, shop.bình, shop.till)
    assert len(twice) == 6
    assert twice.count((shop.till, None)) == 2
    told = [each.change_id for each in changes(kafka, shop.an, shop.bình, shop.till)]
    assert sorted(told) == sorted(2 * list(set(told)))
    assert len(set(told)) == 4
    assert [each.customer_id for each in turns(kafka, shop.an, shop.bình, shop.till)] == [shop.till] * 2
    assert [secret for secret in (NAME, EMAIL, PHONE, CARD) if secret in said] == []


def test_without_settings_or_tables_it_says_what_is_missing(new_database: Callable[[], str], kafka: str) -> None:
    command = [sys.executable, "-m", "sinks.relay"]
    bare = {key: value for key, value in os.environ.items() if not key.startswith("PORTRAIT_")}
    run = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, "PORTRAIT_KAFKA" in run.stderr) == (2, True)
    empty = {**bare, "PORTRAIT_KAFKA": kafka, "PORTRAIT_DATABASE_URL": new_database()}
    run = subprocess.run(command, cwd=ROOT, env=empty, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, "portrait.outbox" in run.stderr) == (1, True)
