"""The greatest likelihood, and whether it was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from ops.predict.history import Floats

Score = Callable[[Floats], tuple[float, Floats]]
"""Parameters → the mean log-likelihood of a customer, and its gradient."""

STEEPEST = 1e-4
"""The most that the mean log-likelihood may still rise by a parameter, within its bounds, where it is said to be greatest."""


class UnfitError(Exception):
    """The model cannot be fitted to these customers; says why."""


def maximise(score: Score, starts: Sequence[Sequence[float]], bounds: Sequence[tuple[float, float]]) -> Floats:
    """The parameters with the greatest score, looked for from each of `starts`.

    A parameter may end on its bound: customers who are all alike have no finite maximum. Raises UnfitError where the score still
    rises, or is no number.
    """
    low, high = np.array(bounds).T
    best: tuple[float, Floats] | None = None
    for start in starts:
        found = minimize(
            lambda at: _negative(score, at),
            np.clip(start, low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 1_000, "maxfun": 2_000, "ftol": 1e-14, "gtol": 1e-9, "maxls": 50},
        )
        at = np.clip(np.asarray(found.x, dtype=np.float64), low, high)
        reached, gradient = score(at)
        steepest = np.abs(np.clip(at + gradient, low, high) - at).max()
        if np.isfinite(reached) and steepest < STEEPEST and (best is None or reached > best[0]):
            best = reached, at
    if best is None:
        raise UnfitError("the likelihood has no maximum that could be found")
    return best[1]


def _negative(score: Score, at: Floats) -> tuple[float, Floats]:
    value, gradient = score(at)
    return -value, -gradient
