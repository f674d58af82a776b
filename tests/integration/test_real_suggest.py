"""Suggestions on real registrations, of which it is known who is who."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ops.suggest.customers import read_records
from ops.suggest.febrl import quality, read_febrl
from ops.suggest.pairs import suggest
from ops.suggest.records import Record
from processors.prepare import prepare
from processors.reference import load_reference
from schemas.clean import CleanEvent
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.integration.shop import ask
from tests.stories import NOW, feed

pytestmark = pytest.mark.integration

DATA = Path(os.environ.get("PORTRAIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")

FILES = {
    "febrl_dataset1.csv": (1_000, 500, 0.99, 0.95),
    "febrl_dataset2.csv": (5_000, 1_934, 0.98, 0.90),
}
"""Name → records, pairs of one person, and the precision and recall that are wanted, with one threshold for both."""


@pytest.mark.parametrize("name", FILES)
def test_people_registered_twice_are_found_and_others_are_not(name: str) -> None:
    file, (records, pairs, precision, recall) = DATA / name, FILES[name]
    if not file.exists():
        pytest.skip(f"{file} is not here: put the research data there, or set PORTRAIT_TEST_DATA")

    registered = read_febrl(file)
    told = quality(registered, suggest(registered))

    assert (len(registered), told.true) == (records, pairs)
    assert told.precision >= precision, told
    assert told.recall >= recall, told


def test_they_are_found_as_well_among_the_customers_of_a_store(new_database: Callable[[], str]) -> None:
    """Each registration comes in as a form of somebody with a number of their own, and what is kept of it is compared."""
    name = "febrl_dataset1.csv"
    file, (_, _, precision, recall) = DATA / name, FILES[name]
    if not file.exists():
        pytest.skip(f"{file} is not here: put the research data there, or set PORTRAIT_TEST_DATA")
    url = new_database()
    migrate(url)
    registered = {f"KH{number}": record for number, record in enumerate(read_febrl(file), 1_000)}
    with closing(PostgresStore(url)) as store:
        feed(store, [form(number, record) for number, record in registered.items()], batch=1_000)

    who = {
        customer: registered[value.rpartition(":")[2]].id
        for customer, value in ask(url, "select customer_id::text, identifier from portrait.identifiers")
    }
    assert len(who) == len(registered)
    named = [pair._replace(a=who[pair.a], b=who[pair.b]) for pair in suggest(read_records(url))]
    in_order = [pair._replace(a=min(pair.a, pair.b), b=max(pair.a, pair.b)) for pair in named]
    told = quality(registered.values(), in_order)
    assert told.precision >= precision, told
    assert told.recall >= recall, told


def form(number: str, record: Record) -> CleanEvent:
    """The clean event of a registration form that says what `record` says."""
    address = {part: getattr(record, part) for part in ("street", "ward", "city", "province", "postcode")}
    customer: dict[str, Any] = {
        "customer_no": number,
        "given_name": record.given_name,
        "family_name": record.family_name,
        "birthday": record.birthday,
        "address": {part: said for part, said in address.items() if said},
    }
    event = {
        "specversion": "1.0",
        "id": number,
        "source": "/web",
        "type": "web.form_submitted.v1",
        "time": "2025-09-01T00:00:00Z",
        "data": {
            "form": {"id": "f", "kind": "registration"},
            "customer": {field: said for field, said in customer.items() if said},
        },
    }
    reference = load_reference({})
    clean = prepare(json.dumps(event).encode(), origin=f"events.web/0/{number}", received_ms=NOW, reference=reference)
    assert isinstance(clean, CleanEvent), clean
    return clean
