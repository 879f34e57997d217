"""How sure a figure from logs is: 95% intervals that keep what belongs together together.

Runs of one session are alike, so sessions are what is drawn again (the cluster bootstrap: Field and Welsh,
JRSS B 69, 2007). Few of them vary too little among themselves: the interval is the estimate times
exp(+-t sd sqrt(S / (S - 1))), t of Student with S - 1 degrees of freedom and sd that of the logarithm over
the resamplings. That is wide for few sessions, and with one there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLINGS = 200
"""Enough for a standard deviation to 5%."""

CONFIDENCE = 0.95

_SEED = 1

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95% interval; NaN at both ends where nothing can be said."""

    estimate: float
    low: float
    high: float


def bootstrapped(
    statistic: Callable[[Values], list[float]], clusters: NDArray[np.intp], *, asked: bool = True
) -> list[Interval]:
    """Return the intervals of figures that are functions of how often each row counts.

    Parameters
    ----------
    statistic : of a weight for each row, by which its own is to be multiplied; figures above 0.
    clusters : the session of each row, counted from 0 with no number left out.
    asked : whether intervals are asked for; they are most of the work.
    """
    estimates = statistic(np.ones(len(clusters)))
    count = int(clusters.max()) + 1 if len(clusters) else 0
    if count < 2 or not asked:
        return [Interval(each, math.nan, math.nan) for each in estimates]
    draw = np.random.default_rng(_SEED)
    often = draw.multinomial(count, np.full(count, 1 / count), size=RESAMPLINGS).astype(float)
    logs = np.log(np.maximum([statistic(row[clusters]) for row in often], 1e-300))
    wide = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * math.sqrt(count / (count - 1))
    return [
        Interval(each, each * math.exp(-min(wide * sd, 700.0)), each * math.exp(min(wide * sd, 700.0)))
        for each, sd in zip(estimates, logs.std(axis=0), strict=True)
    ]


def proportion(hits: int, of: int) -> Interval:
    """Return a part with its exact interval (Clopper and Pearson, 1934)."""
    found = stats.binomtest(hits, of).proportion_ci(CONFIDENCE, "exact")
    return Interval(hits / of, float(found.low), float(found.high))
