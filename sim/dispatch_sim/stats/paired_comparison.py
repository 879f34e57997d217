"""The best of several ways against the best of several others, replication by replication.

Chosen and judged on the same replications a best looks too good: the least of several noisy means is too
low. Chosen on one half and judged on the other (cross-fitting) it is what half the replications would
choose, never better than the truly best. So a contest is judged both ways, and what they agree on counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.crossings import SignChanges, agreeing, sign_changes
from dispatch_sim.stats.estimates import Estimate, mean_estimate


@dataclass(frozen=True, slots=True)
class Contest:
    """What the best of one side costs more than the best of the other.

    Attributes
    ----------
    whole : shape (replications,), each side's best chosen on all of them.
    halves : the same, chosen on the other half of them.
    scale : mean of the cheaper side, for an indifference zone that is a share.
    """

    whole: NDArray[np.float64]
    halves: NDArray[np.float64]
    scale: float

    @property
    def replications(self) -> int:
        """How many it rests on."""
        return self.whole.size

    def estimate(self, confidence: float) -> Estimate:
        """Return the difference of the chosen ones, and the interval that holds those of both ways."""
        one, other = (mean_estimate(each, confidence) for each in (self.whole, self.halves))
        return Estimate(one.mean, min(one.low, other.low), max(one.high, other.high), one.n)

    def within(self, zone: float, confidence: float) -> bool:
        """Whether the two are practically equal: no interval leaves the indifference zone."""
        found = self.estimate(confidence)
        return -zone <= found.low and found.high <= zone


def contest(one: NDArray[np.float64], other: NDArray[np.float64]) -> Contest:
    """Set the best of one side against the best of the other.

    Parameters
    ----------
    one, other : costs, shape (alternatives, replications), of the same replications.
    """
    best_one, best_other = best_of(one), best_of(other)
    return Contest(
        best_one - best_other,
        cross_fitted_best(one) - cross_fitted_best(other),
        float(min(best_one.mean(), best_other.mean())),
    )


def best_of(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cost of the alternative with the least mean, the first of equals; shape (replications,)."""
    return np.asarray(costs[costs.mean(axis=1).argmin()])


def cross_fitted_best(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cost of the best alternative, without the bias of choosing and judging it on the same data.

    Parameters
    ----------
    costs : shape (alternatives, replications).

    Returns
    -------
    Shape (replications,): in every other replication the cost of the alternative with the least mean in
    the rest (the first of equals), and the other way round. In expectation that is never less than the
    mean of the truly best.
    """
    even = np.arange(costs.shape[1]) % 2 == 0
    if len(costs) == 1 or even.size < 2:
        return np.asarray(costs[0])
    best_of_even = costs[:, even].mean(axis=1).argmin()
    best_of_odd = costs[:, ~even].mean(axis=1).argmin()
    return np.asarray(np.where(even, costs[best_of_odd], costs[best_of_even]))


def no_zone(_: float) -> float:
    """Return an indifference zone in which nothing lies: no difference is too small."""
    return 0.0


def changes_of(places: Sequence[float], contests: Sequence[Contest], confidence: float) -> SignChanges:
    """Return what a contest does along an axis: what its two ways of choosing agree on."""
    whole, halves = (
        sign_changes(places, np.stack([getattr(each, way) for each in contests]), confidence)
        for way in ("whole", "halves")
    )
    return agreeing(whole, halves)
