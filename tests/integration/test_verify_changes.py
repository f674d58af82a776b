"""The changes of segments that were told lead to the segments that customers are in; else `verify` says where they do not."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import pytest

from ops.verify import verify
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.contract.test_store import event
from tests.stories import NOW, RULES, feed

pytestmark = pytest.mark.integration

OF_THE_LAST = "where id = (select max(id) from portrait.segment_changes)"

DAMAGE = {
    "a lost change": (
        f"delete from portrait.segment_changes {OF_THE_LAST}",
        ["customer {customer}: new was last told as never entered, and 2 of 2 places say that it is in it"],
    ),
    "a change that was told again": (
        "insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version, backfill) "
        "select customer_id, segment, family, action, at, reason, rule_version, backfill "
        f"from portrait.segment_changes {OF_THE_LAST}",
        [
            "customer {customer}: new was last told as entered, and 2 of 2 places say that it is in it, "
            "1 of its changes repeat the one before"
        ],
    ),
    "a change that leads elsewhere": (
        f"update portrait.segment_changes set action = 'left' {OF_THE_LAST}",
        [
            "customer {customer}: new was last told as left, and 2 of 2 places say that it is in it, "
            "1 of its changes repeat the one before"
        ],
    ),
    "a lost membership": (
        "delete from portrait.memberships",
        ["customer {customer}: new was last told as entered, and 1 of 2 places say that it is in it"],
    ),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_changes_that_do_not_lead_to_the_segments_are_named_and_make_another_hash(
    damage: str, new_database: Callable[[], str]
) -> None:
    url = new_database()
    migrate(url)
    store = PostgresStore(url)
    feed(store, [event(1, "card_no:A", order="b1", amount=100)])
    before = verify(store, segments=RULES.segments, now=NOW)
    assert (before.equal, before.segments) == (True, True)
    statement, told = DAMAGE[damage]
    with psycopg2.connect(url) as opened, opened.cursor() as at:
        at.execute("select id::text from portrait.customers")
        ((customer,),) = at.fetchall()
        at.execute(statement)
    opened.close()
    after = verify(store, segments=RULES.segments, now=NOW)
    store.close()
    assert after.differences == [each.format(customer=customer) for each in told]
    assert not after.equal
    assert after.hash != before.hash
