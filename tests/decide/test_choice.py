"""The recommended strategy and its best subset."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dispatch_sim.decide.choice import choose
from dispatch_sim.scenario.strategy import Strategy
from tests.study.tables import table


def study(samples, tasks=8):
    """Return results with these costs, by strategy as text."""
    return table(samples, tasks).sample(frac=1, random_state=1)


def trial(replications=60):
    """Return four points on a common batch effect: best, near, far, and one like the best."""
    rng = np.random.default_rng(4)
    batch = rng.lognormal(size=replications)
    return {
        "queue of 3": batch + 10,
        "queue of 4": batch + 10.01 + rng.normal(size=replications) * 0.1,
        "parallel": batch + 14 + rng.normal(size=replications),
        "sequential": batch + 11 + rng.normal(size=replications) * 0.2,
    }


def test_least_mean_is_recommended():
    samples = trial()
    choice = choose(study(samples), 8)
    means = sorted(samples, key=lambda point: samples[point].mean())
    assert [str(each.strategy) for each in (choice, *choice.alternatives)] == means
    costs = samples[means[0]]
    expected = stats.t.interval(0.95, 59, costs.mean(), stats.sem(costs))
    assert (choice.estimate.low, choice.estimate.high) == pytest.approx(expected)
    assert choice.replications == 60


def test_differences_are_paired_with_bonferroni_correction():
    """scipy's paired test at 5% / 3."""
    samples = trial()
    choice = choose(study(samples), 8)
    best = samples[str(choice.strategy)]
    for other in choice.alternatives:
        test = stats.ttest_rel(samples[str(other.strategy)], best)
        interval = test.confidence_interval(1 - 0.05 / 3)
        assert (other.difference.low, other.difference.high) == pytest.approx((interval.low, interval.high))
        assert other.in_best_subset == (test.pvalue >= 0.05 / 3)
    assert list(map(str, choice.best_subset)) == ["queue of 3", "queue of 4"]


def test_difference_within_the_threshold_is_practically_equal():
    """0.01 apart with a half-width of 0.03; and 1 apart, significantly, yet within 2."""
    alternatives = choose(study(trial()), 8, indifference=0.1).alternatives
    equal = {str(other.strategy): other.practically_equal for other in alternatives}
    assert equal == {"queue of 4": True, "sequential": False, "parallel": False}
    wide = choose(study(trial()), 8, indifference=2.0)
    sequential = next(a for a in wide.alternatives if str(a.strategy) == "sequential")
    assert sequential.practically_equal
    assert not sequential.in_best_subset
    assert not any(a.practically_equal for a in choose(study(trial()), 8).alternatives)


def test_simplest_of_identical_strategies_is_recommended():
    costs = np.array([3.0, 1.0, 2.0])
    order = ["sequential", "queue of 1", "queue of 2", "queue of 2 (script)", "waves of 2", "parallel"]
    choice = choose(study(dict.fromkeys(reversed(order), costs)), 8)
    assert [str(each.strategy) for each in (choice, *choice.alternatives)] == order
    for other in choice.alternatives:
        assert other.identical
        assert other.in_best_subset
        assert other.practically_equal
        assert (other.difference.low, other.difference.mean, other.difference.high) == (0, 0, 0)


def test_alternative_may_be_better_in_most_batches_and_worse_on_average():
    samples = {"queue of 1": [1.0, 2, 3, 4], "parallel": [0.5, 1, 3, 14]}
    (other,) = choose(study(samples), 8).alternatives
    assert (other.better_in, other.saves, other.loses) == (0.5, 0.75, 5.0)


def test_pairs_are_compared_over_the_replications_that_both_have():
    """The one with fewer replications is not recommended, whatever its own mean: it was worse in each."""
    few, many = study({"queue of 3": [1.0, 2.0]}), study({"queue of 2": [0.5, 1.5, 9.0, 9.0, 5.0]})
    choice = choose(pd.concat([few, many]), 8)
    (other,) = choice.alternatives
    assert (choice.strategy, choice.estimate.n) == (Strategy("queue", 2), 5)
    assert (other.difference.mean, other.difference.n, other.estimate.mean) == (0.5, 2, 1.5)


def test_significantly_worse_strategy_with_nearly_as_many_replications_is_not_recommended():
    """The queue of 3 costs 1 more in each batch that both have; the further ones cost 50."""
    costs = np.append(np.random.default_rng(4).normal(5, 1, size=60), [50.0] * 10)
    choice = choose(study({"queue of 2": costs, "queue of 3": costs[:60] + 1}), 8)
    (other,) = choice.alternatives
    assert (choice.strategy, choice.estimate.n) == (Strategy("queue", 2), 70)
    assert (other.difference.mean, other.in_best_subset) == (pytest.approx(1), False)
    assert other.estimate.mean < choice.estimate.mean


def test_single_strategy_has_no_alternatives():
    choice = choose(study({"queue of 2": [1.0, 2.0]}), 8)
    assert (choice.alternatives, choice.best_subset) == ((), (Strategy("queue", 2),))


def test_choice_is_for_one_combination_of_factors():
    slow = study({"queue of 2": [1.0, 2.0], "parallel": [3.0, 4.0]}).assign(**{"limits.scale": 0.5})
    fast = study({"queue of 2": [3.0, 4.0], "parallel": [1.0, 2.0]}).assign(**{"limits.scale": 2.0})
    results = pd.concat([slow, fast])
    assert choose(results, 8, factors={"limits.scale": 0.5}).strategy.kind == "queue"
    assert choose(results, 8, factors={"limits.scale": 2}).factors == {"limits.scale": 2.0}
    assert choose(fast, 8).strategy.kind == "parallel"
    with pytest.raises(ValueError, match="2 combinations"):
        choose(results, 8)
    with pytest.raises(ValueError, match="nothing was simulated"):
        choose(results, 8, factors={"limits.scale": 3})


def test_impossible_choice_is_an_error():
    results = study(trial())
    with pytest.raises(ValueError, match="nothing was simulated with 9 tasks"):
        choose(results, 9)
    with pytest.raises(ValueError, match="at least 2 replications"):
        choose(results[results["replication"] == 3], 8)
    with pytest.raises(ValueError, match="-1 is negative"):
        choose(results, 8, indifference=-1)


def test_choice_is_written_as_json():
    read = json.loads(json.dumps(choose(study(trial()), 8).to_json(), allow_nan=False))
    assert read["best_subset"][0] == {"strategy": "queue", "concurrency": 3}
    assert read["alternatives"][0]["difference"].keys() == {"mean", "low", "high", "n", "preliminary"}


def test_strategy_that_three_missed_batches_would_make_the_best_is_a_contender():
    """Its largest cost is 35: three batches of 30 more than the mean move a mean of 100 by 0.9.

    That of parallel does not count.
    """
    base = np.where(np.arange(100) == 7, 35.0, 5 - 30 / 99)
    samples = {"queue of 2": base, "queue of 3": base + 0.8, "queue of 4": base + 1.0}
    samples["parallel"] = np.where(np.arange(100) == 7, 100.0, base + 10)
    choice = choose(study(samples), 8)
    assert [str(other.strategy) for other in choice.contenders] == ["queue of 3"]
    assert all(other.beyond_doubt for other in choice.alternatives)


@pytest.mark.parametrize(("errors", "ends"), [(2.5, False), (3.6, True)])
def test_study_does_not_end_early_on_weak_significance(errors, ends):
    """A fiftieth of 5% takes 3.4 standard errors (scipy)."""
    noise = np.random.default_rng(8).normal(size=100)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * 10
    assert bool(errors > stats.t.isf(0.0005, 99)) is ends
    choice = choose(study({"queue of 2": np.full(100, 5.0), "queue of 3": 5 + errors + noise}), 8)
    assert choice.best_subset == (Strategy("queue", 2),)
    assert (choice.settled, choice.is_resolved) == (True, ends)


@pytest.mark.parametrize(("spread", "ends"), [(0.1, True), (10.0, False)])
def test_study_goes_on_until_every_contender_is_known(spread, ends):
    """The nearest is known to within 0.01; of the other, a spread of 0.1 leaves 0.02, one of 10 leaves 2."""
    noise = np.random.default_rng(8).normal(size=(2, 100)) * [[0.04], [spread]]
    near, far = noise - noise.mean(axis=1, keepdims=True) + [[0.002], [0.003]]
    samples = {"queue of 2": np.full(100, 5.0), "queue of 3": 5 + near, "sequential": 5 + far}
    choice = choose(study(samples), 8, indifference=0.05)
    assert len(choice.best_subset) == 3
    assert str(choice.deciding.strategy) == "sequential"
    assert (choice.settled, choice.is_resolved) == (ends, ends)
