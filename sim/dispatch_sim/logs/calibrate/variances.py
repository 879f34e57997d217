"""Whose the variance of log-durations is: random effects over the parallel groups of logs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LEAST_GROUPS = 5
"""Fewest groups of two or more runs from which a share is told: with four the 95% interval of a variance
within pairs goes from a third of it to eight times as much (chi-squared)."""

_NARROWEST, _WIDEST = 1e-6, 1e4
"""Least and largest ratio of the two variances that is looked for."""


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of log-values, between groups and within them, and the groups that they were seen in."""

    between: float
    within: float
    groups: int

    @property
    def ratio(self) -> float:
        """Between over within."""
        return min(self.between / self.within, _WIDEST) if self.within > 0 else _WIDEST

    @property
    def share(self) -> float:
        """The part between groups: the intraclass correlation."""
        total = self.between + self.within
        return self.between / total if total > 0 else 0.0


def components(
    logs: NDArray[np.float64], groups: NDArray[np.intp], weights: NDArray[np.float64]
) -> Components:
    """Estimate the variances between and within groups by restricted maximum likelihood (REML).

    The one-way random-effects model (Searle, Casella and McCulloch, "Variance Components", 1992, chapter 3):
    a value is mean + effect of its group + its own. The likelihood is profiled over the ratio of the two.

    Parameters
    ----------
    logs : log-values.
    groups : the group of each, counted from 0; a group may have one value.
    weights : how often each group counts, by group; a resampling of groups.
    """
    sizes = np.bincount(groups, minlength=len(weights))
    there = (sizes > 0) & (weights > 0)
    seen = int(np.count_nonzero(there & (sizes > 1)))
    if seen == 0 or float(weights[there] @ sizes[there]) < 3:
        return Components(0.0, float(logs.var()) if len(logs) else 0.0, seen)
    profile = _profile(logs, groups, weights)
    bounds = (math.log(_NARROWEST), math.log(_WIDEST))
    found = optimize.minimize_scalar(lambda at: profile(at)[0], bounds=bounds, method="bounded")
    ratio, within = math.exp(found.x), profile(found.x)[1]
    if ratio < 1e-5 or profile(bounds[0])[0] <= found.fun:
        ratio, within = 0.0, profile(-50.0)[1]
    return Components(ratio * within, within, seen)


def highest_share(logs: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Return the largest share between groups that is not excluded at 95%, where the estimate is 0.

    Up to there twice the restricted log-likelihood, profiled as in `components`, is within 3.84 of its most
    (chi-squared with one degree of freedom). Resamplings have hardly any spread where they come to 0 as well.
    """
    profile = _profile(logs, groups, np.ones(int(groups.max()) + 1))
    bounds = (math.log(_NARROWEST), math.log(_WIDEST))
    most = profile(bounds[0])[0] + float(stats.chi2.ppf(0.95, 1))
    if profile(bounds[1])[0] <= most:
        return 1.0
    ratio = math.exp(optimize.brentq(lambda at: profile(at)[0] - most, *bounds))
    return ratio / (1 + ratio)


def _profile(
    logs: NDArray[np.float64], groups: NDArray[np.intp], weights: NDArray[np.float64]
) -> Callable[[float], tuple[float, float]]:
    """Return what gives, by the log of the ratio, -2 log-likelihood but for a constant, and `within`."""
    sizes = np.bincount(groups, minlength=len(weights)).astype(float)
    there = (sizes > 0) & (weights > 0)
    sizes, often = np.where(there, sizes, 1.0), np.where(there, weights, 0.0)
    means = np.bincount(groups, logs, minlength=len(weights)) / sizes
    squares = np.bincount(groups, (logs - means[groups]) ** 2, minlength=len(weights))
    inner = float(often @ squares)
    total = float(often @ sizes)

    def profile(log_ratio: float) -> tuple[float, float]:
        ratio = math.exp(log_ratio)
        precision = often * sizes / (1 + sizes * ratio)
        mean = float(precision @ means) / float(precision.sum())
        within = (inner + float(precision @ (means - mean) ** 2)) / (total - 1)
        penalty = float(often @ np.log1p(sizes * ratio)) + math.log(float(precision.sum()))
        return (total - 1) * math.log(max(within, 1e-300)) + penalty, within

    return profile


def weights_of_runs(groups: NDArray[np.intp], ratio: float) -> NDArray[np.float64]:
    """Return what each run weighs in an estimate of the mean, a run alone weighing 1.

    Runs of a group of n tell (1 + ratio) n / (1 + ratio n) times as much as one: the weights of generalised
    least squares.
    """
    sizes = np.bincount(groups)[groups]
    return np.asarray((1 + ratio) / (1 + sizes * ratio), dtype=np.float64)
