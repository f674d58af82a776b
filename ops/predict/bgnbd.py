"""BG/NBD: who will buy how often, and who is still a customer.

P. S. Fader, B. G. S. Hardie, K. L. Lee, "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD Model",
Marketing Science 24 (2005) 275–284. While a customer lives, purchases come by chance at a rate of his or her own, which has a
gamma distribution over customers (shape r, rate alpha); after each purchase but the first a customer leaves with a
probability of his or her own, which has a beta distribution (a, b).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.special import expit, gammaln, psi

from ops.predict.history import Floats, Histories
from ops.predict.maximise import maximise

NODES = 64
"""Points of the quadrature of `expected_purchases`: it errs by 1e-12 where alpha is a week, by 1e-3 where it is hours."""

_BOUNDS = ((1e-3, 1e4), (1e-3, 1e5), (-14.0, 14.0), (1e-2, 1e4))
"""r; alpha / r, the mean number of weeks between purchases; the logit of a / (a + b), the mean probability to leave; a + b. A
population that is all alike ends at the upper bound of r or a + b: its customers differ by a hundredth."""

_STARTS = ((0.5, 10.0, -1.0, 3.0), (2.0, 5.0, -3.0, 10.0), (0.1, 50.0, 0.0, 1.0))
_IN_LOGS = (True, True, False, True)


class BgNbd(NamedTuple):
    """The fitted model; rates are per week. log_likelihood: of all customers that it was fitted to."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")

    def p_alive(self, of: Histories) -> Floats:
        """The probability that each is still a customer: the share that the first term of (6) of the paper has in it, as in
        P. S. Fader, B. G. S. Hardie, "Computing P(alive) Using the BG/NBD Model" (2008), brucehardie.com/notes/021.

        Who bought on one day only is one for sure: by this model nobody leaves after the first purchase.
        """
        return _alive(self, of)

    def expected_purchases(self, of: Histories, weeks: float) -> Floats:
        """How many days with a purchase are expected of each within the next `weeks`: (10) of the paper.

        (10) has poles at a = 1 and a + b + x = 1 that cancel. So it is computed from the integral that it was made from, which
        has none: given the life at T, p is Beta(a, b + x) and the rate Gamma(r + x, alpha + T), and
        E = P(alive) · ∫ (1 − (1 + p·t / (alpha + T))^−(r + x)) / p · Beta(p; a, b + x) dp, by Gauss–Jacobi quadrature.
        """
        expected = np.empty(len(of.frequency))
        for frequency in np.unique(of.frequency):
            which = of.frequency == frequency
            p, share = _jacobi(self.a, self.b + frequency)
            ratio = weeks / (self.alpha + of.age[which])[:, None]
            shape = self.r + frequency
            each = np.where(p > 0, -np.expm1(-shape * np.log1p(p * ratio)) / np.where(p > 0, p, 1), shape * ratio)
            expected[which] = each @ share
        return expected * self.p_alive(of)


def fit(of: Histories) -> BgNbd:
    """The model of greatest likelihood. Raises UnfitError."""
    timing = of.timing()
    total = timing.weight.sum()

    def score(at: Floats) -> tuple[float, Floats]:
        model, jacobian = _model(at)
        each, gradient = log_likelihood(model, timing)
        return float(each @ timing.weight / total), (gradient @ timing.weight / total) @ jacobian

    in_logs = [
        [np.log(value) if log else value for value, log in zip(row, _IN_LOGS, strict=True)] for row in (*_STARTS,)
    ]
    bounds = [
        (np.log(low), np.log(high)) if log else (low, high) for (low, high), log in zip(_BOUNDS, _IN_LOGS, strict=True)
    ]
    model, _ = _model(maximise(score, in_logs, bounds))
    each, _ = log_likelihood(model, timing)
    return model._replace(log_likelihood=float(each @ timing.weight))


def log_likelihood(model: BgNbd, of: Histories) -> tuple[Floats, Floats]:
    """The logarithm of (6) of the paper, customer by customer, and its derivatives by r, alpha, a, b (one row each)."""
    r, alpha, a, b, _ = model
    x, recency, age = of.frequency, of.recency, of.age
    again = x > 0
    alive = _alive(model, of)
    to_age, to_last = np.log1p(age / alpha), np.log1p(recency / alpha)
    living = -(r + x) * to_age
    left = np.where(again, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * to_last, -np.inf)
    each = (
        gammaln(r + x) - gammaln(r) - x * np.log(alpha)
        + gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b)
        + np.logaddexp(living, left)
    )  # fmt: skip
    gone = 1 - alive
    by_r = psi(r + x) - psi(r) - alive * to_age - gone * to_last
    by_alpha = r / alpha - (r + x) * (alive / (alpha + age) + gone / (alpha + recency))
    by_a = psi(a + b) - psi(a + b + x) + gone / a
    by_b = psi(a + b) - psi(a + b + x) + psi(b + x) - psi(b) - np.where(again, gone / (b + np.maximum(x, 1) - 1), 0)
    return each, np.stack([by_r, by_alpha, by_a, by_b])


def _alive(model: BgNbd, of: Histories) -> Floats:
    r, alpha, a, b, _ = model
    x = np.maximum(of.frequency, 1)
    odds = np.log(a) - np.log(b + x - 1) + (r + x) * (np.log1p(of.age / alpha) - np.log1p(of.recency / alpha))
    alive: Floats = np.where(of.frequency > 0, expit(-odds), 1.0)
    return alive


def _model(at: Floats) -> tuple[BgNbd, Floats]:
    """The model at (ln r, ln alpha/r, logit of a/(a+b), ln (a+b)), and its derivatives by these, one row a parameter of it."""
    r, mean, leaving, both = np.exp(at[0]), np.exp(at[1]), expit(at[2]), np.exp(at[3])
    alpha, a, b = r * mean, leaving * both, expit(-at[2]) * both
    between = a * b / both
    jacobian = np.array([[r, 0, 0, 0], [alpha, alpha, 0, 0], [0, 0, between, a], [0, 0, -between, b]])
    return BgNbd(float(r), float(alpha), float(a), float(b)), jacobian


@lru_cache(maxsize=1024)
def _jacobi(a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights with which a sum is the mean of a function of p ~ Beta(a, b).

    G. H. Golub, J. H. Welsch, "Calculation of Gauss Quadrature Rules", Mathematics of Computation 23 (1969) 221–230; the
    recurrence of Jacobi's polynomials is 18.9 of the NIST Digital Library of Mathematical Functions, moved to [0, 1].
    """
    n = np.arange(1, NODES)
    twice = 2 * n + a + b - 2
    middle = np.concatenate([[(a - b) / (a + b)], (a - b) * (a + b - 2) / (twice * (twice + 2))])
    beside = n * (n + b - 1) * (n + a - 1) / twice**2
    beside[1:] *= (n[1:] + a + b - 2) / ((twice[1:] + 1) * (twice[1:] - 1))
    beside[0] /= twice[0] + 1
    nodes, vectors = eigh_tridiagonal(middle, 2 * np.sqrt(beside))
    weights: Floats = vectors[0] ** 2
    return np.clip((1 + nodes) / 2, 0, 1), weights
