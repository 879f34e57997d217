"""Distributions for measured values: by maximum likelihood, chosen by a stated rule."""

import math

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.logs.fits import FAMILIES, LEAST, fit, frozen, refit
from dispatch_sim.logs.intervals import bootstrapped, proportion
from dispatch_sim.scenario.distributions import Empirical, Gamma, LogLogistic, LogNormal, Weibull

TRUE = {
    "lognormal": LogNormal.of(median=94.0, log_sd=1.26),
    "gamma": Gamma(1.35, 217.0),
    "weibull": Weibull(1.9, 77_000.0),
    "loglogistic": LogLogistic(2.4, 59.0),
}
SCIPY = {
    "lognormal": stats.lognorm,
    "gamma": stats.gamma,
    "weibull": stats.weibull_min,
    "loglogistic": stats.fisk,
}


def sample(family, n, seed=1):
    """Return values of a true family."""
    return np.asarray(frozen(TRUE[family]).rvs(n, random_state=np.random.default_rng(seed)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fit_has_the_likelihood_of_scipys(family):
    """Maximum likelihood is what scipy.stats finds, its location fixed at 0."""
    values = sample(family, 300)
    ours = frozen(refit(family, values, np.ones(300))).logpdf(values).sum()
    theirs = SCIPY[family].logpdf(values, *SCIPY[family].fit(values, floc=0)).sum()
    assert ours >= theirs - 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_value_that_weighs_twice_counts_as_two(family):
    """A weight is how often a value counts."""
    values = sample(family, 40)
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    weighted = refit(family, values, weights)
    repeated = refit(family, np.concatenate([values, values[:10]]), np.ones(50))
    for u in (0.1, 0.5, 0.9):
        assert weighted.quantile(u) == pytest.approx(repeated.quantile(u), rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_large_samples_are_known_for_what_they_are(family):
    """With 3,000 values each family is told from the others, and its quantiles are met within 10%."""
    found = fit(sample(family, 3000))
    assert found.family == family
    for u in (0.05, 0.5, 0.95):
        assert found.distribution.quantile(u) == pytest.approx(TRUE[family].quantile(u), rel=0.1)


def test_what_no_family_fits_stays_as_it_was_seen():
    """Two narrow heaps far apart are none of the families: the sample itself is taken, in 50 values."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.lognormal(2.0, 0.1, 150), rng.lognormal(7.0, 0.1, 150)])
    found = fit(values)
    assert found.family == "empirical"
    assert isinstance(found.distribution, Empirical)
    assert len(found.distribution.values) == 50
    assert found.distribution.mean == pytest.approx(values.mean(), rel=0.02)


def test_a_family_whose_tail_the_scenario_cannot_hold_is_not_chosen():
    """A count may be a million at most; log-logistic calls of shape 2 would be more now and then."""
    values = sample("loglogistic", 2000)
    assert fit(values).family == "loglogistic"
    found = fit(values, most=1e6)
    assert found.family != "loglogistic"
    assert found.distribution.quantile(1 - 2.0**-52) <= 1e6


def test_values_that_are_all_the_same_are_one_value():
    """Nothing is fitted where nothing varies."""
    found = fit(np.full(LEAST, 7.0))
    assert (found.family, found.distribution.quantile(0.99)) == ("constant", 7.0)


def test_an_interval_covers_as_often_as_it_says():
    """95% intervals of a median hold the truth in 90 to 99% of 200 trials, with 12 sessions that differ."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        effects = rng.standard_normal(12)
        logs = (effects[:, None] + 0.5 * rng.standard_normal((12, 5))).ravel()
        clusters = np.repeat(np.arange(12), 5)

        def median(often, logs=logs):
            return [math.exp(float(often @ logs / often.sum()))]

        found = bootstrapped(median, clusters)[0]
        hits += found.low <= 1.0 <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def test_one_session_has_no_interval():
    """How sessions differ cannot be seen in one."""
    found = bootstrapped(lambda often: [float(often.sum())], np.zeros(9, dtype=np.intp))[0]
    assert found.estimate == 9.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_rate_never_seen_may_still_be_so_much():
    """None in 30: at most 1 - 0.025^(1/30), Clopper and Pearson."""
    found = proportion(0, 30)
    assert (found.low, found.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 30)))
