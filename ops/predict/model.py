"""Both models together: learned from some customers, said of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from ops.predict import bgnbd, gamma_gamma
from ops.predict.bgnbd import BgNbd
from ops.predict.gamma_gamma import GammaGamma
from ops.predict.history import WEEK, Floats, Histories
from ops.predict.maximise import UnfitError

_Fitted = TypeVar("_Fitted")

FEWEST = 50
"""Customers who bought on more than one day, that there must be to learn from."""


_TOO_MUCH = 2.0**62
"""Minor units, and anything else: the store counts in 64 bits."""


class Model(NamedTuple):
    """What was learned. customers, repeaters, paying: how many there were to learn from, how many of them bought on more than one
    day, and how many of these paid something then. spending: None where these are fewer than `FEWEST`. correlation: of how often
    and how much these buy, None where either is the same for all; Gamma-Gamma takes it to be none."""

    timing: BgNbd
    spending: GammaGamma | None
    customers: int
    repeaters: int
    paying: int
    correlation: float | None


class Forecast(NamedTuple):
    """One column each, a row a customer. purchases: days with a purchase that are expected. value: minor units expected."""

    p_alive: Floats
    purchases: Floats
    value: Floats | None


def learn(of: Histories) -> Model:
    """Fit both models. Raises UnfitError saying why not."""
    paid = of.spending()
    repeaters, paying = int((of.frequency > 0).sum()), len(paid.value)
    if repeaters < FEWEST:
        raise UnfitError(
            f"there is too little to learn from: {FEWEST} customers who bought on more than one day are needed, "
            f"and there are {repeaters}"
        )
    timing = _explained("how often customers buy (BG/NBD)", bgnbd.fit, of)
    spending = _explained("how much they pay (Gamma-Gamma)", gamma_gamma.fit, of) if paying >= FEWEST else None
    return Model(timing, spending, len(of.frequency), repeaters, paying, _correlation(paid))


def forecast(model: Model, of: Histories, days: int) -> Forecast:
    """What is expected of each within `days`. Raises UnfitError where that is no number, or too great a one."""
    alive = model.timing.p_alive(of)
    purchases = np.minimum(model.timing.expected_purchases(of, days / WEEK), days)
    value = None if model.spending is None else purchases * model.spending.expected_value(of)
    for column in (alive, purchases, value):
        if column is not None and not ((column >= 0) & (column < _TOO_MUCH)).all():  # nor NaN
            raise UnfitError(f"the fitted model gives no number for some customers: {model.timing}, {model.spending}")
    return Forecast(alive, purchases, value)


def _explained(what: str, fit: Callable[[Histories], _Fitted], of: Histories) -> _Fitted:
    try:
        return fit(of)
    except UnfitError as error:
        raise UnfitError(f"{what} cannot be learned from these customers: {error}") from error


def _correlation(paid: Histories) -> float | None:
    if len(paid.value) < 2 or np.ptp(paid.value) == 0 or np.ptp(paid.frequency) == 0:
        return None
    return float(np.corrcoef(paid.frequency, paid.value)[0, 1])
