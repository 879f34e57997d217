"""The samples of strategies in a results table, and their order by means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.strategy import Strategy, strategy_of
from dispatch_sim.stats.paired_samples import in_common, paired_samples
from dispatch_sim.stats.screening import may_be_best

# For its types alone: quick answers do without pandas, which takes longest to import.
if TYPE_CHECKING:
    import pandas as pd


def strategy_samples(results: pd.DataFrame, column: str) -> dict[Strategy, NDArray[np.float64]]:
    """Return a column at each strategy, along the replications; see `paired_samples`.

    Parameters
    ----------
    results : rows of one batch size and one combination of factors.
    """
    found = paired_samples(results, column, ["strategy", "concurrency", "tasks"])
    return {strategy_of(*point): sample for point, sample in found.items()}


def least(samples: Mapping[Strategy, NDArray[np.float64]], confidence: float, tasks: int) -> Strategy:
    """Return the strategy with the least mean, of equal ones the simplest (see `ranked`).

    It is one that `may_be_best`. Means are of the replications that all of these have in common.
    """
    leading = may_be_best(samples, confidence)
    means = in_common(*leading.values()).mean(axis=1)
    return list(leading)[ranked(list(leading), means.tolist(), tasks)[0]]


def ranked(strategies: Sequence[Strategy], means: Sequence[float], tasks: int) -> list[int]:
    """Return the numbers of strategies from the least mean to the largest, of equal ones the simplest first.

    Sequential is the simplest, then the smaller concurrency, at the same one parallel, and then the label in
    alphabetical order (default options first).
    """
    return sorted(
        range(len(strategies)), key=lambda number: (means[number], *simplicity(strategies[number], tasks))
    )


def simplicity(strategy: Strategy, tasks: int) -> tuple[bool, int, bool, str]:
    """Return the key that orders strategies of equal means; see `ranked`."""
    is_other = strategy.kind != "sequential"
    return is_other, strategy.concurrency_in(tasks), strategy.kind != "parallel", strategy.label
