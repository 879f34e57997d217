"""The families of distributions; `composites` has samples and mixtures.

Each is sampled only through its quantile function. All are frozen, hold plain floats and use scalar
arithmetic, as a replication draws thousands of values. `scipy` is imported only for a gamma: the import
takes as long as a small study.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import NormalDist

_STANDARD_NORMAL = NormalDist()
_normal_quantile = _STANDARD_NORMAL.inv_cdf


class Distribution(ABC):
    """Base of all distributions."""

    __slots__ = ()

    @abstractmethod
    def quantile(self, u: float) -> float:
        """Return the smallest x with cdf(x) >= u, for 0 < u < 1."""

    @abstractmethod
    def cdf(self, x: float) -> float:
        """Return the probability of a value of at most x."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """Expected value; infinite where there is none."""

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest possible value: from 0, unbounded, unless a family has other ends."""
        return 0.0, math.inf


@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always the same value."""

    value: float

    def quantile(self, u: float) -> float:
        return self.value

    def cdf(self, x: float) -> float:
        return 1.0 if x >= self.value else 0.0

    @property
    def mean(self) -> float:
        return self.value

    @property
    def support(self) -> tuple[float, float]:
        return self.value, self.value


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Every value from `low` to `high` is equally likely; low < high."""

    low: float
    high: float

    def quantile(self, u: float) -> float:
        return self.low + u * (self.high - self.low)

    def cdf(self, x: float) -> float:
        return min(1.0, max(0.0, (x - self.low) / (self.high - self.low)))

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Triangular(Distribution):
    """Density rising straight from `low` to `mode` and falling straight to `high`; low < high."""

    low: float
    mode: float
    high: float

    def quantile(self, u: float) -> float:
        width, rise = self.high - self.low, self.mode - self.low
        if u * width < rise:
            return self.low + math.sqrt(u * width * rise)
        return self.high - math.sqrt((1 - u) * width * (self.high - self.mode))

    def cdf(self, x: float) -> float:
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
        return (self.low + self.mode + self.high) / 3

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    """Exponential distribution: memoryless."""

    scale: float

    def quantile(self, u: float) -> float:
        return -self.scale * math.log1p(-u)

    def cdf(self, x: float) -> float:
        return -math.expm1(-x / self.scale) if x > 0 else 0.0

    @property
    def mean(self) -> float:
        return self.scale


@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """The logarithm is normal with mean `mu` (so the median is exp(mu)) and standard deviation `sigma`."""

    mu: float
    sigma: float

    @classmethod
    def of(
        cls, *, mean: float = 0.0, median: float | None = None, cv: float = 0.0, log_sd: float | None = None
    ) -> LogNormal:
        """Return the log-normal of a median (or else a mean) and a log-sd (or else a cv)."""
        sigma = math.sqrt(math.log1p(cv * cv)) if log_sd is None else log_sd
        return cls(math.log(mean) - sigma * sigma / 2 if median is None else math.log(median), sigma)

    @property
    def median(self) -> float:
        """exp(mu)."""
        return math.exp(self.mu)

    def quantile(self, u: float) -> float:
        return math.exp(self.mu + self.sigma * _normal_quantile(u))

    def cdf(self, x: float) -> float:
        return _STANDARD_NORMAL.cdf((math.log(x) - self.mu) / self.sigma) if x > 0 else 0.0

    @property
    def mean(self) -> float:
        return math.exp(self.mu + self.sigma * self.sigma / 2)


@dataclass(frozen=True, slots=True)
class Gamma(Distribution):
    """Gamma distribution; with shape 1 it is exponential, with larger shapes ever narrower."""

    shape: float
    scale: float

    def quantile(self, u: float) -> float:
        from scipy.special import gammaincinv

        return self.scale * float(gammaincinv(self.shape, u))

    def cdf(self, x: float) -> float:
        from scipy.special import gammainc

        return float(gammainc(self.shape, x / self.scale)) if x > 0 else 0.0

    @property
    def mean(self) -> float:
        return self.shape * self.scale


@dataclass(frozen=True, slots=True)
class Weibull(Distribution):
    """Weibull distribution: a heavier tail than the exponential for shape < 1, a lighter one above."""

    shape: float
    scale: float

    def quantile(self, u: float) -> float:
        return self.scale * float((-math.log1p(-u)) ** (1 / self.shape))

    def cdf(self, x: float) -> float:
        if x <= 0:
            return 0.0
        power = self.shape * math.log(x / self.scale)
        return -math.expm1(-math.exp(power)) if power < 700 else 1.0

    @property
    def mean(self) -> float:
        return self.scale * math.gamma(1 + 1 / self.shape)


@dataclass(frozen=True, slots=True)
class LogLogistic(Distribution):
    """The logarithm is logistic: a power-law tail, P(X > x) about (median / x)^shape."""

    shape: float
    median: float

    def quantile(self, u: float) -> float:
        return self.median * float((u / (1 - u)) ** (1 / self.shape))

    def cdf(self, x: float) -> float:
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
