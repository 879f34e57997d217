"""The objectives of a study: their measures, and values whose mean is the objective."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.problems import UserError
from dispatch_sim.stats.estimates import Estimate, mean_estimate, quantile_estimate
from dispatch_sim.stats.paired_samples import present
from dispatch_sim.stats.percentile import MIN_REPLICATIONS, linearised

OBJECTIVES = {
    "cost": "cost_usd",
    "makespan": "makespan_s",
    "p95_makespan": "p95_makespan_s",
    "tokens": "tokens",
    "money": "money_usd",
    "people": "people_s",
}
"""The objectives of a scenario, and their measures."""

P95 = "p95_makespan_s"
"""The 95th percentile of the makespan; computed from a column of the results."""


class TooFewError(UserError):
    """Too few replications for a percentile; the message says how many it takes."""


def column_of(objective: str) -> str:
    """Return the column of the results from which an objective is computed."""
    return "makespan_s" if objective == P95 else objective


def estimate_of(objective: str, sample: NDArray[np.float64], confidence: float) -> Estimate:
    """Estimate an objective from its column: a mean by Student's t, a percentile by order statistics.

    NaN stands for a replication that is missing.
    """
    values = present(sample)
    if objective == P95:
        return quantile_estimate(values, 0.95, confidence)
    return mean_estimate(values, confidence)


def as_means(objective: str, sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values whose mean is the objective: the sample itself, but for a percentile.

    NaN stands for a replication that is missing, and stays.

    Raises TooFewError for a percentile of fewer than `MIN_REPLICATIONS` values.
    """
    if objective != P95:
        return sample
    if (missing := np.isnan(sample)).any():
        found = np.full(sample.size, np.nan)
        found[~missing] = as_means(objective, sample[~missing])
        return found
    if sample.size < MIN_REPLICATIONS:
        raise TooFewError(
            f"{sample.size} replications are too few for a 95th percentile; simulate at least "
            f"{MIN_REPLICATIONS} (study.replications), or minimise the mean"
        )
    return linearised(sample, 0.95)
