"""Fits of a distribution to measured values: choice of the family, and goodness of fit.

Each family is fitted by maximum likelihood. Of those within `AIC_TOLERANCE` of the least AIC, the one whose
99th percentile is closest to the sample's is taken, because the tail decides how long the slowest task takes.
If it fails the Kolmogorov-Smirnov limit or the limit at the 99th percentile, the sample itself is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from dispatch_sim.scenario.composites import Empirical
from dispatch_sim.scenario.distributions import Constant, Distribution, Gamma, LogLogistic, LogNormal, Weibull
from dispatch_sim.scenario.quantities import LARGEST

Values = NDArray[np.float64]

LEAST = 20
"""Fewest values for a fit. With 20 of a log-sd of 1.26 (measured, all kinds of agents) the 95% interval of
the median reaches from 0.55 to 1.8 times the estimate; fewer show little more than its order of magnitude."""

AIC_TOLERANCE = 2.0
"""Difference in AIC below which families are not distinguished (Burnham and Anderson, 2002)."""

KS_LIMIT = 1.628
"""Largest sqrt(n) times the Kolmogorov-Smirnov distance of a fit: the 1% point of Kolmogorov's distribution.
It holds for known parameters. With fitted ones the test rejects less often than that, so a rejection is
significant and a pass is no proof."""

LEAST_FOR_TAIL = 100
"""Fewest values for which the sample's 99th percentile is used."""

TAIL_LIMIT = 2.0
"""Largest factor between a fit's 99th percentile and the sample's."""

MOST_POINTS = 50
"""Most values of an empirical distribution; larger samples are reduced to their quantiles."""

_LEAST_LOG_SD = 1e-2
"""Values of a smaller log-sd are fitted by a constant."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A distribution fitted to values.

    Attributes
    ----------
    n : number of values.
    aic : of each family, less the least.
    ks : the Kolmogorov-Smirnov distance.
    tail : the fit's 99th percentile over the sample's; NaN for a sample smaller than `LEAST_FOR_TAIL`.
    """

    distribution: Distribution
    family: str
    n: int
    aic: Mapping[str, float]
    ks: float
    tail: float

    @property
    def description(self) -> str:
        """Family and goodness of fit, for a comment."""
        if self.family == "constant":
            return f"n={self.n}, all values equal"
        if self.family == "empirical":
            return f"n={self.n}, no family fits: the sample itself"
        quality = f"KS {self.ks:.2f}"
        if not math.isnan(self.tail):
            quality += f", p99 {self.tail:.2f} of the sample's"
        others = sorted((more, name) for name, more in self.aic.items() if name != self.family)
        listed = ", ".join(f"{name} +{more:.0f}" for more, name in others)
        return f"n={self.n}, {self.family}, {quality}; AIC of others: {listed}"


def fit(values: Values, weights: Values | None = None, most: float = LARGEST) -> Fit:
    """Return the distribution that the rule of this module selects for two or more values above 0.

    Weights are at most 1, and 1 by default. A family that may exceed `most`, the largest value that a
    scenario allows, is not selected.
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones_like(values) if weights is None else weights
    n = len(values)
    if float(np.log(values).std()) < _LEAST_LOG_SD:
        return Fit(refit("constant", values, weights), "constant", n, {}, 0.0, math.nan)
    fitted = {family: refit(family, values, weights) for family in FAMILIES}
    fitted = {family: each for family, each in fitted.items() if _stays_below(each, most)}
    aic = {family: 4 - 2 * float(weights @ log_density(each, values)) for family, each in fitted.items()}
    least = min(aic.values(), default=0.0)
    aic = {family: value - least for family, value in aic.items()}
    p99 = quantile(values, weights, 0.99)
    tails = {family: each.quantile(0.99) / p99 for family, each in fitted.items()}
    has_tail = n >= LEAST_FOR_TAIL

    def loss(family: str) -> float:
        return abs(math.log(tails[family])) if has_tail else aic[family]

    best = min((family for family in fitted if aic[family] <= AIC_TOLERANCE), key=loss, default=None)
    if best is not None:
        distance = _ks_distance(fitted[best], values, weights)
        is_off_in_tail = has_tail and loss(best) > math.log(TAIL_LIMIT)
        if not is_off_in_tail and math.sqrt(float(weights.sum())) * distance <= KS_LIMIT:
            return Fit(fitted[best], best, n, aic, distance, tails[best] if has_tail else math.nan)
    sample = refit("empirical", values, weights)
    return Fit(sample, "empirical", n, aic, _ks_distance(sample, values, weights), math.nan)


def _stays_below(distribution: Distribution, most: float) -> bool:
    try:
        return distribution.quantile(1 - 2.0**-52) <= most
    except OverflowError:
        return False


def refit(family: str, values: Values, weights: Values) -> Distribution:
    """Return the distribution of a family with the largest weighted likelihood."""
    if family == "empirical":
        points = min(len(values), MOST_POINTS)
        return Empirical(tuple(quantile(values, weights, (at + 0.5) / points) for at in range(points)))
    if family == "constant":
        return Constant(float(np.median(values)))
    present = weights > 0
    values, weights = values[present], weights[present]
    logs = np.log(values)
    if float(logs.std()) < _LEAST_LOG_SD:  # a resample may have one value only
        return Constant(float(np.median(values)))
    return FAMILIES[family](values, logs, weights / weights.sum())


def quantile(values: Values, weights: Values, at: float) -> float:
    """Return a quantile of a weighted sample, interpolated between the middles of the weights."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(at * weights.sum(), reached, values[order]))


def _lognormal(values: Values, logs: Values, weights: Values) -> Distribution:
    mean = float(weights @ logs)
    return LogNormal(mean, math.sqrt(float(weights @ (logs - mean) ** 2)))


def _gamma(values: Values, logs: Values, weights: Values) -> Distribution:
    mean = float(weights @ values)
    gap = math.log(mean) - float(weights @ logs)

    def excess(log_shape: float) -> float:
        shape = math.exp(log_shape)
        return math.log(shape) - float(special.digamma(shape)) - gap

    shape = math.exp(optimize.brentq(excess, math.log(1e-2), math.log(1e6)))
    return Gamma(shape, mean / shape)


def _weibull(values: Values, logs: Values, weights: Values) -> Distribution:
    mean = float(weights @ logs)
    centred = logs - float(logs.max())

    def excess(log_shape: float) -> float:
        shape = math.exp(log_shape)
        powers = weights * np.exp(shape * centred)
        return float(powers @ logs / powers.sum()) - mean - 1 / shape

    shape = math.exp(optimize.brentq(excess, math.log(1e-2), math.log(1e4)))
    scale = float(logs.max()) + math.log(float(weights @ np.exp(shape * centred))) / shape
    return Weibull(shape, math.exp(scale))


def _loglogistic(values: Values, logs: Values, weights: Values) -> Distribution:
    start = float(weights @ logs)
    spread = math.sqrt(3 * float(weights @ (logs - start) ** 2)) / math.pi

    def loss(at: Values) -> tuple[float, Values]:
        scale = math.exp(at[1])
        z = (logs - at[0]) / scale
        slope = np.tanh(z / 2)
        value = float(weights @ (z + 2 * np.logaddexp(0, -z))) + at[1]
        return value, np.array([-float(weights @ slope) / scale, 1 - float(weights @ (z * slope))])

    best = optimize.minimize(loss, [start, math.log(spread)], jac=True, method="BFGS")
    return LogLogistic(math.exp(-best.x[1]), math.exp(best.x[0]))


FAMILIES: Mapping[str, Callable[[Values, Values, Values], Distribution]] = {
    "lognormal": _lognormal,
    "gamma": _gamma,
    "weibull": _weibull,
    "loglogistic": _loglogistic,
}
"""Families with two parameters for positive values; each fits values, their logarithms and weights."""


def log_density(distribution: Distribution, values: Values) -> Values:
    """Return the logarithm of the density at values, for one of the fitted families."""
    logs = np.log(values)
    match distribution:
        case LogNormal(mu, sigma):
            return -(((logs - mu) / sigma) ** 2) / 2 - logs - math.log(sigma * math.sqrt(2 * math.pi))
        case Gamma(shape, scale):
            return (shape - 1) * logs - values / scale - shape * math.log(scale) - math.lgamma(shape)
        case Weibull(shape, scale):
            z = logs - math.log(scale)
            return math.log(shape) - logs + shape * z - np.exp(shape * z)
        case LogLogistic(shape, median):
            z = shape * (logs - math.log(median))
            return np.asarray(math.log(shape) - logs + z - 2 * np.logaddexp(0, z))
    raise TypeError(f"{type(distribution).__name__} is not one of the fitted families")


def _ks_distance(distribution: Distribution, values: Values, weights: Values) -> float:
    """Return the Kolmogorov-Smirnov distance of a distribution and a weighted sample."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    expected = np.array([distribution.cdf(float(value)) for value in values[order]])
    before = np.concatenate([[0.0], reached[:-1]])
    return float(max(np.abs(reached - expected).max(), np.abs(expected - before).max()))
