"""A percentile as a mean: its value and its noise."""

import numpy as np
import pytest

from dispatch_sim.decide.choice import choose
from dispatch_sim.stats.estimates import paired_difference, quantile_estimate
from dispatch_sim.stats.percentile import MIN_REPLICATIONS, linearised
from dispatch_sim.study.objectives import P95, TooFewError, as_means
from tests.study.tables import table


@pytest.mark.parametrize("n", [2, 20, 71, 256, 1001])
def test_mean_of_the_values_is_the_order_statistic(n):
    sample = np.random.default_rng(n).lognormal(size=n)
    assert linearised(sample, 0.95).mean() == pytest.approx(quantile_estimate(sample).mean)


def test_noise_is_that_of_the_quantile():
    """Of an exponential p95, sqrt(p (1 - p) / n) / f(q) with f(q) = 1 - p, averaged over 300 samples."""
    rng = np.random.default_rng(5)
    errors = [linearised(rng.exponential(size=1000), 0.95).std() / np.sqrt(1000) for _ in range(300)]
    assert np.mean(errors) == pytest.approx(np.sqrt(0.95 * 0.05 / 1000) / 0.05, rel=0.1)


def test_constant_and_shifted_samples_have_no_noise():
    assert (linearised(np.full(50, 3.0), 0.95) == 3.0).all()
    sample = np.random.default_rng(1).lognormal(size=256)
    found = paired_difference(linearised(sample + 2, 0.95), linearised(sample, 0.95))
    assert (found.low, found.high) == pytest.approx((2, 2))


def test_percentile_of_few_replications_is_an_error():
    """Below 20 it is the largest value; a mean is no error."""
    sample = np.arange(MIN_REPLICATIONS, dtype=float)
    assert as_means(P95, sample).mean() == quantile_estimate(sample).mean
    with pytest.raises(TooFewError, match=r"63 replications .* at least 64"):
        as_means(P95, sample[1:])
    assert as_means("makespan_s", sample[:2]).size == 2


def test_other_objective_is_itself():
    sample = np.arange(5.0)
    assert as_means("cost_usd", sample) is sample


def test_p95_can_be_minimised():
    rng = np.random.default_rng(2)
    times = {"parallel": rng.lognormal(0, 1.5, size=400), "sequential": rng.uniform(3, 4, size=400)}
    frame = table({text: {"makespan_s": values} for text, values in times.items()})
    assert choose(frame, 8, "makespan_s").strategy.kind == "parallel"
    found = choose(frame, 8, P95)
    assert found.strategy.kind == "sequential"
    assert found.alternatives[0].better_in > 0.5
    assert not found.alternatives[0].in_best_subset
    estimate = quantile_estimate(times["sequential"])
    assert (found.estimate.mean, found.estimate.low, found.estimate.high) == (
        estimate.mean,
        estimate.low,
        estimate.high,
    )
