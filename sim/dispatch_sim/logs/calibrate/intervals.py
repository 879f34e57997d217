"""95% confidence intervals of figures from logs, by a bootstrap over sessions.

Runs of one session are alike, so whole sessions are resampled (the cluster bootstrap: Field and Welsh,
JRSS B 69, 2007). With few sessions such resamples vary too little. The interval is therefore the estimate
times exp(+-t sd sqrt(S / (S - 1))): t is Student's for S - 1 degrees of freedom, sd the standard deviation
of the logarithm over the resamples. One session gives no interval, nor does a figure that is 0 in a resample.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.stats.student_t import t_critical

RESAMPLES = 200
"""Enough for a standard deviation to 5%."""

CONFIDENCE = 0.95

_SEED = 1

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95% confidence interval; the ends are NaN if it has none."""

    estimate: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[[Values], list[float]], sessions: NDArray[np.intp], *, intervals: bool = True
) -> list[Interval]:
    """Return estimates with their intervals; their ends are NaN if `intervals` are left out.

    The statistic gets a weight of each row, how often a resample has it, and returns figures of at least 0.
    Sessions of the rows are numbered from 0 without gaps.
    """
    estimates = statistic(np.ones(len(sessions)))
    count = int(sessions.max()) + 1 if len(sessions) else 0
    if count < 2 or not intervals:
        return [Interval(each, math.nan, math.nan) for each in estimates]
    resamples = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    resampled = np.array([statistic(weights) for weights in resamples[:, sessions].astype(np.float64)])
    logs = np.log(np.where(resampled > 0, resampled, math.nan))
    factor = t_critical(CONFIDENCE, count) * math.sqrt(count / (count - 1))
    exponents = np.minimum(factor * logs.std(axis=0), 700.0).tolist()
    return [
        Interval(each, each * math.exp(-exponent), each * math.exp(exponent))
        for each, exponent in zip(estimates, exponents, strict=True)
    ]
