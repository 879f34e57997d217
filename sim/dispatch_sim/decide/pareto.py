"""Time against money: which strategies are Pareto-optimal.

Money is what is spent: API charges and people's time at its value. By API charges alone a strategy that loses
tasks would look cheap, although people then complete them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.decide.winners import strategy_samples
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, mean_estimate
from dispatch_sim.stats.paired_samples import present

TIME, SPENT = "makespan_s", "spent_usd"

PARETO_MEASURES = (TIME, "money_usd", "cost_people_usd")
"""Measures that time and money are made of."""

ParetoStatus = Literal["optimal", "undecided", "dominated"]


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """A strategy by its time and money: means, each interval by itself.

    It is `dominated` where another strategy is significantly better in both, or in one and identical in the
    other in every replication; `optimal` where each other one is significantly worse in one, or identical in
    both; else `undecided`.
    """

    strategy: Strategy
    makespan_s: Estimate
    spent_usd: Estimate
    status: ParetoStatus

    def to_json(self, tasks: int) -> dict[str, Any]:
        """Return a dict for JSON, of a batch of a size."""
        ends = {TIME: self.makespan_s.to_json(), SPENT: self.spent_usd.to_json()}
        return asdict(self) | self.strategy.to_json(tasks) | ends


def pareto_points(results: pd.DataFrame, confidence: float = 0.95) -> tuple[ParetoPoint, ...]:
    """Find which strategies are Pareto-optimal; the fastest mean comes first, of equals the cheaper.

    Differences are paired, with Bonferroni's correction for all pairs of strategies in both measures. A
    measure in which two strategies are equal in every replication does not tell them apart.

    Parameters
    ----------
    results : rows of one batch size and one combination of factors, at least 2 replications in common.
    confidence : of all statuses simultaneously.
    """
    spent = results.assign(**{SPENT: results["money_usd"] + results["cost_people_usd"]})
    times, money = strategy_samples(results, TIME), strategy_samples(spent, SPENT)
    strategies = list(times)
    each = 1 - (1 - confidence) / max(len(strategies) * (len(strategies) - 1), 1)
    costs = [np.stack([samples[strategy] for strategy in strategies]) for samples in (times, money)]
    (slower, same_time), (dearer, same_money) = (_pairs(cost, each) for cost in costs)
    dominated = (slower & dearer) | (slower & same_money) | (same_time & dearer)
    not_dominating = slower.T | dearer.T | (same_time & same_money)
    found = []
    for i, strategy in enumerate(strategies):
        status: ParetoStatus = "undecided"
        if dominated[i].any():
            status = "dominated"
        elif not_dominating[i].all():
            status = "optimal"
        makespan_s, spent_usd = (mean_estimate(present(cost[i]), confidence) for cost in costs)
        found.append(ParetoPoint(strategy, makespan_s, spent_usd, status))
    return tuple(sorted(found, key=lambda point: (point.makespan_s.mean, point.spent_usd.mean)))


def _pairs(costs: NDArray[np.float64], confidence: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for each pair (i, j) whether i is significantly more, or always the same; shape (k, k)."""
    more, same = np.zeros((len(costs), len(costs)), bool), np.eye(len(costs), dtype=bool)
    for i, j in combinations(range(len(costs)), 2):
        difference = mean_estimate(present(costs[i] - costs[j]), confidence)
        more[i, j], more[j, i] = difference.low > 0, difference.high < 0
        same[i, j] = same[j, i] = difference.low == difference.high == 0
    return more, same
