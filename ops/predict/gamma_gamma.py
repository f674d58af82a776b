"""Gamma-Gamma: what a purchase of each customer is worth.

P. S. Fader, B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (2013), brucehardie.com/notes/025. What a customer pays
varies about a mean of his or her own by a gamma distribution of shape p; the rate of that has a gamma distribution over
customers (shape q, rate v), and nothing to do with how often they buy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, psi

from ops.predict.history import Floats, Histories
from ops.predict.maximise import UnfitError, maximise

_BOUNDS = ((1e-2, 1e4), (1e-3, 1e4), (1e-4, 1e4))
"""p; q − 1; the mean over all customers, p·v / (q − 1), in parts of the mean of those given."""

_NEAR = 1e-6
_STARTS = ((2.0, 2.0, 1.0), (10.0, 1.0, 1.0), (0.5, 5.0, 1.0))


class GammaGamma(NamedTuple):
    """The fitted model; v is in minor units. log_likelihood: of all customers that it was fitted to."""

    p: float
    q: float
    v: float
    log_likelihood: float = float("nan")

    def expected_value(self, of: Histories) -> Floats:
        """What each customer is expected to pay a purchase, in minor units: (5) of the note. The mean over all customers where
        nothing is known of one; the more purchases, the more his or her own mean counts."""
        expected: Floats = self.p * (self.v + of.frequency * of.value) / (self.p * of.frequency + self.q - 1)
        return expected


def fit(of: Histories) -> GammaGamma:
    """The model of greatest likelihood for those that have a value. Raises UnfitError."""
    spending = of.spending()
    scale = float(spending.value.mean())
    scaled = spending._replace(value=spending.value / scale)

    def score(at: Floats) -> tuple[float, Floats]:
        model, jacobian = _model(at)
        each, gradient = log_likelihood(model, scaled)
        return float(each.mean()), gradient.mean(axis=1) @ jacobian

    found = maximise(score, np.log(_STARTS).tolist(), np.log(_BOUNDS).tolist())
    low, high = np.log(_BOUNDS).T
    if found[1] <= low[1] + _NEAR or not low[2] + _NEAR < found[2] < high[2] - _NEAR:
        raise UnfitError("a few customers pay so much more than all others that the mean over customers cannot be told")
    model, _ = _model(found)
    model = model._replace(v=model.v * scale)
    each, _ = log_likelihood(model, spending)
    return model._replace(log_likelihood=float(each.sum()))


def log_likelihood(model: GammaGamma, of: Histories) -> tuple[Floats, Floats]:
    """The logarithm of (1a) of the note, customer by customer, and its derivatives by p, q, v (one row each)."""
    p, q, v, _ = model
    x, z = of.frequency, of.value
    shape, paid = p * x, v + x * z
    each = (
        gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v / paid)
        + shape * np.log(x * z / paid) - np.log(z)
    )  # fmt: skip
    by_p = x * (psi(shape + q) - psi(shape) + np.log(x * z / paid))
    by_q = psi(shape + q) - psi(q) + np.log(v / paid)
    by_v = q / v - (shape + q) / paid
    return each, np.stack([by_p, by_q, by_v])


def _model(at: Floats) -> tuple[GammaGamma, Floats]:
    """The model at (ln p, ln (q − 1), ln of the mean), and its derivatives by these, one row a parameter of it."""
    p, beyond, mean = np.exp(at)
    v = mean * beyond / p
    jacobian = np.array([[p, 0, 0], [0, beyond, 0], [-v, v, v]])
    return GammaGamma(float(p), float(1 + beyond), float(v)), jacobian
