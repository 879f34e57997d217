"""Variance of log-durations between and within parallel groups: a random-effects model, fitted by REML."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

LEAST_GROUPS = 5
"""Fewest groups of two or more runs for a share of variance: with four, the 95% interval of a variance
within pairs reaches from a third of it to eight times as much (chi-squared)."""

_SMALLEST_RATIO, _LARGEST_RATIO = 1e-6, 1e4
_LOG_BOUNDS = math.log(_SMALLEST_RATIO), math.log(_LARGEST_RATIO)

Values = NDArray[np.float64]
Groups = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of log-values between and within groups, and the number of groups that show them."""

    between: float
    within: float
    groups: int

    @property
    def ratio(self) -> float:
        """Between over within."""
        return min(self.between / self.within, _LARGEST_RATIO) if self.within > 0 else _LARGEST_RATIO

    @property
    def share(self) -> float:
        """Share of the variance between groups: the intraclass correlation."""
        total = self.between + self.within
        return self.between / total if total > 0 else 0.0


def components(logs: Values, groups: Groups, weights: Values | None = None) -> Components:
    """Estimate the variances between and within groups by restricted maximum likelihood (REML).

    One-way random effects (Searle, Casella and McCulloch, "Variance Components", 1992, chapter 3). The
    likelihood is profiled over the ratio of the two variances. The groups of the log-values are counted from
    0; `weights` is how often a resample has each group, once by default.
    """
    weights = np.ones(int(groups.max()) + 1) if weights is None else weights
    sizes = np.bincount(groups, minlength=len(weights))
    present = (sizes > 0) & (weights > 0)
    shown_by = int(np.count_nonzero(present & (sizes > 1)))
    if shown_by == 0 or float(weights[present] @ sizes[present]) < 3:
        return Components(0.0, float(logs.var()) if len(logs) else 0.0, shown_by)
    profile = _profile(logs, groups, weights)
    best = optimize.minimize_scalar(lambda at: profile(at)[0], bounds=_LOG_BOUNDS, method="bounded")
    ratio, within = math.exp(best.x), profile(best.x)[1]
    if ratio < 1e-5 or profile(_LOG_BOUNDS[0])[0] <= best.fun:
        ratio, within = 0.0, profile(-50.0)[1]
    return Components(ratio * within, within, shown_by)


def highest_share(logs: Values, groups: Groups) -> float:
    """Return the upper end of the 95% likelihood interval of the share between groups, if the estimate is 0.

    Up to there twice the profiled log-likelihood is within 3.84 of its maximum (chi-squared with one degree
    of freedom). A bootstrap would be too narrow: its resamples give 0 as well.
    """
    profile = _profile(logs, groups, np.ones(int(groups.max()) + 1))
    limit = profile(_LOG_BOUNDS[0])[0] + float(special.chdtri(1, 0.05))
    if profile(_LOG_BOUNDS[1])[0] <= limit:
        return 1.0
    ratio = math.exp(optimize.brentq(lambda at: profile(at)[0] - limit, *_LOG_BOUNDS))
    return ratio / (1 + ratio)


def _profile(logs: Values, groups: Groups, weights: Values) -> Callable[[float], tuple[float, float]]:
    """Return a function of the log ratio: -2 log-likelihood up to a constant, and the variance within."""
    sizes = np.bincount(groups, minlength=len(weights)).astype(float)
    present = (sizes > 0) & (weights > 0)
    sizes, counts = np.where(present, sizes, 1.0), np.where(present, weights, 0.0)
    means = np.bincount(groups, logs, minlength=len(weights)) / sizes
    squares = np.bincount(groups, (logs - means[groups]) ** 2, minlength=len(weights))
    inner = float(counts @ squares)
    total = float(counts @ sizes)

    def profile(log_ratio: float) -> tuple[float, float]:
        ratio = math.exp(log_ratio)
        precision = counts * sizes / (1 + sizes * ratio)
        mean = float(precision @ means) / float(precision.sum())
        within = (inner + float(precision @ (means - mean) ** 2)) / (total - 1)
        penalty = float(counts @ np.log1p(sizes * ratio)) + math.log(float(precision.sum()))
        return (total - 1) * math.log(max(within, 1e-300)) + penalty, within

    return profile


def weights_of_runs(groups: Groups, ratio: float) -> Values:
    """Return the weight of each run in an estimate of the mean: that of generalised least squares.

    A run alone has weight 1; a run in a group of n has (1 + ratio) / (1 + ratio n).
    """
    sizes = np.bincount(groups)[groups]
    return np.asarray((1 + ratio) / (1 + sizes * ratio), dtype=np.float64)
