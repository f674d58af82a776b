"""Two real files, all the way to schema crm through real servers and a real worker: their sums are known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.bench.stack import BenchStack, bench_stack
from ops.bench.watch import applied, wait_for
from ops.verify import verify
from producers.broker.publisher import Publisher
from producers.files.destinations import KafkaDestination
from producers.files.importer import ImportReport, import_file
from producers.files.mapping import load_mapping
from sinks.postgres.store import PostgresStore

pytestmark = pytest.mark.integration

DATA = Path(os.environ.get("PORTRAIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")


class Facts(NamedTuple):
    """What is known of a file from its own publisher."""

    mapping: str
    rows: int
    customers: int
    orders: int
    revenue: str
    identifier: str


FILES = {
    "loyalty_scans.csv.gz": Facts("loyalty_scans", 75_000, 2_377, 47_243, "233935.24", "card_no"),
    "cdnow_sample.csv": Facts("cdnow", 6_919, 2_357, 6_919, "244091.94", "customer_no"),
}


class Books(NamedTuple):
    """What schema crm says of the same."""

    customers: int
    events: int
    orders: int
    orders_listed: int
    revenue: Decimal
    revenue_as_paid: Decimal
    revenue_of_orders: Decimal
    currencies: list[str]
    identifiers: dict[str, int]
    rejected: int


@contextmanager
def stream(place: Path) -> Iterator[BenchStack]:
    """A stack of its own with one worker that reads."""
    with bench_stack(place, workers=1, say=lambda _: None) as stack:
        stack.start("worker-1")
        yield stack


def imported(stack: BenchStack, file: Path, mapping: str) -> ImportReport:
    """The file is in Kafka, as `portrait import` sends it."""
    publisher = Publisher(stack.kafka, timeout=20)
    try:
        publisher.wait_connected(10)
        return import_file(file, load_mapping(mapping), KafkaDestination(publisher), home=stack.home.path)
    finally:
        publisher.close()


def books(stack: BenchStack) -> Books:
    ((customers, orders, revenue, paid),) = stack.ask(
        "select count(*), sum(orders), sum(revenue), sum((revenue_by_currency ->> 'USD')::numeric) from crm.customers"
    )
    ((listed, amount),) = stack.ask("select count(*), sum(amount) from crm.orders")
    returned = stack.ask("select coalesce(sum(amount), 0) from crm.returns")[0][0]
    return Books(
        customers=customers,
        events=stack.ask("select count(*) from crm.events")[0][0],
        orders=int(orders),
        orders_listed=listed,
        revenue=revenue,
        revenue_as_paid=paid,
        revenue_of_orders=amount + returned,
        currencies=[currency for (currency,) in stack.ask("select distinct currency from crm.customers")],
        identifiers=dict(stack.ask("select kind, count(*) from crm.customer_identifiers group by kind")),
        rejected=stack.ask("select count(*) from crm.rejected_events")[0][0],
    )


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_gives_the_customers_the_orders_and_the_revenue_that_it_is_known_to_hold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, facts = DATA / name, FILES[name]
    if not file.exists():
        pytest.skip(f"{file} is not here: put the research data there, or set PORTRAIT_TEST_DATA")
    monkeypatch.setenv("PORTRAIT_CURRENCY", "USD")

    with stream(tmp_path) as stack:
        report = imported(stack, file, facts.mapping)
        wait_for(stack, lambda at: applied(at) == facts.rows, f"to store {name}", seconds=300)
        told = books(stack)
        with closing(PostgresStore(stack.database)) as store:
            verdict = verify(store)

    assert report == ImportReport(facts.rows, facts.rows, 0, 0, None)
    revenue = Decimal(facts.revenue)
    assert told == Books(
        customers=facts.customers,
        events=facts.rows,
        orders=facts.orders,
        orders_listed=facts.orders,
        revenue=revenue,
        revenue_as_paid=revenue,
        revenue_of_orders=revenue,
        currencies=["USD"],
        identifiers={facts.identifier: facts.customers},
        rejected=0,
    )
    assert (verdict.equal, verdict.customers, verdict.events) == (True, facts.customers, facts.rows), (
        verdict.differences
    )
