"""Families of distributions. Each is sampled through its quantile function and in no other way.

All are frozen, hold plain floats and compute with scalars: a replication draws thousands of times.
`scipy` is imported only where a gamma is used, since that alone takes as long as a small study.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Protocol

_STANDARD_NORMAL = NormalDist()
_normal_quantile = _STANDARD_NORMAL.inv_cdf


class Distribution(Protocol):
    """What all families have in common."""

    def quantile(self, u: float) -> float:
        """Return the smallest x with cdf(x) >= u, for 0 < u < 1."""
        ...

    def cdf(self, x: float) -> float:
        """Return the probability of a value of at most x."""
        ...

    @property
    def mean(self) -> float:
        """Expected value; infinite where there is none."""
        ...

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest possible value."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    value: float

    def quantile(self, u: float) -> float:
        """Return the value."""
        return self.value

    def cdf(self, x: float) -> float:
        """Return 1 from the value on, 0 below."""
        return 1.0 if x >= self.value else 0.0

    @property
    def mean(self) -> float:
        """The value."""
        return self.value

    @property
    def support(self) -> tuple[float, float]:
        """The value, twice."""
        return self.value, self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value from `low` to `high` is equally likely; low < high."""

    low: float
    high: float

    def quantile(self, u: float) -> float:
        """Return low + u (high - low)."""
        return self.low + u * (self.high - self.low)

    def cdf(self, x: float) -> float:
        """Return the part of the range that is at most x."""
        return min(1.0, max(0.0, (x - self.low) / (self.high - self.low)))

    @property
    def mean(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    @property
    def support(self) -> tuple[float, float]:
        """`low` and `high`."""
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Triangular:
    """Density rising straight from `low` to `mode` and falling straight to `high`; low < high."""

    low: float
    mode: float
    high: float

    def quantile(self, u: float) -> float:
        """Return the inverse of the two parabolas of the cdf."""
        width, rise = self.high - self.low, self.mode - self.low
        if u * width < rise:
            return self.low + math.sqrt(u * width * rise)
        return self.high - math.sqrt((1 - u) * width * (self.high - self.mode))

    def cdf(self, x: float) -> float:
        """Return the area of the triangle left of x."""
        width = self.high - self.low
        if x <= self.low:
            return 0.0
        if x >= self.high:
            return 1.0
        if x < self.mode:
            return (x - self.low) * (x - self.low) / (width * (self.mode - self.low))
        return 1 - (self.high - x) * (self.high - x) / (width * (self.high - self.mode))

    @property
    def mean(self) -> float:
        """A third of the sum of the three corners."""
        return (self.low + self.mode + self.high) / 3

    @property
    def support(self) -> tuple[float, float]:
        """`low` and `high`."""
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Exponential:
    """Without memory: arrivals and failures that do not know of each other. Given by its mean."""

    mean: float

    def quantile(self, u: float) -> float:
        """Return -mean log(1 - u)."""
        return -self.mean * math.log1p(-u)

    def cdf(self, x: float) -> float:
        """Return 1 - exp(-x / mean)."""
        return -math.expm1(-x / self.mean) if x > 0 else 0.0

    @property
    def support(self) -> tuple[float, float]:
        """From 0, unbounded."""
        return 0.0, math.inf


@dataclass(frozen=True, slots=True)
class LogNormal:
    """The logarithm is normal with mean `mu` (so the median is exp(mu)) and standard deviation `sigma`."""

    mu: float
    sigma: float

    @classmethod
    def of(
        cls,
        *,
        mean: float | None = None,
        median: float | None = None,
        cv: float | None = None,
        log_sd: float | None = None,
    ) -> LogNormal:
        """Return the log-normal of a mean or a median and a coefficient of variation or a log-sd.

        Raises
        ------
        ValueError
            if not exactly one of `mean` and `median` and one of `cv` and `log_sd` is given.
        """
        if (mean is None) == (median is None) or (cv is None) == (log_sd is None):
            raise ValueError("a log-normal is given by a mean or a median, and by a cv or a log_sd")
        sigma = log_sd if log_sd is not None else math.sqrt(math.log1p(cv * cv)) if cv is not None else 0.0
        if median is not None:
            return cls(math.log(median), sigma)
        return cls(math.log(mean or 0.0) - sigma * sigma / 2, sigma)

    @property
    def median(self) -> float:
        """exp(mu)."""
        return math.exp(self.mu)

    def quantile(self, u: float) -> float:
        """Return exp(mu + sigma z), z the normal quantile."""
        return math.exp(self.mu + self.sigma * _normal_quantile(u))

    def cdf(self, x: float) -> float:
        """Return the normal cdf of the standardised logarithm."""
        return _STANDARD_NORMAL.cdf((math.log(x) - self.mu) / self.sigma) if x > 0 else 0.0

    @property
    def mean(self) -> float:
        """exp(mu + sigma^2 / 2)."""
        return math.exp(self.mu + self.sigma * self.sigma / 2)

    @property
    def support(self) -> tuple[float, float]:
        """From 0, unbounded."""
        return 0.0, math.inf


@functools.cache
def _gamma_functions() -> tuple[Callable[[float, float], Any], Callable[[float, float], Any]]:
    from scipy.special import gammainc, gammaincinv

    return gammainc, gammaincinv


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gamma distribution; with shape 1 it is exponential, with larger shapes ever narrower."""

    shape: float
    scale: float

    def quantile(self, u: float) -> float:
        """Return scale times the inverse of the regularised incomplete gamma function."""
        return self.scale * float(_gamma_functions()[1](self.shape, u))

    def cdf(self, x: float) -> float:
        """Return the regularised incomplete gamma function."""
        return float(_gamma_functions()[0](self.shape, x / self.scale)) if x > 0 else 0.0

    @property
    def mean(self) -> float:
        """shape x scale."""
        return self.shape * self.scale

    @property
    def support(self) -> tuple[float, float]:
        """From 0, unbounded."""
        return 0.0, math.inf


@dataclass(frozen=True, slots=True)
class Weibull:
    """Weibull distribution: a heavier tail than the exponential for shape < 1, a lighter one above."""

    shape: float
    scale: float
    _power: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_power", 1 / self.shape)

    def quantile(self, u: float) -> float:
        """Return scale (-log(1 - u))^(1 / shape)."""
        return self.scale * float((-math.log1p(-u)) ** self._power)

    def cdf(self, x: float) -> float:
        """Return 1 - exp(-(x / scale)^shape)."""
        if x <= 0:
            return 0.0
        power = self.shape * math.log(x / self.scale)
        return -math.expm1(-math.exp(power)) if power < 700 else 1.0

    @property
    def mean(self) -> float:
        """scale Gamma(1 + 1 / shape)."""
        return self.scale * math.gamma(1 + self._power)

    @property
    def support(self) -> tuple[float, float]:
        """From 0, unbounded."""
        return 0.0, math.inf


@dataclass(frozen=True, slots=True)
class LogLogistic:
    """The logarithm is logistic: a power-law tail, P(X > x) about (median / x)^shape."""

    shape: float
    median: float
    _power: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_power", 1 / self.shape)

    def quantile(self, u: float) -> float:
        """Return median (u / (1 - u))^(1 / shape)."""
        return self.median * float((u / (1 - u)) ** self._power)

    def cdf(self, x: float) -> float:
        """Return 1 / (1 + (x / median)^-shape)."""
        if x <= 0:
            return 0.0
        power = -self.shape * math.log(x / self.median)
        return 1 / (1 + math.exp(power)) if power < 700 else 0.0

    @property
    def mean(self) -> float:
        """Infinite for shapes up to 1."""
        if self.shape <= 1:
            return math.inf
        angle = math.pi / self.shape
        return self.median * angle / math.sin(angle)

    @property
    def support(self) -> tuple[float, float]:
        """From 0, unbounded."""
        return 0.0, math.inf
