"""BG/NBD and Gamma-Gamma, against integrals of what they assume of one customer, and against customers who live as they say."""

from __future__ import annotations

import itertools
from itertools import islice

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1
from scipy.stats import beta, gamma

from ops.bench.predictions import lives
from ops.predict import bgnbd, gamma_gamma
from ops.predict.bgnbd import BgNbd
from ops.predict.gamma_gamma import GammaGamma
from ops.predict.history import Floats, Histories, History
from ops.predict.maximise import UnfitError, maximise
from ops.predict.model import FEWEST, Model, forecast, learn

TIMING, SPENDING = BgNbd(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44)
ROWS = [(0, 0, 0), (0, 0, 38.86), (1, 0.14, 30), (2, 30.43, 38.86), (7, 29.43, 38.86), (29, 38, 38.86), (3, 20, 20)]


def rows(*of: tuple[float, ...]) -> Histories:
    """(frequency, recency, age) in weeks, and a value, if any."""
    columns = np.array([(*each, *([0.0] * (4 - len(each))), 1.0) for each in of], dtype=np.float64).T
    return Histories(*columns)


@pytest.mark.parametrize(("x", "recency", "age"), ROWS)
def test_the_likelihood_is_that_of_a_customer_mixed_over_all_rates_and_all_ways_to_leave(
    x: int, recency: float, age: float
) -> None:
    """(3) of the paper, integrated by number over the gamma and the beta distribution; also P(alive)."""
    r, alpha, a, b, _ = TIMING

    def over_rates(until: float) -> float:
        """Of x purchases at their times, and none more until then. u = rate to the power of r: so there is no pole at 0."""

        def density(u: float) -> float:
            rate = u ** (1 / r)
            return float(rate**x * np.exp(-rate * until) * gamma.pdf(rate, r, scale=1 / alpha) * rate / (r * u))

        return float(quad(density, 0, 20**r, limit=500, epsabs=0, epsrel=1e-9)[0])

    def over_leaving(times_left: int, times_stayed: int) -> float:
        def density(u: float) -> float:
            p = u ** (1 / a)
            return float(p**times_left * (1 - p) ** times_stayed * beta.pdf(p, a, b) * p / (a * u))

        return float(quad(density, 0, 1, limit=500, epsabs=0, epsrel=1e-9)[0])

    living = over_leaving(0, x) * over_rates(age)
    gone = over_leaving(1, x - 1) * over_rates(recency) if x else 0.0
    of = rows((x, recency, age))
    each, _ = bgnbd.log_likelihood(TIMING, of)
    assert np.exp(each[0]) == pytest.approx(living + gone, rel=1e-6)
    assert TIMING.p_alive(of)[0] == pytest.approx(living / (living + gone), rel=1e-6)


@pytest.mark.parametrize("weeks", [1, 13, 52])
def test_expected_purchases_are_those_of_the_published_formula(weeks: float) -> None:
    """(10) of the paper as printed."""
    r, alpha, a, b, _ = TIMING
    of = rows(*ROWS)
    x, recency, age = of.frequency, of.recency, of.age
    z = weeks / (alpha + age + weeks)
    above = (a + b + x - 1) / (a - 1)
    above *= 1 - ((alpha + age) / (alpha + age + weeks)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
    below = 1 + (x > 0) * a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + x)
    assert TIMING.expected_purchases(of, weeks) == pytest.approx(above / below, rel=1e-10)


@pytest.mark.parametrize(
    "model", [BgNbd(0.243, 4.414, a, b) for a, b in ((1.0, 2.0), (0.4, 0.6), (0.25, 0.75), (0.01, 0.01), (30.0, 4e3))]
)
def test_where_the_published_formula_has_a_pole_the_expectation_has_none(model: BgNbd) -> None:
    x, age, weeks = 0.0, 20.0, 13.0
    ratio, shape = weeks / (model.alpha + age), model.r + x

    def given(p: float) -> float:
        return float(-np.expm1(-shape * np.log1p(p * ratio)) / p)

    # u to the power of 1/a takes away the pole of the density at 0, where there is one
    power = min(model.a, 1)

    def density(u: float) -> float:
        p = u ** (1 / power)
        return given(p) * float(beta.pdf(p, model.a, model.b)) * p / (power * u) if 0 < p < 1 else 0.0

    of = rows((x, 0, age))
    if model.b >= 0.5:
        middle = (model.a / (model.a + model.b)) ** power
        expected = quad(density, 0, 1, limit=500, epsabs=0, epsrel=1e-9, points=[middle / 2, middle, 2 * middle])[0]
        assert model.expected_purchases(of, weeks)[0] == pytest.approx(expected, rel=1e-6)
    assert 0 < model.expected_purchases(of, weeks)[0] < model.r / model.alpha * weeks


def test_gradients_are_the_slopes_of_the_likelihoods() -> None:
    spent = rows((1, 0, 0, 3.0), (2, 0, 0, 35.0), (9, 0, 0, 20.0))
    for likelihood, model, of in (
        (bgnbd.log_likelihood, TIMING, rows(*ROWS)),
        (gamma_gamma.log_likelihood, SPENDING, spent),
    ):
        _, gradient = likelihood(model, of)  # type: ignore[operator]
        for which, slope in enumerate(gradient):
            step = 1e-6 * model[which]
            up, down = (model._replace(**{model._fields[which]: model[which] + each}) for each in (step, -step))
            rise = (likelihood(up, of)[0] - likelihood(down, of)[0]) / (2 * step)  # type: ignore[operator]
            assert slope == pytest.approx(rise, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("x", "mean"), [(1, 3.0), (2, 35.0), (9, 120.0)])
def test_the_likelihood_of_values_is_that_of_a_customer_mixed_over_all_scales(x: int, mean: float) -> None:
    """The mean of x gamma values, (p, scale), is gamma (p·x, x·scale); and what is expected is the mean over these."""
    p, q, v, _ = SPENDING

    def density(scale: float) -> float:
        own = p * x * np.log(scale * x) + (p * x - 1) * np.log(mean) - scale * x * mean - gammaln(p * x)
        return float(np.exp(own) * gamma.pdf(scale, q, scale=1 / v))

    of = rows((x, 0, 0, mean))
    likelihood = quad(density, 0, 20, limit=500, epsabs=0)[0]
    assert np.exp(gamma_gamma.log_likelihood(SPENDING, of)[0][0]) == pytest.approx(likelihood, rel=1e-6)
    expected = quad(lambda scale: p / scale * density(scale), 0, 20, limit=500, epsabs=0)[0] / likelihood
    assert SPENDING.expected_value(of)[0] == pytest.approx(expected, rel=1e-6)


CUSTOMERS, WEEKS, AHEAD = 20_000, 52.0, 13.0


def simulated(seed: int = 7) -> tuple[Histories, Floats, Floats, Floats]:
    """Histories of up to a year; whether each still lives; how often each buys in the quarter after; for how much."""
    chance = np.random.default_rng(seed)
    ages = chance.uniform(1, WEEKS, CUSTOMERS)
    told, alive, later, paid = [], [], [], []
    for age, life in zip(ages, islice(lives(TIMING, SPENDING, WEEKS + AHEAD, seed), CUSTOMERS), strict=True):
        times = [time for time in life.times if time <= age]
        ahead = [amount for time, amount in zip(life.times, life.amounts, strict=True) if age < time <= age + AHEAD]
        repeats = life.amounts[1 : len(times)]
        told.append((len(repeats), times[-1], age, np.mean(repeats) if repeats else 0.0))
        alive.append(not (life.left and len(times) == len(life.times)))
        later.append(len(ahead))
        paid.append(sum(ahead))
    return rows(*told), np.array(alive), np.array(later), np.array(paid)


@pytest.fixture(scope="module")
def crowd() -> tuple[Histories, Floats, Floats, Floats]:
    return simulated()


def test_the_parameters_that_customers_live_by_are_found(crowd: tuple[Histories, Floats, Floats, Floats]) -> None:
    model = learn(crowd[0])
    assert model.spending is not None
    assert model.timing[:4] == pytest.approx(TIMING[:4], rel=0.12)
    assert model.spending[:3] == pytest.approx(SPENDING[:3], rel=0.12)
    assert model.timing.log_likelihood > bgnbd.log_likelihood(TIMING, crowd[0])[0].sum()
    assert model.correlation == pytest.approx(0, abs=0.05)


def test_what_is_expected_of_customers_is_what_they_do(crowd: tuple[Histories, Floats, Floats, Floats]) -> None:
    """By groups of those of whom like is expected; a standard error is about 2 %."""
    of, alive, later, paid = crowd
    expected = forecast(learn(of), of, round(AHEAD * 7))
    assert expected.value is not None
    assert expected.purchases.sum() == pytest.approx(later.sum(), rel=0.06)
    assert expected.value.sum() == pytest.approx(paid.sum(), rel=0.08)
    again = of.frequency > 0
    for low, high in itertools.pairwise((0.0, 0.25, 0.5, 0.75, 1.0)):
        group = again & (expected.p_alive > low) & (expected.p_alive <= high)
        assert group.sum() > 200
        assert expected.p_alive[group].mean() == pytest.approx(alive[group].mean(), abs=0.04)
        assert expected.purchases[group].sum() == pytest.approx(later[group].sum(), rel=0.06, abs=20)


def test_a_customer_who_bought_once_is_alive_by_this_model() -> None:
    assert TIMING.p_alive(rows((0, 0, 0), (0, 0, 500))).tolist() == [1, 1]


SANE = {
    "all alike": [History(3, 70, 84, 1_000.0)] * 200,
    "all alike, and of one day": [History(1, 1, 1, 1.0)] * 60,
    "nobody ever leaves": [History(12, 84, 84 + n % 7, 1_000.0 + n % 10) for n in range(200)],
    "everybody leaves": [History(1, 1, 700 + n % 7, 1_000.0 + n % 10) for n in range(200)],
    "single purchases, purchases today, nothing paid, everything": [
        *[History(0, 0, n, 0.0) for n in range(100)],
        *[History(1 + n % 4, 7 + n, 50 + n, 0.0) for n in range(100)],
        *[History(1 + n % 4, 7 + n, 50 + n, 10.0 * (1 + n % 9)) for n in range(100)],
        History(3_000, 3_000, 3_000, 1e5),
    ],
}


@pytest.mark.parametrize("what", SANE)
def test_every_prediction_is_a_number(what: str) -> None:
    of = Histories.of(SANE[what])
    told = forecast(learn(of), of, 90)
    assert told.value is not None
    for column in told:
        assert column is not None
        assert np.isfinite(column).all()
        assert (column >= 0).all()
    assert (told.p_alive <= 1).all()
    assert (told.purchases <= 90).all()


def test_of_customers_who_are_all_alike_the_same_goes_on_being_expected() -> None:
    of = Histories.of([History(12, 84, 84 + n % 7, 1_000.0 + n % 10) for n in range(200)])
    told = forecast(learn(of), of, 84)
    assert told.value is not None
    assert told.purchases == pytest.approx(12, rel=0.1)
    assert told.value == pytest.approx(12_050, rel=0.1)


REPEATERS = [History(1 + n % 4, 7 + n % 30, 50 + n % 30, 10.0 * (1 + n % 9)) for n in range(FEWEST)]


def test_too_few_who_bought_again_say_how_many_are_needed() -> None:
    with pytest.raises(UnfitError, match=r"50 customers who bought on more than one day are needed, and there are 49"):
        learn(Histories.of([*REPEATERS[1:], *[History(0, 0, 10, 0.0)] * 1_000]))
    with pytest.raises(UnfitError, match=r"there are 0"):
        learn(Histories.of([]))


def test_too_few_who_paid_again_leave_value_unsaid() -> None:
    of = Histories.of([REPEATERS[0]._replace(value=0.0), *REPEATERS[1:]])
    model = learn(of)
    assert (model.spending, model.repeaters, model.paying) == (None, FEWEST, FEWEST - 1)
    assert forecast(model, of, 90).value is None


def test_amounts_that_have_no_mean_are_refused() -> None:
    wild = [each._replace(frequency=20, recency=40, value=10.0 ** (n % 13)) for n, each in enumerate(REPEATERS)]
    with pytest.raises(UnfitError, match=r"Gamma-Gamma.*a few customers pay so much more"):
        learn(Histories.of(wild))


@pytest.mark.parametrize("slope", [1.0, float("nan")])
def test_a_likelihood_without_a_maximum_is_refused(slope: float) -> None:
    with pytest.raises(UnfitError, match="no maximum that could be found"):
        maximise(lambda _: (0.0, np.array([slope])), [[0.0]], [(-5.0, 5.0)])


@pytest.mark.parametrize(
    ("timing", "spending"),
    [
        (TIMING._replace(r=float("nan")), SPENDING),
        (TIMING, SPENDING._replace(v=float("inf"))),
        (TIMING, SPENDING._replace(v=1e30)),
        (TIMING, SPENDING._replace(v=-1e9)),
    ],
)
def test_a_model_that_gives_no_number_is_refused(timing: BgNbd, spending: GammaGamma) -> None:
    broken = Model(timing, spending, 1, 1, 1, None)
    with pytest.raises(UnfitError, match="gives no number"):
        forecast(broken, rows((1, 1, 2, 3.0)), 90)
