"""Feasibility: deadlines and budgets."""

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.decide.choice import choose
from dispatch_sim.decide.constraints import Limits, find_feasibility
from dispatch_sim.decide.winners import strategy_samples
from dispatch_sim.scenario.strategy import Strategy
from tests.study.tables import table


def study(strategies, replications=200):
    """Return results of strategies (text -> share of batches in time, mean cost); late ones take 100 s."""
    rng = np.random.default_rng(6)
    batch = rng.normal(size=replications)

    def columns(in_time, cost):
        late = np.arange(replications) >= round(in_time * replications)
        return {
            "cost_usd": cost + batch + 0.1 * rng.normal(size=replications),
            "makespan_s": np.where(late, 100.0, 10.0),
            "money_usd": 2.0,
        }

    return table({text: columns(*given) for text, given in strategies.items()}, 4)


LIMITS = Limits(deadline=50, budget=None, probability=0.9)


def feasibility_of(results, limits=LIMITS):
    samples = {measure: strategy_samples(results, measure) for measure in limits.bounds}
    return find_feasibility(samples, limits, 0.95)


def test_cheapest_feasible_strategy_is_recommended():
    strategies = {"parallel": (0.5, 1), "adaptive": (0.9, 4), "queue of 1": (1.0, 5), "sequential": (1.0, 9)}
    choice = choose(study(strategies), 4, limits=LIMITS)
    assert choice.strategy.kind == "queue"
    verdicts = {other.strategy.kind: other.feasibility.verdict for other in choice.alternatives}
    assert verdicts == {"adaptive": "undecided", "sequential": "feasible", "parallel": "infeasible"}
    assert [strategy.kind for strategy in choice.best_subset] == ["queue", "adaptive"]
    assert not choice.settled
    assert choose(study(strategies), 4).strategy.kind == "parallel"


def test_undecided_strategy_is_recommended_where_none_is_feasible():
    may = choose(study({"parallel": (0.5, 1), "queue of 1": (0.9, 5)}), 4, limits=LIMITS)
    assert (may.strategy.kind, may.feasibility.verdict, may.feasible) == ("queue", "undecided", True)
    none = choose(study({"parallel": (0.5, 1), "queue of 1": (0.6, 5)}), 4, limits=LIMITS)
    assert (none.strategy.kind, none.feasible) == ("queue", False)
    assert none.to_json()["feasibility"]["verdict"] == "infeasible"


def test_undecided_recommendation_screens_out_nothing():
    choice = choose(study({"parallel": (0.88, 1), "queue of 1": (0.92, 5)}), 4, limits=LIMITS)
    assert (choice.strategy.kind, choice.feasibility.verdict) == ("parallel", "undecided")
    assert choice.alternatives[0].difference.low > 0
    assert list(map(str, choice.best_subset)) == ["parallel", "queue of 1"]


@pytest.mark.parametrize(
    ("in_time", "verdict", "beyond"), [(0.95, "feasible", False), (0.99, "feasible", True)]
)
def test_study_does_not_end_early_on_weak_feasibility(in_time, verdict, beyond):
    """Significant at 5%; not always at a fiftieth of that (scipy)."""
    (kept,) = feasibility_of(study({"queue of 1": (in_time, 1)})).values()
    interval = stats.binomtest(round(200 * in_time), 200).proportion_ci(1 - 0.05 / 50, method="exact")
    assert (kept.verdict, kept.beyond_doubt) == (verdict, interval.low >= 0.9)
    assert kept.beyond_doubt is beyond


def test_deadline_and_budget_must_be_met_by_the_same_batch():
    results = study({"queue of 1": (0.5, 1)})
    results["money_usd"] = np.where(results["makespan_s"] > 50, 2.0, 9.0)
    (found,) = feasibility_of(results, Limits(deadline=50, budget=5, probability=0.4)).values()
    assert (found.share.mean, found.verdict) == (0, "infeasible")
    (late,) = feasibility_of(results, Limits(deadline=50, budget=None, probability=0.4)).values()
    assert late.share.mean == 0.5


def test_feasibility_intervals_are_clopper_pearson_with_bonferroni():
    """scipy's, at 5% / 2."""
    found = feasibility_of(study({"parallel": (0.5, 1), "queue of 1": (0.9, 5)}))
    interval = stats.binomtest(180, 200).proportion_ci(1 - 0.05 / 2, method="exact")
    share = found[Strategy("queue", 1)].share
    assert (share.low, share.high) == pytest.approx((interval.low, interval.high))
