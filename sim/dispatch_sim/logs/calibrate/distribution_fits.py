"""Fits a distribution to measured values: which family, and how well.

A family is chosen by a stated rule. Each is fitted by maximum likelihood, runs of one parallel group weighing
less than as many runs apart (`weights`). Of the families within `NOT_TOLD_APART` of the least AIC the one
is taken whose 99th percentile is nearest to the sample's: the tail decides how long the slowest takes.
What does not fit, by the Kolmogorov-Smirnov distance or at the 99th percentile, leaves the sample itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from dispatch_sim.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Gamma,
    LogLogistic,
    LogNormal,
    Weibull,
)
from dispatch_sim.scenario.quantities import LARGEST

Values = NDArray[np.float64]

LEAST = 20
"""Fewest values that a distribution is fitted to. With 20 of a log-sd of 1.26 (measured, all kinds of
agents) the 95% interval of the median goes from 0.55 to 1.8 times the estimate: fewer say little more than
its order."""

NOT_TOLD_APART = 2.0
"""Difference in AIC up to which families are not told apart (Burnham and Anderson, 2002)."""

KS_LIMIT = 1.628
"""Largest sqrt(n) times the Kolmogorov-Smirnov distance of a fit: the 1% point of Kolmogorov's distribution.
That is for parameters known beforehand. With fitted ones a true family is refused far more rarely than that,
and a wrong one somewhat more rarely: so a refusal means something, and a pass is no proof."""

TAIL_FROM = 100
"""Fewest values that have a 99th percentile to speak of."""

TAIL_LIMIT = 2.0
"""Largest factor between a fit's 99th percentile and the sample's."""

MOST_POINTS = 50
"""Most values of a sample that a scenario is given; of larger ones their quantiles."""

_NARROW = 1e-2
"""Log-sd below which values are one value."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A distribution for measured values.

    Attributes
    ----------
    distribution, family : what was chosen.
    n : how many values.
    n_effective : as how many independent ones they count.
    aic : of each family, less that of the best.
    ks : the Kolmogorov-Smirnov distance.
    tail : the fit's 99th percentile over the sample's; NaN where the sample has none to speak of.
    """

    distribution: Distribution
    family: str
    n: int
    n_effective: float
    aic: Mapping[str, float]
    ks: float
    tail: float

    @property
    def in_words(self) -> str:
        """Family and quality, for a comment."""
        if self.family == "constant":
            return f"n={self.n}, all the same"
        quality = f"KS {self.ks:.2f}"
        if not math.isnan(self.tail):
            quality += f", p99 {self.tail:.2f} of the sample's"
        if self.family == "empirical":
            return f"n={self.n}, no family fits: the sample itself"
        others = [f"{name} +{more:.0f}" for name, more in sorted(self.aic.items(), key=lambda of: of[1])]
        baselines = ", ".join(each for each in others if not each.startswith(f"{self.family} "))
        return f"n={self.n}, {self.family}, {quality}; AIC of others: {baselines}"


def fit(values: Values, weights: Values | None = None, most: float = LARGEST) -> Fit:
    """Return the distribution that the rule of this module chooses.

    Parameters
    ----------
    values : above 0, at least two.
    weights : of each value, at most 1; by themselves 1.
    most : a family whose fit may give more than this is no choice: a scenario could not be played with it.
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones_like(values) if weights is None else weights
    total = float(weights.sum())
    logs = np.log(values)
    if float(logs.std()) < _NARROW:
        return Fit(Constant(float(np.median(values))), "constant", len(values), total, {}, 0.0, math.nan)
    found = {family: refit(family, values, weights) for family in FAMILIES}
    fitted = {name: of for name, of in found.items() if _playable(of, most)}
    if not fitted:
        return _sample(values, weights, {})
    aic = {name: -2 * _log_likelihood(of, values, weights) + 4 for name, of in fitted.items()}
    least = min(aic.values())
    aic = {name: value - least for name, value in aic.items()}
    tails = {name: _tail(of, values, weights) for name, of in fitted.items()}
    near = [name for name in fitted if aic[name] <= NOT_TOLD_APART]
    if len(values) < TAIL_FROM:
        best = min(near, key=lambda name: aic[name])
    else:
        best = min(near, key=lambda name: abs(math.log(tails[name])))
    distance, tail = _distance(fitted[best], values, weights), tails[best]
    heavy = len(values) >= TAIL_FROM and abs(math.log(tail)) > math.log(TAIL_LIMIT)
    if heavy or math.sqrt(total) * distance > KS_LIMIT:
        return _sample(values, weights, aic)
    shown = tail if len(values) >= TAIL_FROM else math.nan
    return Fit(fitted[best], best, len(values), total, aic, distance, shown)


def _sample(values: Values, weights: Values, aic: Mapping[str, float]) -> Fit:
    sample = refit("empirical", values, weights)
    distance = _distance(sample, values, weights)
    return Fit(sample, "empirical", len(values), float(weights.sum()), aic, distance, math.nan)


def _playable(distribution: Distribution, most: float) -> bool:
    try:
        return distribution.quantile(1 - 2.0**-52) <= most
    except OverflowError:
        return False


def refit(family: str, values: Values, weights: Values) -> Distribution:
    """Return the distribution of a family with the largest weighted likelihood."""
    if family == "constant":
        return Constant(float(np.median(values)))
    if family == "empirical":
        return Empirical(_points(values, weights))
    there = weights > 0
    values, weights = values[there], weights[there]
    logs = np.log(values)
    if float(logs.std()) < _NARROW:  # a resampling may hold one value only
        return Constant(float(np.median(values)))
    return FAMILIES[family](values, logs, weights / weights.sum())


def quantile(values: Values, weights: Values, at: float) -> float:
    """Return a weighted sample's quantile: where the weights reach a part of their sum, interpolated."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(at * weights.sum(), reached, values[order]))


def _lognormal(values: Values, logs: Values, parts: Values) -> Distribution:
    mean = float(parts @ logs)
    return LogNormal(mean, math.sqrt(float(parts @ (logs - mean) ** 2)))


def _gamma(values: Values, logs: Values, parts: Values) -> Distribution:
    mean = float(parts @ values)
    gap = math.log(mean) - float(parts @ logs)

    def excess(log_shape: float) -> float:
        shape = math.exp(log_shape)
        return math.log(shape) - float(special.digamma(shape)) - gap

    shape = math.exp(optimize.brentq(excess, math.log(1e-2), math.log(1e6)))
    return Gamma(shape, mean / shape)


def _weibull(values: Values, logs: Values, parts: Values) -> Distribution:
    mean = float(parts @ logs)
    centred = logs - float(logs.max())

    def excess(log_shape: float) -> float:
        shape = math.exp(log_shape)
        powers = parts * np.exp(shape * centred)
        return float(powers @ logs / powers.sum()) - mean - 1 / shape

    shape = math.exp(optimize.brentq(excess, math.log(1e-2), math.log(1e4)))
    scale = float(logs.max()) + math.log(float(parts @ np.exp(shape * centred))) / shape
    return Weibull(shape, math.exp(scale))


def _loglogistic(values: Values, logs: Values, parts: Values) -> Distribution:
    start = float(parts @ logs)
    spread = math.sqrt(3 * float(parts @ (logs - start) ** 2)) / math.pi

    def loss(at: Values) -> tuple[float, Values]:
        scale = math.exp(at[1])
        z = (logs - at[0]) / scale
        slope = np.tanh(z / 2)
        value = float(parts @ (z + 2 * np.logaddexp(0, -z))) + at[1]
        return value, np.array([-float(parts @ slope) / scale, 1 - float(parts @ (z * slope))])

    found = optimize.minimize(loss, [start, math.log(spread)], jac=True, method="BFGS")
    return LogLogistic(math.exp(-found.x[1]), math.exp(found.x[0]))


FAMILIES: Mapping[str, Callable[[Values, Values, Values], Distribution]] = {
    "lognormal": _lognormal,
    "gamma": _gamma,
    "weibull": _weibull,
    "loglogistic": _loglogistic,
}
"""Families of values above 0, each of two parameters, with what fits them: to values, their logarithms, and
weights that add up to 1."""


def frozen(distribution: Distribution) -> Any:
    """Return the same distribution as scipy has it."""
    match distribution:
        case LogNormal(mu, sigma):
            return stats.lognorm(sigma, scale=math.exp(mu))
        case Gamma():
            return stats.gamma(distribution.shape, scale=distribution.scale)
        case Weibull():
            return stats.weibull_min(distribution.shape, scale=distribution.scale)
        case LogLogistic():
            return stats.fisk(distribution.shape, scale=distribution.median)
    raise TypeError(f"{type(distribution).__name__} is not one of the fitted families")


def _log_likelihood(distribution: Distribution, values: Values, weights: Values) -> float:
    return float(weights @ frozen(distribution).logpdf(values))


def _tail(distribution: Distribution, values: Values, weights: Values) -> float:
    return distribution.quantile(0.99) / quantile(values, weights, 0.99)


def _distance(distribution: Distribution, values: Values, weights: Values) -> float:
    """Return the largest distance of the distribution functions, that of the sample weighted."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    expected = np.array([distribution.cdf(float(value)) for value in values[order]])
    before = np.concatenate([[0.0], reached[:-1]])
    return float(max(np.abs(reached - expected).max(), np.abs(expected - before).max()))


def _points(values: Values, weights: Values) -> tuple[float, ...]:
    """Return a sample in at most `MOST_POINTS` values, equally likely."""
    points = min(len(values), MOST_POINTS)
    return tuple(quantile(values, weights, (point + 0.5) / points) for point in range(points))
