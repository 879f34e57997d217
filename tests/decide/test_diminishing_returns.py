"""Gains of further concurrency."""

import json

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.decide.diminishing_returns import diminishing_returns
from tests.study.tables import table


def study(means, noise=0.1):
    """Return results of queues with these mean costs by concurrency, on a common batch effect."""
    rng = np.random.default_rng(3)
    batch = rng.lognormal(size=100)
    costs = {n: mean + batch + noise * rng.normal(size=100) for n, mean in means.items()}
    return table({f"queue of {n}": values for n, values in costs.items()})


def test_returns_diminish_and_reverse():
    """Costs of 10, 7, 6.5, 6.5 and 8, and a threshold of 0.10."""
    (found,) = diminishing_returns(study({1: 10, 2: 7, 3: 6.5, 4: 6.5, 5: 8}), 8, indifference=0.1)
    assert [step.verdict for step in found.steps] == ["gains", "gains", "practically_equal", "loses"]
    assert [(step.concurrency, step.to) for step in found.steps] == [(1, 2), (2, 3), (3, 4), (4, 5)]
    assert [step["verdict"] for step in json.loads(json.dumps(found.to_json()))["steps"]][3] == "loses"


def test_gains_are_paired_and_simultaneous():
    """scipy's paired test at 5% / 2."""
    results = study({1: 10, 2: 9, 4: 8.9})
    (found,) = diminishing_returns(results, 8)
    costs = {concurrency: part["cost_usd"].to_numpy() for concurrency, part in results.groupby("concurrency")}
    interval = stats.ttest_rel(costs[1], costs[2]).confidence_interval(1 - 0.05 / 2)
    assert (found.steps[0].gain.low, found.steps[0].gain.high) == pytest.approx((interval.low, interval.high))


def test_step_within_the_noise_is_undecided():
    (found,) = diminishing_returns(study({1: 10, 2: 7, 3: 6.97}, noise=0.3), 8)
    assert [step.verdict for step in found.steps] == ["gains", "undecided"]


def test_threshold_that_is_a_share_is_one_of_the_better_mean():
    """3% of 10 is more than the gain."""
    (found,) = diminishing_returns(study({1: 10, 2: 9.9}, noise=0.01), 8, indifference="3%")
    assert found.steps[0].verdict == "practically_equal"


def test_single_concurrency_has_no_returns():
    assert diminishing_returns(table({"parallel": [5.0, 6.0], "queue of 2": [4.0, 7.0]}), 8) == ()
