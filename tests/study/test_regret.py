"""Expected regret: what it costs on average to take a way that may not be the best."""

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.study.regret import expected_regrets


def test_of_two_ways_the_regret_is_that_of_a_normal_difference():
    """E max(0, d) = s (phi(z) + z Phi(z)) with d the mean difference, s its standard error, z = d / s."""
    rng = np.random.default_rng(3)
    batch = rng.lognormal(size=300)
    one, other = batch + rng.normal(size=300), batch + rng.normal(size=300) + 0.05
    d, s = (one - other).mean(), stats.sem(one - other)
    expected = [s * (stats.norm.pdf(z) + z * stats.norm.cdf(z)) for z in (d / s, -d / s)]
    assert expected_regrets(np.stack([one, other])) == pytest.approx(expected, abs=0.1 * s)


def test_one_alone_and_identical_ways_have_none():
    """And what is surely worse, its whole difference."""
    costs = np.random.default_rng(1).lognormal(size=50)
    assert expected_regrets(costs[None]).tolist() == [0]
    assert expected_regrets(np.stack([costs, costs, costs + 7])) == pytest.approx([0, 0, 7])


def test_many_replications_are_averaged_in_blocks():
    """The regret goes on as one over the square root of their number."""
    rng = np.random.default_rng(2)
    costs = rng.normal(size=(2, 40_960))
    costs -= costs.mean(axis=1, keepdims=True)
    few, many = expected_regrets(costs[:, :640]), expected_regrets(costs)
    assert many.mean() == pytest.approx(np.sqrt(2 / 40_960) * stats.norm.pdf(0), rel=0.15)
    assert few.mean() > 4 * many.mean()
