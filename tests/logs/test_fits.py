"""Fitted distributions, their intervals, and shares of variance."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.logs.calibrate.distribution_fits import FAMILIES, fit, log_density, refit
from dispatch_sim.logs.calibrate.intervals import bootstrap
from dispatch_sim.logs.calibrate.variances import components, highest_share, weights_of_runs
from dispatch_sim.scenario.composites import Empirical
from dispatch_sim.scenario.distributions import Gamma, LogLogistic, LogNormal, Weibull

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
    return np.array([TRUE[family].quantile(u) for u in np.random.default_rng(seed).random(n)])


@pytest.mark.parametrize("family", FAMILIES)
def test_fit_reaches_scipys_likelihood(family):
    """Maximum likelihood is what scipy.stats finds, its location fixed at 0."""
    values = sample(family, 300)
    ours = log_density(refit(family, values, np.ones(300)), values).sum()
    theirs = SCIPY[family].logpdf(values, *SCIPY[family].fit(values, floc=0)).sum()
    assert ours >= theirs - 1e-3


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("log_sd", [0.02, 1.0, 8.0])
def test_density_is_scipys(family, log_sd):
    values = np.exp(4.5 + log_sd * np.random.default_rng(2).standard_normal(300))
    found = refit(family, values, np.ones(300))
    shape, scale = (found.sigma, math.exp(found.mu)) if family == "lognormal" else astuple(found)
    theirs = SCIPY[family].logpdf(values, shape, scale=scale)
    assert log_density(found, values) == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_value_that_weighs_twice_counts_as_two(family):
    values = sample(family, 40)
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    weighted = refit(family, values, weights)
    repeated = refit(family, np.concatenate([values, values[:10]]), np.ones(50))
    for u in (0.1, 0.5, 0.9):
        assert weighted.quantile(u) == pytest.approx(repeated.quantile(u), rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_large_samples_recover_family_and_quantiles(family):
    """With 3,000 values each family is told from the others, and its quantiles are met within 10%."""
    found = fit(sample(family, 3000))
    assert found.family == family
    for u in (0.05, 0.5, 0.95):
        assert found.distribution.quantile(u) == pytest.approx(TRUE[family].quantile(u), rel=0.1)


def test_sample_without_fitting_family_is_empirical():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.lognormal(2.0, 0.1, 150), rng.lognormal(7.0, 0.1, 150)])
    found = fit(values)
    assert found.family == "empirical"
    assert isinstance(found.distribution, Empirical)
    assert len(found.distribution.values) == 50
    assert found.distribution.mean == pytest.approx(values.mean(), rel=0.02)


def test_family_beyond_the_largest_value_is_not_chosen():
    values = sample("loglogistic", 2000)
    assert fit(values).family == "loglogistic"
    found = fit(values, most=1e6)
    assert found.family != "loglogistic"
    assert found.distribution.quantile(1 - 2.0**-52) <= 1e6


def test_interval_covers_as_stated():
    """95% intervals of a median hold the truth in 90 to 99% of 200 trials, with 12 sessions that differ."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        effects = rng.standard_normal(12)
        logs = (effects[:, None] + 0.5 * rng.standard_normal((12, 5))).ravel()
        clusters = np.repeat(np.arange(12), 5)

        def median(often, logs=logs):
            return [math.exp(float(often @ logs / often.sum()))]

        found = bootstrap(median, clusters)[0]
        hits += found.low <= 1.0 <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def balanced(groups, size, between, within, seed):
    rng = np.random.default_rng(seed)
    effects = between * rng.standard_normal(groups)
    values = effects[:, None] + within * rng.standard_normal((groups, size))
    return values.ravel(), np.repeat(np.arange(groups), size)


def test_with_groups_of_one_size_reml_is_analysis_of_variance():
    """Then it is known in closed form: within = MSW, between = (MSB - MSW) / size."""
    values, groups = balanced(30, 4, 0.9, 0.6, seed=1)
    table = values.reshape(30, 4)
    within = table.var(axis=1, ddof=1).mean()
    between = table.mean(axis=1).var(ddof=1) - within / 4
    found = components(values, groups)
    assert found.within == pytest.approx(within, rel=1e-3)
    assert found.between == pytest.approx(between, rel=1e-3)
    assert found.groups == 30


def deviance(share, values, groups):
    """Return -2 times the restricted log-likelihood, but for a constant, by whole matrices."""
    same = (groups[:, None] == groups).astype(float)
    covariance = share * same + (1 - share) * np.eye(len(values))
    inverse, ones = np.linalg.inv(covariance), np.ones(len(values))
    rest = values - (ones @ inverse @ values) / (ones @ inverse @ ones)
    spread = (len(values) - 1) * np.log(rest @ inverse @ rest)
    return np.linalg.slogdet(covariance)[1] + np.log(ones @ inverse @ ones) + spread


def test_share_zero_has_an_upper_end():
    """Where the likelihood has fallen by chi-squared's 3.84; most of all is possible with few groups."""
    values, groups = balanced(12, 3, 0.2, 1.0, seed=4)
    assert components(values, groups).share == 0.0
    highest = highest_share(values, groups)
    fallen = deviance(highest, values, groups) - deviance(0.0, values, groups)
    assert fallen == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-3)
    assert 0.05 < highest < 0.5
    assert highest_share(values[:9], groups[:9]) > highest


def test_few_groups_do_not_exclude_the_true_share():
    """Of 5 pairs with 30% in common the share comes to 0 again and again, and 30% is in the interval."""
    found = []
    for seed in range(300):
        values, groups = balanced(5, 2, np.sqrt(0.3), np.sqrt(0.7), seed)
        if components(values, groups).share == 0.0:
            found.append(highest_share(values, groups))
    assert len(found) > 50
    assert np.mean(np.array(found) >= 0.3) > 0.9


def test_group_that_counts_twice_is_two_groups():
    values, groups = balanced(8, 3, 0.9, 0.6, seed=2)
    twice = components(values, groups, np.array([2.0, *[1.0] * 7]))
    again = components(np.concatenate([values, values[:3]]), np.concatenate([groups, [8, 8, 8]]), np.ones(9))
    assert twice.share == pytest.approx(again.share, rel=1e-6)


def test_shares_come_back_without_bias():
    """Over 60 trials of 25 uneven groups the mean share is the true one, 0.64, to within 0.05."""
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(60):
        sizes = rng.integers(1, 6, size=25)
        groups = np.repeat(np.arange(25), sizes)
        values = 0.8 * rng.standard_normal(25)[groups] + 0.6 * rng.standard_normal(len(groups))
        shares.append(components(values, groups).share)
    assert np.mean(shares) == pytest.approx(0.64, abs=0.05)


def test_weights_of_runs_in_a_group():
    groups = np.array([0, 1, 1, 1, 1])
    assert weights_of_runs(groups, 0.0).tolist() == [1.0] * 5
    assert weights_of_runs(groups, 1e9) == pytest.approx([1.0, 0.25, 0.25, 0.25, 0.25])
