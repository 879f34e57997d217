"""Which of several alternatives may be the best: subset selection by screening with paired differences.

The alternatives are screened against the least mean by paired differences, with Bonferroni's correction:
Nelson, Swann, Goldsman and Song, Simple procedures for selecting the best simulated system, Operations
Research 49 (2001), with differences paired as common random numbers allow. What is left holds the truly best
with at least the confidence, although the least mean is picked from the same replications: to be screened
out, the truly best would have to look significantly worse than one of the others, and there are as many of
these as the correction is for. The interval of a single difference is exact only for an
alternative that was named beforehand; picked, it looks slightly better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.estimates import Estimate, mean_and_deviations, t_critical


@dataclass(frozen=True, slots=True)
class Screening:
    """What alternatives have more than the best of them; arrays have shape (alternatives,).

    Attributes
    ----------
    mean, half_width : of each difference; the intervals hold together.
    confidence : of each interval, so that they do.
    zone : the difference that does not matter.
    replications : how many it rests on.
    """

    mean: NDArray[np.float64]
    half_width: NDArray[np.float64]
    confidence: float
    zone: float
    replications: int

    @property
    def is_same(self) -> NDArray[np.bool_]:
        """Whether it differs in no replication: the same play under another name."""
        return np.asarray((self.mean == 0) & (self.half_width == 0))

    @property
    def is_worse(self) -> NDArray[np.bool_]:
        """Whether it is shown to be worse, and so is not the best."""
        return np.asarray(self.mean > self.half_width)

    @property
    def is_equal(self) -> NDArray[np.bool_]:
        """Whether it is practically equal: its whole interval lies within the zone."""
        return np.asarray(np.abs(self.mean) + self.half_width <= self.zone)

    def difference(self, number: int) -> Estimate:
        """Return the difference of an alternative with its interval."""
        mean, half = float(self.mean[number]), float(self.half_width[number])
        return Estimate(mean, mean - half, mean + half, self.replications)


def screen(
    costs: NDArray[np.float64],
    best: NDArray[np.float64],
    confidence: float,
    zone: float = 0.0,
) -> Screening:
    """Screen alternatives against the best one.

    Parameters
    ----------
    costs : of the alternatives, shape (alternatives, replications).
    best : of the one with the least mean, shape (replications,), at least 2.
    confidence : of all differences together.
    zone : the difference that does not matter, in the unit of the costs.
    """
    each = 1 - (1 - confidence) / max(len(costs), 1)
    replications = best.size
    mean, deviations = mean_and_deviations(costs - best)
    error = np.sqrt(np.einsum("ij,ij->i", deviations, deviations) / (replications * (replications - 1)))
    return Screening(mean, t_critical(each, replications) * error, each, zone, replications)
