"""The segments of the customers of two real files, against a computation of its own in pandas, at three dates each."""

from __future__ import annotations

import csv
import gzip
import json
import math
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from processors.apply import Rules, changes_of
from processors.identity_rules import identity_rules
from processors.portray import RECENT_KEPT, fold, is_new_order
from processors.prepare import prepare
from processors.rank import Ranking
from processors.reference import load_reference
from processors.segments.catalogue import read_catalogue, shipped_catalogue
from processors.sweep import sweep
from producers.files.mapping import load_mapping
from producers.files.rows import Row
from schemas.clean import CleanEvent
from schemas.portrait import Portrait
from schemas.ranks import Ranked
from sinks.postgres.migrate import migrate
from sinks.postgres.store import PostgresStore

pytestmark = pytest.mark.integration

DATA = Path(os.environ.get("PORTRAIT_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
RECEIVED = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
DAY = pd.Timedelta(days=1)
FILES = {
    "loyalty_scans": ("loyalty_scans.csv.gz", ("2017-03-15", "2017-08-01", "2018-02-20")),
    "cdnow": ("cdnow_sample.csv", ("1997-04-01", "1997-12-24", "1998-07-01")),
}
CASES = [(kind, date) for kind, (_, dates) in FILES.items() for date in dates]


def lines(kind: str) -> list[dict[str, str]]:
    path = DATA / FILES[kind][0]
    if not path.exists():
        pytest.skip(f"{path} is not there: set PORTRAIT_TEST_DATA to the directory of the real files")
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def clean_events(kind: str, until: int) -> Iterator[CleanEvent]:
    mapping, reference = load_mapping(kind), rules_and_reference()[1]
    for number, values in enumerate(lines(kind), 2):
        payload = json.dumps(
            mapping.event(Row(number, number, values, str(number).encode()), f"/import/{kind}")
        ).encode()
        event = prepare(payload, origin=f"x/0/{number}", received_ms=RECEIVED, reference=reference)
        assert isinstance(event, CleanEvent), event
        if event.time < until:
            yield event


@cache
def ours(kind: str, date: str) -> dict[str, tuple[Portrait, set[str]]]:
    """customer → portrait and segments at `date`, by what happened before."""
    now = int(pd.Timestamp(date, tz="UTC").timestamp() * 1000)
    portraits: dict[str, Portrait] = {}
    orders: set[tuple[str, str]] = set()
    for event in clean_events(kind, now):
        customer = event.identifiers[0].value
        fold(portraits.setdefault(customer, Portrait()), event, new_order=is_new_order(event, customer, orders))
    catalogue = read_catalogue(shipped_catalogue().zone)
    return {customer: (each, {*catalogue.evaluate(each, now).names}) for customer, each in portraits.items()}


@cache
def rules_and_reference() -> tuple[Rules, Any]:
    reference = load_reference({"PORTRAIT_CURRENCY": "USD"})
    return Rules("USD", read_catalogue(reference.timezone), identity_rules()), reference


@pytest.fixture(scope="module")
def url(new_database: Callable[[], str]) -> str:
    made = new_database()
    migrate(made)
    return made


def ranked(url: str, kind: str, date: str) -> dict[str, tuple[Ranked, set[str]]]:
    """customer → where it stands at `date`, as a store in PostgreSQL has it that holds all of them."""
    now, (rules, _) = int(pd.Timestamp(date, tz="UTC").timestamp() * 1000), rules_and_reference()
    ids = {str(uuid.uuid4()): (customer, portrait) for customer, (portrait, _) in ours(kind, date).items()}
    with closing(PostgresStore(url)) as store:
        with store.transaction() as tx:
            tx._at.execute("truncate portrait.customers, portrait.memberships, portrait.sweeps, portrait.outbox")
            tx._at.execute("update portrait.rankings set bounds = null, next_at = '-infinity'")
            portraits = {customer: portrait for customer, (_, portrait) in ids.items()}
            tx.save(store.pack(changes_of(tx, portraits, rules, now, evaluation=True)))
        rules.segments.bounds = None
        ranking = Ranking(store, rules)
        for _ in range(2):  # without bounds, and with the first ones
            ranking.turn(now)
            while sweep(store, rules, now):
                pass
        with store.snapshot() as snapshot:
            return {ids[each.customer][0]: (each.ranked, {*each.segments}) for each in snapshot.served()}


@cache
def bought(kind: str, date: str) -> Any:
    """One row a purchase before `date`: customer, time, order, amount."""
    told = pd.DataFrame(lines(kind))
    loyalty = kind == "loyalty_scans"
    frame = pd.DataFrame(
        {
            "customer": told["card_no"],
            "time": pd.to_datetime(told["scanned_at" if loyalty else "date"], utc=True),
            "order": told["basket_id"] if loyalty else told.index.astype(str),
            "amount": told["amount_usd"].astype(float).round(2),
        }
    )
    return frame[frame["time"] < pd.Timestamp(date, tz="UTC")].sort_values(["customer", "time"], kind="stable")


def stage(rows: Any, now: Any) -> str:
    """The lifecycle by the definition in docs/segments.md."""
    first, last = rows["time"].min(), rows["time"].max()
    kept = rows["time"].drop_duplicates().tail(RECENT_KEPT)
    days = kept.groupby(kept.dt.floor("D")).min().sort_values()
    between = days.diff().dropna()
    silent, known = now - last, len(days) >= 3
    rhythm = between.sort_values().iloc[(len(between) - 1) // 2] if known else pd.Timedelta(0)
    if (
        (known and silent >= 90 * DAY and silent >= 6 * rhythm)
        or (not known and silent >= 180 * DAY)
        or silent >= 365 * DAY
    ):
        return "past"
    if (
        (known and silent >= 30 * DAY and silent >= 3 * rhythm)
        or (not known and silent >= 90 * DAY)
        or silent >= 180 * DAY
    ):
        return "at_risk"
    returns = days[days.diff() >= 180 * DAY]
    if len(returns) and now - returns.iloc[-1] < 60 * DAY:
        return "won_back"
    if rows["order"].nunique() >= 5 and now - first >= 60 * DAY:
        return "loyal"
    return "new" if now - first < 31 * DAY else "current"


def often(rows: Any, now: Any) -> str | None:
    year = rows["time"].drop_duplicates().tail(RECENT_KEPT)
    days, orders = year[year > now - 365 * DAY].dt.floor("D").nunique(), rows["order"].nunique()
    if orders >= 12 and days >= 12:
        return "frequency_high"
    if orders >= 4 and days >= 4:
        return "frequency_medium"
    return "frequency_low" if days else None


@pytest.mark.parametrize(("kind", "date"), CASES)
def test_recency_frequency_and_monetary_value_are_those_of_the_file(kind: str, date: str) -> None:
    frame, found = bought(kind, date), ours(kind, date)
    table = frame.groupby("customer").agg(last=("time", "max"), orders=("order", "nunique"), paid=("amount", "sum"))
    assert set(table.index) == set(found)
    for customer, row in table.iterrows():
        portrait = found[str(customer)][0]
        assert portrait.last_order == int(row["last"].timestamp() * 1000)
        assert portrait.orders == row["orders"]
        assert portrait.revenue_by_currency == {"USD": round(100 * row["paid"])}


@pytest.mark.parametrize(("kind", "date"), CASES)
def test_lifecycle_and_frequency_are_those_of_another_computation(kind: str, date: str) -> None:
    found, now, wrong = ours(kind, date), pd.Timestamp(date, tz="UTC"), []
    stages: set[str] = set()
    for customer, rows in bought(kind, date).groupby("customer"):
        expected = {stage(rows, now), often(rows, now)} - {None}
        stages |= expected
        segments = found[str(customer)][1]
        mine = {name for name in segments if shipped_catalogue().family_of[name].name in ("lifecycle", "frequency")}
        if mine != expected:
            wrong.append((customer, mine, expected))
    assert wrong == []
    assert len(stages) >= 3


def fifth(values: Any) -> Any:
    """1 to 5, by how many fifths of all end below a value: the position of the last of equal ones counts."""
    ends = np.quantile(values.to_numpy(), [0.2, 0.4, 0.6, 0.8], method="inverted_cdf")
    return 1 + sum((values > end).astype(int) for end in ends)


def standing(frame: Any, now: Any) -> Any:
    """One row a customer: scores, and shares of the revenue of the last 365 days. Amounts in cents."""
    frame = frame.assign(cents=(100 * frame["amount"]).round().astype(int))
    table = frame.groupby("customer").agg(last=("time", "max"), orders=("order", "nunique"), paid=("cents", "sum"))
    table["recency"] = fifth(table["last"].astype("int64"))
    table["frequency"], table["monetary"] = fifth(table["orders"]), fifth(table["paid"])
    year = frame[frame["time"] > now - 365 * DAY].groupby("customer")["cents"].sum()
    table["year"] = year.reindex(table.index, fill_value=0)
    best = table[table["year"] > 0].sort_values("year", ascending=False)
    before = best["year"].cumsum() - best["year"]
    enough = best[before < 0.8 * best["year"].sum()]["year"].min()  # the last one that was needed
    table["vital"] = table["year"] >= enough
    for percent in (20, 10, 5, 1):
        least = best["year"].iloc[math.ceil(len(best) * percent / 100) - 1]
        table.loc[table["year"] >= least, "top"] = percent
    table["top"] = table["top"].fillna(100)
    return table


@pytest.mark.parametrize(("kind", "date"), CASES)
def test_scores_and_the_80_20_group_are_those_of_another_computation(url: str, kind: str, date: str) -> None:
    found, now = ranked(url, kind, date), pd.Timestamp(date, tz="UTC")
    table = standing(bought(kind, date), now)
    assert set(table.index) == set(found)
    for customer, row in table.iterrows():
        mine, segments = found[str(customer)]
        scores = (int(row["recency"]), int(row["frequency"]), int(row["monetary"]))
        paid = row["year"] > 0
        best = (int(row["top"]), bool(row["vital"])) if paid else (None, None)
        assert mine == Ranked(int(row["year"]), *scores, *best), customer
        assert ("vital_few" in segments, "useful_many" in segments) == (
            paid and row["vital"],
            paid and not row["vital"],
        )
        assert ("rfm_champions" in segments) == (scores[0] == 5 and math.ceil((scores[1] + scores[2]) / 2) >= 4)
        assert ("rfm_lost" in segments) == (scores == (1, 1, 1))
    vital = table[table["vital"]]
    assert 0.8 <= vital["year"].sum() / table["year"].sum() < 0.81
    assert 0.1 < len(vital) / len(table) < 0.7
