"""A rebuild serves exactly what the events say, whatever the store had become, under the same ids."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest

from ops.rebuild import rebuild
from ops.verify import verify
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from sinks.store import Partition
from tests.contract.test_store import event
from tests.stories import NOW, RULES, AheadFeed, feed, verified

pytestmark = pytest.mark.integration

EVENTS = [
    event(1, "card_no:A", order="b1", amount=100),
    event(2, "card_no:A", "email:a@x.vn", order="b1", amount=50, traits={"full_name": "Ân"}),
    event(3, "email:a@x.vn", "phone:+84901", amount=-20),
    event(4, "card_no:B", order="b2", amount=70),
    event(5, "zalo_id:z", "card_no:B"),
    event(6, "card_no:C", amount=5),
    event(7, amount=9),
]

DAMAGE = {
    "nothing": "select 1",
    "a changed portrait": "update portrait.customers set state = replace(state, '\"orders\":1', '\"orders\":7'), orders = 7",
    "a lost customer": "delete from portrait.customers where full_name = 'Ân'",
    "a lost identifier": "delete from portrait.identifiers where identifier = 'email:a@x.vn'",
    "two customers that became one": (
        "update portrait.identifiers set customer_id = (select customer_id from portrait.identifiers "
        "where identifier = 'card_no:A') where identifier = 'card_no:B'"
    ),
    "a customer without events": (
        "insert into portrait.customers select '0199aaaa-0000-7000-8000-000000000000', version, updated_at, lifecycle, "
        "segments, due_at, full_name, email, phone, birthday, age_band, gender, province, area, income_band, language, "
        "acquisition_channel, preferred_channel, preferred_store, first_seen_at, last_seen_at, events, orders, revenue, "
        "currency, revenue_by_currency, first_order_at, last_order_at, points, state, null from portrait.customers limit 1"
    ),
    "events given to somebody else": (
        "update portrait.events set node = (select min(node::text)::uuid from portrait.identifiers)"
    ),
    "lost links and segments": "delete from portrait.links; delete from portrait.memberships",
}

UNSEEN = (
    "nothing",
    "two customers that became one",
    "a lost identifier",
    "lost links and segments",
    "events given to somebody else",
)
"""Damage that leaves the portraits as they are."""


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_a_rebuild_mends_any_damage_and_keeps_the_ids(damage: str, new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    store = PostgresStore(url)
    feed(store, EVENTS[:2], batch=1)
    feed(store, EVENTS[2:], first=2)
    before = verified(store)
    with psycopg2.connect(url) as opened, opened.cursor() as at:
        at.execute("select identifier, customer_id from portrait.identifiers order by identifier")
        ids = at.fetchall()
        at.execute("select a, b, key from portrait.links order by a, b")
        links = at.fetchall()
        at.execute("select customer_id, segment from portrait.memberships order by 1, 2")
        members = at.fetchall()
        at.execute(DAMAGE[damage])
    opened.close()
    told: list[tuple[int, int]] = []
    rebuilt = rebuild(url, RULES, NOW, lambda done, total: told.append((done, total)))
    assert (rebuilt.customers, rebuilt.events) == (3, 7)
    assert (rebuilt.changed == 0) == (damage in UNSEEN)
    assert told[-1] == (14, 14)
    after = verify(store, segments=RULES.segments, now=NOW)
    assert (after.equal, after.differences, after.hash) == (True, [], before.hash)
    with psycopg2.connect(url) as opened, opened.cursor() as at:
        at.execute("select identifier, customer_id from portrait.identifiers order by identifier")
        rebuilt_ids = at.fetchall()
        at.execute("select a, b, key from portrait.links order by a, b")
        assert at.fetchall() == links
        at.execute("select customer_id, segment from portrait.memberships order by 1, 2")
        assert {segment for _, segment in at.fetchall()} == {segment for _, segment in members}
    opened.close()
    assert rebuilt_ids == ids
    store.close()


def test_what_was_decided_before_a_rebuild_is_not_written_after_it(new_database: Callable[[], str]) -> None:
    """X points wrongly to B, and the portraits are right: a rebuild that mends it changes no customer's version."""
    url = new_database()
    migrate(url)
    store = PostgresStore(url)
    feed(store, [event(1, "card_no:A", "email:a@x.vn"), event(2, "card_no:B")], batch=1)
    with psycopg2.connect(url) as opened, opened.cursor() as at:
        at.execute(
            "update portrait.identifiers set customer_id = (select customer_id from portrait.identifiers "
            "where identifier = 'card_no:B') where identifier = 'email:a@x.vn'"
        )
    opened.close()
    worker = AheadFeed(store, [event(3, "email:a@x.vn")], batch=1, log=Partition("events.valid", 1))
    worker.step()
    assert rebuild(url, RULES, NOW).changed == 0
    worker.step()
    assert (worker.stale, worker.done) == (1, True)
    verified(store)
    with store.snapshot() as snapshot:
        assert sorted(each.portrait.events for each in snapshot.served()) == [1, 2]
    store.close()
