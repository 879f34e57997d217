"""Subset selection: which of several alternatives may be the best, by screening with paired differences.

The alternatives are screened against the least mean by paired differences, with Bonferroni's correction:
Nelson, Swann, Goldsman and Song, Simple procedures for selecting the best simulated system, Operations
Research 49 (2001), with differences paired as common random numbers allow. What is left holds the truly best
with at least the confidence, although the least mean is picked from the same replications: the truly best is
screened out only if it looks significantly worse than one of the others, and the correction is for their
number. The interval of a single difference is exact only for an alternative that was named beforehand; one
that was picked looks slightly better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.estimates import Estimate, mean_and_deviations, t_critical


@dataclass(frozen=True, slots=True)
class Screening:
    """Differences of alternatives from the best one; arrays have shape (alternatives,).

    Attributes
    ----------
    mean, half_width : of each difference; the intervals hold simultaneously.
    confidence : of each interval by itself.
    threshold : the indifference threshold.
    replications : number of replications.
    """

    mean: NDArray[np.float64]
    half_width: NDArray[np.float64]
    confidence: float
    threshold: float
    replications: int

    @property
    def is_same(self) -> NDArray[np.bool_]:
        """Whether it equals the best one in every replication."""
        return np.asarray((self.mean == 0) & (self.half_width == 0))

    @property
    def is_worse(self) -> NDArray[np.bool_]:
        """Whether it is significantly worse, and so is not the best."""
        return np.asarray(self.mean > self.half_width)

    @property
    def is_equal(self) -> NDArray[np.bool_]:
        """Whether it is practically equal: its whole interval lies within the threshold."""
        return np.asarray(np.abs(self.mean) + self.half_width <= self.threshold)

    def difference(self, number: int) -> Estimate:
        """Return the difference of an alternative with its interval."""
        mean, half = float(self.mean[number]), float(self.half_width[number])
        return Estimate(mean, mean - half, mean + half, self.replications)


def screen(
    costs: NDArray[np.float64],
    best: NDArray[np.float64],
    confidence: float,
    threshold: float = 0.0,
) -> Screening:
    """Screen alternatives against the best one.

    Parameters
    ----------
    costs : of the alternatives, shape (alternatives, replications).
    best : of the one with the least mean, shape (replications,), at least 2.
    confidence : of all differences together.
    threshold : the indifference threshold, in the unit of the costs.
    """
    each = 1 - (1 - confidence) / max(len(costs), 1)
    replications = best.size
    mean, deviations = mean_and_deviations(costs - best)
    error = np.sqrt(np.einsum("ij,ij->i", deviations, deviations) / (replications * (replications - 1)))
    return Screening(mean, t_critical(each, replications) * error, each, threshold, replications)
