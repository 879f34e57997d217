"""Paired comparison of the best of several alternatives with the best of several others.

The least of several noisy means is too low where it is picked and judged on the same replications. Where it
is picked on one half and judged on the other (cross-fitting), its expectation is never below the truly best.
A comparison is judged both ways, and states what both agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.crossings import Sides, SignChanges, agreeing, sign_changes
from dispatch_sim.stats.estimates import Estimate, mean_estimate
from dispatch_sim.stats.paired_samples import present


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """The cost of the best of one side above that of the best of the other, by replication.

    Attributes
    ----------
    whole : shape (replications,), each side's best picked on all of them; NaN where a replication is missing.
    halves : the same, picked on the other half of them.
    scale : mean of the cheaper side, for a threshold that is a share of it.
    """

    whole: NDArray[np.float64]
    halves: NDArray[np.float64]
    scale: float

    @property
    def replications(self) -> int:
        """Number of replications."""
        return int((~np.isnan(self.whole)).sum())

    def estimate(self, confidence: float) -> Estimate:
        """Return the mean difference, with the interval that holds those of both judgements."""
        one, other = (mean_estimate(present(each), confidence) for each in (self.whole, self.halves))
        needed = max(one.needed, other.needed)
        return Estimate(one.mean, min(one.low, other.low), max(one.high, other.high), one.n, needed)

    def is_within(self, threshold: float, confidence: float) -> bool:
        """Whether the interval lies within the threshold on either side of zero."""
        difference = self.estimate(confidence)
        return -threshold <= difference.low and difference.high <= threshold


def compare_best(one: NDArray[np.float64], other: NDArray[np.float64]) -> PairedComparison:
    """Compare the best of two sides, in the replications that all of their alternatives have.

    Costs have shape (alternatives, replications), NaN where a replication is missing.
    """
    missing = np.isnan(one).any(axis=0) | np.isnan(other).any(axis=0)
    whole, halves = np.full(missing.size, np.nan), np.full(missing.size, np.nan)
    one, other = one[:, ~missing], other[:, ~missing]
    best_one, best_other = best_of(one), best_of(other)
    whole[~missing] = best_one - best_other
    halves[~missing] = cross_fitted_best(one) - cross_fitted_best(other)
    return PairedComparison(whole, halves, float(min(best_one.mean(), best_other.mean())))


def best_of(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cost of the alternative with the least mean, the first of equals; shape (replications,)."""
    return np.asarray(costs[costs.mean(axis=1).argmin()])


def cross_fitted_best(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cost of the best alternative, without the bias of picking and judging it on the same data.

    Of costs of shape (alternatives, replications), an even replication has that of the alternative with the
    least mean in the odd ones (the first of equals), and the reverse. Its expectation is never below the mean
    of the truly best.
    """
    even = np.arange(costs.shape[1]) % 2 == 0
    if len(costs) == 1 or even.size < 2:
        return np.asarray(costs[0])
    best_of_even = costs[:, even].mean(axis=1).argmin()
    best_of_odd = costs[:, ~even].mean(axis=1).argmin()
    return np.asarray(np.where(even, costs[best_of_odd], costs[best_of_even]))


def sign_changes_along(
    x: Sequence[float],
    comparisons: Sequence[PairedComparison],
    confidence: float,
    sides: Sides = ("positive", "negative"),
) -> SignChanges:
    """Find the sign changes of a comparison along an axis that both of its judgements agree on."""
    whole, halves = (
        sign_changes(x, np.stack(differences), confidence, sides)
        for differences in ([each.whole for each in comparisons], [each.halves for each in comparisons])
    )
    return agreeing(whole, halves)
