"""The segments of the customers of two real files, against a computation of its own in pandas, at three dates each."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from processors.portray import RECENT_KEPT, fold, is_new_order
from processors.prepare import prepare
from processors.reference import load_reference
from processors.segments.catalogue import shipped_catalogue
from producers.mapping import load_mapping
from producers.rows import Row
from schemas.clean import CleanEvent
from schemas.portrait import Portrait

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
    mapping, reference = load_mapping(kind), load_reference({})
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
    catalogue = shipped_catalogue()
    return {customer: (each, {*catalogue.evaluate(each, now).names}) for customer, each in portraits.items()}


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
