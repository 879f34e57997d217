"""Time against money: which ways may be on the front, where neither can be had for less of the other.

Money is what is spent: what the API bills, and people's time at what it is worth. By the bill alone a way
that loses tasks would look cheap, and somebody else would do them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.decide.ranking import strategy_samples
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, mean_and_deviations, mean_estimate, t_critical

TIME, SPENT = "makespan_s", "spent_usd"

FRONT_MEASURES = (TIME, "money_usd", "cost_people_usd")
"""Measures that the front is made of."""

Place = Literal["on", "may_be", "off"]


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """One way to dispatch, by the time that it takes and the money that it takes.

    Attributes
    ----------
    strategy : the way.
    makespan_s, spent_usd : means, each interval by itself.
    by_means : whether no other has both means as small, and one smaller.
    front : `on` where each other is shown to take longer or to spend more, `off` where some other is
        shown to be better in both, else `may_be`.
    """

    strategy: Strategy
    makespan_s: Estimate
    spent_usd: Estimate
    by_means: bool
    front: Place

    def to_json(self, tasks: int) -> dict[str, Any]:
        """Return a dict for JSON, of a batch of a size."""
        ends = {TIME: self.makespan_s.to_json(), SPENT: self.spent_usd.to_json()}
        return asdict(self) | self.strategy.to_json(tasks) | ends


def pareto_front(results: pd.DataFrame, confidence: float = 0.95) -> tuple[ParetoPoint, ...]:
    """Place each way on the front of time and money, or off it.

    Parameters
    ----------
    results : rows of one batch size and one combination of factors, at least 2 replications in common.
    confidence : with which all places hold together.

    Returns
    -------
    All points, from the fastest to the slowest mean, of equals the cheaper first.

    Notes
    -----
    Differences are paired, with Bonferroni's correction for all pairs of points in both measures. Where two
    points are the same in a measure in every replication, that measure does not tell them apart.
    """
    spent = results.assign(**{SPENT: results["money_usd"] + results["cost_people_usd"]})
    times = strategy_samples(results, TIME)
    money = strategy_samples(spent, SPENT)
    points = list(times)
    each = 1 - (1 - confidence) / max(len(points) * (len(points) - 1), 1)
    signs = [_signs(np.stack([samples[point] for point in points]), each) for samples in (times, money)]
    slower, dearer = (sign > 0 for sign in signs)
    faster, cheaper = (sign < 0 for sign in signs)
    same = [_same(np.stack([samples[point] for point in points])) for samples in (times, money)]
    beaten = (slower & dearer) | (slower & same[1]) | (same[0] & dearer)
    kept_apart = faster | cheaper | (same[0] & same[1])
    means = np.array([[times[point].mean(), money[point].mean()] for point in points])
    found = []
    for i, strategy in enumerate(points):
        no_worse = (means <= means[i]).all(axis=1) & (means < means[i]).any(axis=1)
        others = np.arange(len(points)) != i
        front: Place = "off" if beaten[i].any() else "on" if kept_apart[i][others].all() else "may_be"
        found.append(
            ParetoPoint(
                strategy=strategy,
                makespan_s=mean_estimate(times[strategy], confidence),
                spent_usd=mean_estimate(money[strategy], confidence),
                by_means=not no_worse.any(),
                front=front,
            )
        )
    return tuple(sorted(found, key=lambda point: (point.makespan_s.mean, point.spent_usd.mean)))


def _signs(costs: NDArray[np.float64], confidence: float) -> NDArray[np.int64]:
    """Return of which pairs (i, j) i is shown to be more (1) or less (-1) than j; shape (k, k)."""
    n = costs.shape[1]
    critical = t_critical(confidence, n)
    signs = np.zeros((len(costs), len(costs)), dtype=np.int64)
    for i, cost in enumerate(costs):
        mean, deviations = mean_and_deviations(cost - costs)
        half = critical * np.sqrt(np.einsum("jr,jr->j", deviations, deviations) / (n * (n - 1)))
        signs[i] = np.where(np.abs(mean) > half, np.sign(mean), 0)
    return signs


def _same(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.stack([(costs == cost).all(axis=1) for cost in costs])
