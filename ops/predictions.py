"""Predictions for every customer of the store who has bought something: a batch job, whose run takes the place of the one before.

It writes in one transaction: readers see the run before until it is done, and a run that was killed has never been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import NamedTuple

from psycopg2.extensions import cursor

from ops.local.home import LocalStackError
from ops.predict import DAYS
from ops.predict.history import Histories, History, history
from ops.predict.maximise import UnfitError
from ops.predict.model import Forecast, Model, forecast, learn
from ops.sql import copied, reading, rows, streamed, writing
from schemas import portrait
from sinks.postgres.rows import timestamp

MOST_DRAWN = 100_000
"""Customers to learn from: more do not make the parameters surer than the model is right."""

_CHUNK = 20_000
"""Customers held at a time."""

_TOLD_EVERY = 1_000

Progress = Callable[[int, int | None], None]
Bar = Callable[[str, str], AbstractContextManager[Progress]]
"""Begins to show that something is being done: what, and what is counted."""


class Order(NamedTuple):
    """A run to make. now: Unix ms. zone: where days begin. days: how far ahead. by: who wants it."""

    now: int
    zone: tzinfo
    currency: str
    by: str
    days: int = DAYS


class Run(NamedTuple):
    """What became of it. number: None when nothing was kept. purchases, value (minor units): expected of all customers
    together, value None where it cannot be told."""

    number: int | None
    model: Model
    customers: int
    purchases: float
    value: int | None
    seconds: float


def predict(url: str, order: Order, bar: Bar, *, keep: bool, drawn: int = MOST_DRAWN) -> Run:
    """Learn from at most `drawn` customers, say of all what is expected, and let it be served, if it is to be kept.

    Raises LocalStackError when it cannot be learned, or another run is being made; psycopg2.Error. The run before stays then.
    """
    begun = time.monotonic()
    with ExitStack() as open_until_kept:
        to = open_until_kept.enter_context(writing(url)) if keep else None
        if to is not None:
            _claim(to)
        at = open_until_kept.enter_context(reading(url))
        ((total,),) = rows(at, "buyers_counted")
        with bar("Learning", "customers") as told:
            model = _learned(_drawn(at, order, drawn, min(total, drawn), told))
        customers, purchases, value = 0, 0.0, 0
        with bar("Predicting", "customers") as told:
            for names, of in _everybody(at, order, total, told):
                expected = _expected(model, of, order.days)
                customers += len(names)
                purchases += float(expected.purchases.sum())
                value += 0 if expected.value is None else int(expected.value.round().sum())
                if to is not None:
                    copied(to, "copy_predictions", _lines(names, expected))
        number = None if to is None else _keep(to, order, model, customers, time.monotonic() - begun)
    value_told = None if model.spending is None else value
    return Run(number, model, customers, purchases, value_told, time.monotonic() - begun)


def _claim(to: cursor) -> None:
    ((alone,),) = rows(to, "claim_predictions")
    if not alone:
        raise LocalStackError(
            "predictions of this store are just being made by another `portrait predict`; try again later"
        )
    rows(to, "create_incoming_predictions")


def _learned(of: Histories) -> Model:
    try:
        return learn(of)
    except UnfitError as error:
        raise _refusal(error) from error


def _expected(model: Model, of: Histories, days: int) -> Forecast:
    try:
        return forecast(model, of, days)
    except UnfitError as error:
        raise _refusal(error) from error


def _refusal(error: UnfitError) -> LocalStackError:
    return LocalStackError(f"{error}. Nothing was changed: what an earlier run said stays")


def _drawn(at: cursor, order: Order, most: int, total: int, told: Progress) -> Histories:
    found = (state for (state,) in streamed(at, "buyers_drawn", most=most))
    return Histories.of([each for _, each in _histories(((("", state) for state in found)), order, total, told)])


def _everybody(at: cursor, order: Order, total: int, told: Progress) -> Iterator[tuple[list[str], Histories]]:
    """Ids and histories, some thousand customers at a time."""
    each = _histories(streamed(at, "buyers"), order, total, told)
    while chunk := list(islice(each, _CHUNK)):
        yield [name for name, _ in chunk], Histories.of([known for _, known in chunk])


def _histories(
    found: Iterator[tuple[str, str]], order: Order, total: int, told: Progress
) -> Iterator[tuple[str, History]]:
    today = datetime.fromtimestamp(order.now / 1000, UTC).astimezone(order.zone).date()
    for done, (name, state) in enumerate(found, 1):
        known = history(portrait.decode(state), order.zone, today)
        if known is not None:
            yield name, known
        if done % _TOLD_EVERY == 0 or done == total:
            told(done, total)


def _lines(names: Sequence[str], expected: Forecast) -> Iterator[str]:
    values = [r"\N"] * len(names) if expected.value is None else expected.value.round().astype("int64").tolist()
    for name, alive, purchases, value in zip(
        names, expected.p_alive.tolist(), expected.purchases.tolist(), values, strict=True
    ):
        yield f"{name}\t{alive:.9g}\t{purchases:.9g}\t{value}\n"


def _keep(to: cursor, order: Order, model: Model, customers: int, seconds: float) -> int:
    timing, spending = model.timing, model.spending
    ((number,),) = rows(
        to,
        "swap_predictions",
        as_of=timestamp(order.now),
        seconds=seconds,
        by=order.by,
        currency=order.currency,
        customers=customers,
        learned_from=model.customers,
        repeaters=model.repeaters,
        r=timing.r,
        alpha=timing.alpha,
        a=timing.a,
        b=timing.b,
        log_likelihood=timing.log_likelihood,
        p=spending and spending.p,
        q=spending and spending.q,
        v=spending and spending.v,
        value_log_likelihood=spending and spending.log_likelihood,
        correlation=model.correlation,
    )
    return int(number)
