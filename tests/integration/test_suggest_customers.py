"""The living customers of a real store, as records to compare."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ops.suggest.customers import read_records
from ops.suggest.pairs import suggest
from ops.suggest.records import Record
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.contract.test_store import event
from tests.stories import feed

pytestmark = pytest.mark.integration

ADDRESS = {"street": "12 Lê Lợi", "ward": "Thuận Hóa", "district": "Q1", "city": "Huế", "postcode": "53000"}
EVENTS = [
    event(1, "card_no:A", traits={"full_name": "Nguyễn Văn An", "birthday": "1990-03-12", "province": "Huế"}),
    event(2, "card_no:A", "phone:+84901", traits={"address": ADDRESS}),
    event(3, "email:a@x.vn", traits={"given_name": "Văn An", "family_name": "Nguyen", "birthday": "1990-03-12"}),
    event(4, "card_no:B", traits={"province": "Huế", "gender": "female"}),
    event(5, "zalo_id:z"),
]


def test_what_was_stated_of_living_customers_is_read_and_compared(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    feed(PostgresStore(url), EVENTS)
    told: list[tuple[int, int]] = []

    records = list(read_records(url, lambda done, total: told.append((done, total))))

    by_name = {record.full_name: record for record in records}
    one, other = by_name["Nguyễn Văn An"], by_name[None]
    assert records in ([one, other], [other, one])
    assert one == Record(
        one.id, "Nguyễn Văn An", birthday="1990-03-12", street="12 Lê Lợi", ward="Thuận Hóa", district="Q1",
        city="Huế", province="Huế", postcode="53000",
    )  # fmt: skip
    assert other == Record(other.id, None, "Văn An", "Nguyen", "1990-03-12")
    assert told == [(4, 4)]
    ((a, b, _, reasons),) = suggest(read_records(url))
    assert [a, b] == sorted((one.id, other.id))
    assert reasons[-1] == "same birthday"


def test_a_store_without_customers_has_no_records(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    assert list(read_records(url)) == []
