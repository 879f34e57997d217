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
    """Costs of 10, 7, 6.5, 6.5 and 8: a concurrency of 3 is the last that gains more than 0.10."""
    (found,) = diminishing_returns(study({1: 10, 2: 7, 3: 6.5, 4: 6.5, 5: 8}), 8, indifference=0.1)
    assert [step.verdict for step in found.steps] == ["gains", "gains", "practically_equal", "loses"]
    assert (found.gains_up_to, found.may_gain_up_to) == (3, ())
    assert [(step.concurrency, step.to) for step in found.steps] == [(1, 2), (2, 3), (3, 4), (4, 5)]
    assert json.loads(json.dumps(found.to_json()))["gains_up_to"] == 3


def test_gains_are_paired_and_simultaneous():
    """scipy's paired test at 5% / 2."""
    results = study({1: 10, 2: 9, 4: 8.9})
    (found,) = diminishing_returns(results, 8)
    costs = {concurrency: part["cost_usd"].to_numpy() for concurrency, part in results.groupby("concurrency")}
    interval = stats.ttest_rel(costs[1], costs[2]).confidence_interval(1 - 0.05 / 2)
    assert (found.steps[0].gain.low, found.steps[0].gain.high) == pytest.approx((interval.low, interval.high))


def test_undecided_step_may_gain():
    (open_,) = diminishing_returns(study({1: 10, 2: 7, 3: 6.97}, noise=0.3), 8)
    assert (open_.gains_up_to, open_.may_gain_up_to) == (2, (3,))
    (past,) = diminishing_returns(study({1: 10, 2: 7, 3: 9, 4: 8.97}, noise=0.3), 8)
    assert (past.gains_up_to, past.may_gain_up_to) == (2, ())


def test_no_gain_ends_at_the_lowest_concurrency():
    """3% of 10 is more than the gain."""
    (found,) = diminishing_returns(study({1: 10, 2: 9.9}, noise=0.01), 8, indifference="3%")
    assert found.gains_up_to == 1
    assert found.steps[0].verdict == "practically_equal"


def test_single_concurrency_has_no_returns():
    assert diminishing_returns(table({"parallel": [5.0, 6.0], "queue of 2": [4.0, 7.0]}), 8) == ()
