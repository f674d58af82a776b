"""The sample of CDNOW's customers that both models were published with: from the raw file through the store to the parameters."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.predict.history import Histories, history
from ops.predict.model import Forecast, Model, forecast, learn
from ops.predictions import Order, predict
from processors.apply import Rules
from processors.prepare import prepare
from processors.reference import load_reference
from producers.files.mapping import load_mapping
from producers.files.rows import Row
from schemas import portrait
from schemas.clean import CleanEvent
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.integration.shop import ask
from tests.integration.test_predictions import silent
from tests.stories import LIFECYCLE, RULES, feed

pytestmark = pytest.mark.integration

DATA = Path(os.environ.get("PORTRAIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
FILE = DATA / "cdnow_sample.csv"
PAGE = Path(__file__).parents[2] / "docs/predictions.md"
REFERENCE = load_reference({"PORTRAIT_CURRENCY": "USD"})
RECEIVED = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
LAST = date(1997, 9, 30)
"""The last day that the models learn from; 39 weeks after the first one. There are 39 more weeks in the file."""
AHEAD = 39 * 7

NOON = int(datetime(1997, 9, 30, 12, tzinfo=UTC).timestamp() * 1000)


def lines() -> list[dict[str, str]]:
    if not FILE.exists():
        pytest.skip(f"{FILE} is not there: set PORTRAIT_TEST_DATA to the directory of the real files")
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def events() -> Iterator[CleanEvent]:
    """What was bought until `LAST`, as the importer and `prepare` tell it."""
    mapping = load_mapping("cdnow")
    for number, values in enumerate(lines(), 2):
        told = mapping.event(Row(number, number, values, str(number).encode()), "/import/cdnow")
        event = prepare(json.dumps(told).encode(), origin=f"x/0/{number}", received_ms=RECEIVED, reference=REFERENCE)
        assert isinstance(event, CleanEvent), event
        if event.time <= NOON:
            yield event


class Cdnow(NamedTuple):
    """url: of the store. customers: CDNOW's numbers, in the order of `of`."""

    url: str
    customers: list[str]
    of: Histories
    model: Model


@pytest.fixture(scope="module")
def cdnow(new_database: Callable[[], str]) -> Cdnow:
    bought = list(events())
    url = new_database()
    migrate(url)
    with closing(PostgresStore(url)) as store:
        rules = Rules("USD", LIFECYCLE, RULES.identity)
        feed(store, bought, batch=2_000, now=NOON, rules=rules)
    told = ask(url, "select state from portrait.customers order by id")
    portraits = [portrait.decode(state) for (state,) in told]
    customers = [next(iter(each.identifiers)).partition(":")[2] for each in portraits]
    found = [history(each, REFERENCE.timezone, LAST) for each in portraits]
    of = Histories.of([each for each in found if each is not None])
    return Cdnow(url, customers, of, learn(of))


def later() -> dict[str, tuple[int, float]]:
    """customer → on how many days he or she bought in the 39 weeks after `LAST`, and for how many dollars, read off the file."""
    days: dict[str, set[str]] = {}
    paid: dict[str, float] = {}
    for line in lines():
        if date.fromisoformat(line["date"]) > LAST:
            days.setdefault(line["card_no"], set()).add(line["date"])
            paid[line["card_no"]] = paid.get(line["card_no"], 0) + float(line["amount_usd"])
    return {customer: (len(found), paid[customer]) for customer, found in days.items()}


def test_the_summary_of_customers_is_the_published_one(cdnow: Cdnow) -> None:
    """2,357 customers, of whom 946 bought again, on 2,457 days: Fader, Hardie and Lee (2005); Fader and Hardie (2013)."""
    again = cdnow.of.frequency > 0
    assert (len(again), again.sum(), cdnow.of.frequency.sum()) == (2_357, 946, 2_457)


def test_the_parameters_of_bg_nbd_are_the_published_ones(cdnow: Cdnow) -> None:
    """Table 2 of Fader, Hardie and Lee (2005)."""
    timing = cdnow.model.timing
    assert [round(each, 3) for each in timing[:4]] == [0.243, 4.414, 0.793, 2.426]
    assert round(timing.log_likelihood, 1) == -9582.4


def test_the_parameters_of_gamma_gamma_are_the_published_ones(cdnow: Cdnow) -> None:
    """Fader and Hardie (2013), from the 946 customers who bought again; here v is in cents."""
    spending = cdnow.model.spending
    assert spending is not None
    assert (spending.p, spending.q, spending.v / 100) == pytest.approx((6.25, 3.74, 15.45), abs=0.01)


def test_a_run_over_the_store_finds_and_keeps_the_same(cdnow: Cdnow) -> None:
    run = predict(cdnow.url, Order(NOON, REFERENCE.timezone, "USD", "test"), silent, keep=True)
    assert run.model.timing == pytest.approx(cdnow.model.timing, rel=1e-9)
    kept = ask(
        cdnow.url,
        """
        select round(r::numeric, 3), round(alpha::numeric, 3), round(a::numeric, 3), round(b::numeric, 3),
               round(log_likelihood::numeric, 1), customers, learned_from, repeaters, currency,
               fitted_at at time zone 'UTC' from crm.prediction_runs
        """,
    )
    assert [(*map(float, row[:5]), *row[5:]) for row in kept] == [
        (0.243, 4.414, 0.793, 2.426, -9582.4, 2_357, 2_357, 946, "USD", datetime(1997, 9, 30, 12))
    ]
    ((customers, purchases, value),) = ask(
        cdnow.url, "select count(*), sum(purchases_90d), sum(value_90d)::float from crm.customer_predictions"
    )
    expected = forecast(cdnow.model, cdnow.of, 90)
    assert expected.value is not None
    assert customers == 2_357
    assert purchases == pytest.approx(expected.purchases.sum(), rel=1e-6)
    assert value == pytest.approx(expected.value.sum() / 100, rel=1e-4)


def groups(cdnow: Cdnow, ahead: Forecast) -> list[tuple[str, int, float, float, int, int]]:
    """By how often they had bought again (7 and more are one): customers, mean of days expected and bought on in the 39
    weeks after, dollars expected and paid by all of them. The last row is everybody."""
    assert ahead.value is not None
    actual = later()
    days = [actual.get(customer, (0, 0.0))[0] for customer in cdnow.customers]
    paid = [actual.get(customer, (0, 0.0))[1] for customer in cdnow.customers]
    found = []
    for name, within in [*((str(n), {n}) for n in range(7)), ("7+", set(range(7, 1_000))), ("all", set(range(1_000)))]:
        which = [n for n, frequency in enumerate(cdnow.of.frequency) if frequency in within]
        expected, bought = sum(ahead.purchases[which]), sum(days[n] for n in which)
        worth, real = ahead.value[which].sum() / 100, sum(paid[n] for n in which)
        found.append((name, len(which), expected / len(which), bought / len(which), round(worth), round(real)))
    return found


def test_the_half_year_after_is_foretold_as_the_page_says(cdnow: Cdnow) -> None:
    found = groups(cdnow, forecast(cdnow.model, cdnow.of, AHEAD))
    page = PAGE.read_text("utf-8")
    told = re.findall(
        r"^\| (\d\+?|all) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d,]+) \| ([\d,]+) \|$", page, re.MULTILINE
    )
    assert told == [
        (name, f"{customers:,}", f"{expected:.2f}", f"{bought:.2f}", f"{worth:,}", f"{paid:,}")
        for name, customers, expected, bought, worth, paid in found
    ]


def test_the_total_of_the_half_year_after_is_off_by_an_eighth(cdnow: Cdnow) -> None:
    """Repeat purchases of weeks 40 to 78: 1,882 in the file."""
    expected = forecast(cdnow.model, cdnow.of, AHEAD).purchases.sum()
    bought = sum(days for days, _ in later().values())
    assert (round(expected), bought) == (1_653, 1_882)
