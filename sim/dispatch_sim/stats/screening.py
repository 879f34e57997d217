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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.estimates import Estimate, mean_estimate, to_end_early
from dispatch_sim.stats.paired_samples import in_common, present
from dispatch_sim.stats.student_t import t_critical

Point = TypeVar("Point")


@dataclass(frozen=True, slots=True)
class Screening:
    """Differences of alternatives from the best one; arrays have shape (alternatives,).

    Attributes
    ----------
    mean, half_width : of each difference; the intervals hold simultaneously.
    replications, needed : of each difference, as in `Estimate`.
    missed : see `missed`, in the replications of each difference.
    confidence : of each interval by itself.
    threshold : the indifference threshold.
    """

    mean: NDArray[np.float64]
    half_width: NDArray[np.float64]
    replications: NDArray[np.int64]
    needed: NDArray[np.int64]
    missed: NDArray[np.float64]
    confidence: float
    threshold: float

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

    @property
    def is_beyond_doubt(self) -> NDArray[np.bool_]:
        """Whether it is significantly worse with the confidence of `to_end_early` too."""
        wider = [
            t_critical(to_end_early(self.confidence), n) / t_critical(self.confidence, n)
            for n in self.replications.tolist()
        ]
        return np.asarray(self.mean > np.array(wider) * self.half_width)

    @property
    def is_contender(self) -> NDArray[np.bool_]:
        """Whether it may turn out to be the best with more replications; of each that is not the same."""
        return ~self.is_same & (~self.is_beyond_doubt | (self.mean <= self.missed))

    def difference(self, number: int) -> Estimate:
        """Return the difference of an alternative with its interval."""
        mean, half = float(self.mean[number]), float(self.half_width[number])
        return Estimate(
            mean, mean - half, mean + half, int(self.replications[number]), int(self.needed[number])
        )


def screen(
    costs: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    best: NDArray[np.float64],
    confidence: float,
    threshold: float = 0.0,
) -> Screening:
    """Screen alternatives against the best one.

    Parameters
    ----------
    costs : of the alternatives, each shape (replications,), NaN where a replication is missing.
    best : of the one with the least mean, likewise; at least 2 in common with each.
    confidence : of all differences together.
    threshold : the indifference threshold, in the unit of the costs.
    """
    each = 1 - (1 - confidence) / max(len(costs), 1)
    found = [mean_estimate(present(cost - best), each) for cost in costs]
    in_common = [best[~np.isnan(cost - best)] for cost in costs]
    return Screening(
        np.array([one.mean for one in found]),
        np.array([one.half_width for one in found]),
        np.array([one.n for one in found], np.int64),
        np.array([one.needed for one in found], np.int64),
        np.array(list(map(missed, in_common))),
        each,
        threshold,
    )


def may_be_best(
    samples: Mapping[Point, NDArray[np.float64]], confidence: float
) -> dict[Point, NDArray[np.float64]]:
    """Return the points that are not worse than the best one with the confidence of `to_end_early`.

    A study simulates no more of those that are worse. But a point may also have fewer replications than
    another for other reasons, and further replications may have been expensive. So the best is the one with
    the least mean over the replications that all have, and each is compared with it over those of both.

    Parameters
    ----------
    samples : as `paired_samples` returns them.
    confidence : of each comparison by itself.
    """
    left = dict(samples)
    while len(left) > 1:
        best = list(left.values())[int(in_common(*left.values()).mean(axis=1).argmin())]
        each = {
            point: mean_estimate(present(sample - best), to_end_early(confidence))
            for point, sample in left.items()
        }
        if all(difference.low <= 0 for difference in each.values()):
            break
        left = {point: sample for point, sample in left.items() if each[point].low <= 0}
    return left


def missed(best: NDArray[np.float64]) -> float:
    """Return what three more replications, as expensive as the costliest one so far, would add to a mean.

    So many may be missing by chance: an event with probability 3 / n stays unseen in 5% of samples of n.
    """
    return float(3 * (best.max() - best.mean()) / best.size)
