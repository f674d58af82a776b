"""`portrait predict` over a real store: what a run leaves behind, what it does not, and what it refuses."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import CheckViolation

from ops.bench.predictions import lives
from ops.local.home import LocalStackError
from ops.local.records import wait_until
from ops.predict.bgnbd import BgNbd
from ops.predict.gamma_gamma import GammaGamma
from ops.predict.model import FEWEST
from ops.predictions import Order, Progress, Run, predict
from schemas.clean import CleanEvent
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore
from tests.contract.test_store import event
from tests.integration.shop import ask, login
from tests.stories import DAY, NOW, feed
from tests.system.command import Portrait

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[2] / "docs/predictions.md"
PEOPLE = 120
ORDER = Order(NOW, UTC, "VND", "lan")
SHOWN = """
    select customer_id::text, p_alive, purchases_90d, value_90d, currency, fitted_at, run_id
    from crm.customer_predictions order by customer_id
"""


@contextmanager
def silent(_what: str, _unit: str) -> Iterator[Progress]:
    yield lambda _done, _of: None


def purchases(people: int = PEOPLE) -> list[CleanEvent]:
    """Of card holders 0, 1, …, who came in one after the other within the year, and bought until now."""
    found: list[CleanEvent] = []
    named = enumerate(islice(lives(BgNbd(1.2, 6.0, 0.8, 3.0), GammaGamma(6.0, 4.0, 60_000.0), 52, seed=3), people))
    for person, life in named:
        begun = NOW - 360 * DAY + person * 300 * DAY // people
        for week, amount in zip(life.times, life.amounts, strict=True):
            time = begun + int(week * 7 * DAY)
            if time <= NOW:
                found.append(event(len(found), f"card_no:{person}", time=time, amount=amount))
    return found


class Shop:
    """A store of those, and the command that looks at it."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.portrait = Portrait(home, {"PORTRAIT_DATABASE_URL": url, "PORTRAIT_CURRENCY": "VND"})
        self.fed = 0

    def feed(self, *events: CleanEvent) -> None:
        with closing(PostgresStore(self.url)) as store:
            feed(store, events, first=self.fed)
        self.fed += len(events)

    def predict(self, **more: Any) -> Run:
        return predict(self.url, ORDER, silent, **{"keep": True} | more)

    def shown(self) -> list[tuple[Any, ...]]:
        return ask(self.url, SHOWN)

    def runs(self) -> list[int]:
        return [run for (run,) in ask(self.url, "select run_id from crm.prediction_runs order by run_id")]

    def of(self, identifier: str) -> str:
        ((customer,),) = ask(
            self.url, "select customer_id::text from portrait.identifiers where identifier = %s", identifier
        )
        return str(customer)


@pytest.fixture
def shop(new_database: Callable[[], str], tmp_path: Path) -> Shop:
    url = new_database()
    migrate(url)
    made = Shop(url, tmp_path / "home")
    made.feed(*purchases())
    return made


def test_everybody_who_bought_is_shown_with_what_is_expected(shop: Shop) -> None:
    shop.feed(event(9_000, "card_no:looks", time=NOW))
    run = shop.predict()
    shown = shop.shown()
    assert {customer for customer, *_ in shown} == {shop.of(f"card_no:{person}") for person in range(PEOPLE)}
    assert {each[4:] for each in shown} == {("VND", datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=NOW), 1)}
    assert all(0 <= alive <= 1 and 0 <= expected <= 90 and value >= 0 for _, alive, expected, value, *_ in shown)
    assert run.number == 1
    assert run.customers == run.model.customers == PEOPLE
    assert run.purchases == pytest.approx(sum(each[2] for each in shown), rel=1e-6)
    assert run.value == sum(each[3] for each in shown)


def test_a_run_takes_the_place_of_the_one_before(shop: Shop) -> None:
    shop.predict()
    before = {customer: rest for customer, *rest in shop.shown()}
    seven = shop.of("card_no:7")
    shop.feed(event(9_000, "card_no:7", time=NOW - DAY, amount=50_000))
    shop.predict()
    after = {customer: rest for customer, *rest in shop.shown()}
    assert shop.runs() == [1, 2]
    assert {run for *_, run in after.values()} == {2}
    assert set(after) == set(before)
    assert after[seven][1] > before[seven][1]


def test_the_same_customers_are_said_the_same_of_again(shop: Shop) -> None:
    shop.predict()
    before = shop.shown()
    shop.predict()
    assert [each[:-1] for each in shop.shown()] == [each[:-1] for each in before]
    assert shop.runs() == [1, 2]


def test_a_large_store_is_learned_from_the_same_part_each_time(shop: Shop) -> None:
    one, other, whole = (shop.predict(keep=False, drawn=drawn) for drawn in (100, 100, 1_000))
    assert (one.model.customers, one.customers) == (100, PEOPLE)
    assert one.model == other.model != whole.model


def test_who_became_part_of_another_customer_is_not_shown_any_more(shop: Shop) -> None:
    shop.predict()
    seven, eight = sorted((shop.of("card_no:7"), shop.of("card_no:8")))
    shop.portrait.run("identity", "join", "card_no:7", "card_no:8", "--why", "one person")
    assert {customer for customer, *_ in shop.shown()} & {seven, eight} == {seven}
    assert len(shop.shown()) == PEOPLE - 1
    shop.predict()
    assert len(shop.shown()) == PEOPLE - 1
    ((left,),) = ask(shop.url, "select count(*) from portrait.predictions where customer_id = %s", eight)
    assert left == 0


def test_who_becomes_part_of_another_customer_during_a_run_is_not_shown(shop: Shop) -> None:
    ended = max(shop.of("card_no:7"), shop.of("card_no:8"))

    @contextmanager
    def meanwhile(what: str, _unit: str) -> Iterator[Progress]:
        yield lambda _done, _of: None
        if what == "Predicting":
            shop.portrait.run("identity", "join", "card_no:7", "card_no:8", "--why", "one person")

    predict(shop.url, ORDER, meanwhile, keep=True)
    ((left,),) = ask(shop.url, "select count(*) from portrait.predictions where customer_id = %s", ended)
    assert (left, len(shop.shown())) == (0, PEOPLE - 1)


def test_a_run_that_is_killed_at_its_end_has_never_been_and_readers_never_waited(shop: Shop) -> None:
    shop.predict()
    before = shop.shown()
    waits = (
        "select count(*) from pg_stat_activity where application_name = 'portrait-command' and wait_event_type = 'Lock'"
    )
    with closing(psycopg2.connect(shop.url)) as holder, holder.cursor() as at:
        at.execute("lock table portrait.predictions in share row exclusive mode")
        killed = subprocess.Popen(
            shop.portrait.argv("predict"),
            env=shop.portrait.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with killed:
            assert wait_until(lambda: killed.poll() is not None or ask(shop.url, waits) == [(1,)], seconds=120)
            assert killed.poll() is None
            assert shop.shown() == before
            killed.send_signal(signal.SIGKILL)
    gone = "select count(*) from pg_stat_activity where application_name = 'portrait-command'"
    assert wait_until(lambda: ask(shop.url, gone) == [(0,)], seconds=60)
    assert (shop.shown(), shop.runs()) == (before, [1])
    shop.predict()
    assert len(shop.shown()) == PEOPLE


def test_of_two_runs_at_once_one_is_refused(shop: Shop) -> None:
    refused: list[str] = []

    @contextmanager
    def meanwhile(what: str, _unit: str) -> Iterator[Progress]:
        if what == "Predicting":
            with pytest.raises(LocalStackError) as told:
                shop.predict()
            refused.append(str(told.value))
        yield lambda _done, _of: None

    predict(shop.url, ORDER, meanwhile, keep=True)
    assert ["just being made" in each for each in refused] == [True]
    assert shop.runs() == [1]


def test_the_command_says_what_it_found_and_keeps_it(shop: Shop) -> None:
    told = shop.portrait.ask("predict", "--by", "lan")
    kept = ask(shop.url, "select run_id, by, customers, r, alpha, a, b, p, q, v::float from crm.prediction_runs")
    timing, spending = told["bg_nbd"], told["gamma_gamma"]
    assert kept == [
        (
            told["run"], "lan", PEOPLE, *(timing[name] for name in ("r", "alpha", "a", "b")),
            spending["p"], spending["q"], pytest.approx(spending["v"], rel=1e-9),
        )
    ]  # fmt: skip
    ((purchases, value),) = ask(shop.url, "select sum(purchases_90d), sum(value_90d) from crm.customer_predictions")
    assert told["purchases"] == pytest.approx(purchases, rel=1e-6)
    assert (told["value"], told["currency"], told["days"]) == (str(value), "VND", 90)
    shown = " ".join(shop.portrait.run("predict").split())
    assert f"✓ {PEOPLE} customers in" in shown
    assert "run 2. Expected of them within 90 days" in shown


def test_a_dry_run_keeps_nothing_and_looks_as_far_as_one_likes(shop: Shop) -> None:
    near, far = (shop.portrait.ask("predict", "--dry-run", "--days", days) for days in ("30", "365"))
    assert near["run"] is far["run"] is None
    assert near["purchases"] < far["purchases"]
    assert (shop.shown(), shop.runs()) == ([], [])


def test_other_days_than_those_of_the_columns_are_not_kept(shop: Shop) -> None:
    assert "add --dry-run" in shop.portrait.refused("predict", "--days", "30")


def test_too_few_customers_are_said_how_many_there_must_be(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    migrate(url)
    small = Shop(url, tmp_path / "home")
    told = small.portrait.refused("predict")
    assert f"{FEWEST} customers who bought on more than one day are needed, and there are 0" in told
    small.feed(*purchases(people=10))
    told = small.portrait.refused("predict", "--json")
    assert f"{FEWEST} customers who bought on more than one day are needed, and there are" in told
    assert "Nothing was changed" in told
    assert (small.shown(), small.runs()) == ([], [])


def test_where_the_models_cannot_be_learned_the_run_before_stays(shop: Shop) -> None:
    shop.predict()
    before = shop.shown()
    wild = [
        event(9_000 + 10 * person + n, f"card_no:wild {person}", time=NOW - (n + 1) * DAY, amount=10 ** (person % 13))
        for person in range(PEOPLE)
        for n in range(5)
    ]
    shop.feed(*wild)
    told = shop.portrait.refused("predict")
    assert (
        "how much they pay (Gamma-Gamma) cannot be learned from these customers: a few customers pay so much more"
        in told
    )
    assert "what an earlier run said stays" in told
    assert (shop.shown(), shop.runs()) == (before, [1])


def test_where_nobody_pays_nothing_is_said_of_value(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    migrate(url)
    free = Shop(url, tmp_path / "home")
    free.feed(
        *(event(n, f"card_no:{n // 4}", time=NOW - (n % 4 * 7 + n % 3) * DAY, amount=0) for n in range(4 * PEOPLE))
    )
    assert "only 0 customers paid something" in free.portrait.run("predict")
    told = json.loads(free.portrait.run("predict", "--dry-run", "--json"))
    assert (told["value"], told["gamma_gamma"]) == (None, None)
    assert {value for _, _, _, value, *_ in free.shown()} == {None}
    assert ask(url, "select p, q, v, value_log_likelihood from crm.prediction_runs") == [(None,) * 4]


@pytest.mark.parametrize("column", ["p_alive", "purchases_90d"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-0.1"])
def test_nothing_but_a_number_gets_into_the_table(shop: Shop, column: str, value: str) -> None:
    shop.predict()
    with pytest.raises(CheckViolation):
        ask(shop.url, f"update portrait.predictions set {column} = %s", value)


def test_the_queries_of_the_page_run_as_they_are_written(shop: Shop) -> None:
    queries = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    best, gone = (each for block in queries for each in block.split(";") if each.strip())
    shop.predict()
    reader = login(shop.url, "portrait_reader")
    worth = [value for _, _, _, value, _ in ask(reader, best)]
    assert worth == sorted((each[3] for each in shop.shown()), reverse=True)[:100]
    likely = {customer: alive for customer, alive, *_ in shop.shown()}
    found = [(str(customer), alive) for customer, _, _, alive in ask(reader, gone)]
    assert found
    assert all(alive < 0.3 and likely[customer] == alive for customer, alive in found)


def test_readers_see_predictions_and_runs(shop: Shop) -> None:
    shop.predict()
    reader = login(shop.url, "portrait_reader")
    assert ask(reader, SHOWN) == shop.shown()
    assert ask(reader, "select run_id, by from crm.prediction_runs") == [(1, "lan")]
