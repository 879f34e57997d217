"""Estimates from replications: means, quantiles, shares and paired differences, with their intervals.

All intervals are two-sided. Replications are independent. Design points share random numbers, so differences
are taken replication by replication.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dispatch_sim.stats.student_t import check_confidence, t_critical


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n replications, a quantile or a share, and its interval.

    Attributes
    ----------
    mean, low, high : in the unit of the values. An end is infinite where there are too few values for it.
    n : number of replications.
    needed : about how many replications a t interval needs to cover as often as stated; see `cochran`. 0 for
        other intervals.
    """

    mean: float
    low: float
    high: float
    n: int
    needed: int = field(default=0, compare=False)

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2

    @property
    def varies(self) -> bool:
        """Whether not all values are equal."""
        return self.low < self.mean

    @property
    def is_preliminary(self) -> bool:
        """Whether the interval needs more replications to cover as often as stated."""
        return self.n < self.needed

    def to_json(self) -> dict[str, float | int | bool | None]:
        """Return a dict for JSON; an end that is unbounded is None."""
        return {
            "mean": self.mean,
            "low": finite(self.low),
            "high": finite(self.high),
            "n": self.n,
            "preliminary": self.is_preliminary,
        }


def cochran(deviations: NDArray[np.float64]) -> int:
    """Return about how many values a t interval of their mean needs, from their deviations from it.

    It is 25 times the squared skewness, rounded up to two digits. Then a 95% interval misses the mean at most
    in 6% of samples: Cochran, Sampling Techniques (3rd ed. 1977), section 2.15. Of a sample in which k of n
    values are rare and large, that is about 25 n / k.

    The rule is for 95%. Of exponential values, an interval that is one of 20 with 95% together misses 2.6
    times as often as stated, and with the confidence of `to_end_early` 15 times. Ten times as many values
    would be needed.
    """
    squares = deviations * deviations
    variance = float(squares.mean())
    if variance == 0:
        return 0
    skewness = float(squares @ deviations) / deviations.size / variance**1.5
    needed: float = 25 * skewness**2
    unit = 10.0 ** max(0, math.floor(math.log10(max(needed, 1))) - 1)
    return math.ceil(needed / unit) * round(unit)


def to_end_early(confidence: float) -> float:
    """Return the confidence that a result must reach for a study to end early on it.

    A study that tests its results repeatedly, and ends once one is significant, is wrong more often than its
    confidence says. With a fiftieth of the error at all tests but the last one, the tests together add little
    to it (Haybittle, Br. J. Radiol. 44, 1971; Peto et al., Br. J. Cancer 34, 1976): doubling from 256
    replications turns 5% into 5.1% up to 1,024, 5.8% up to a million, and 6.7% up to a billion.
    """
    return 1 - (1 - confidence) / 50


def mean_estimate(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Estimate a mean by Student's t, from one value a replication.

    The interval is exactly the mean where all values are equal, and unbounded for one value. Raises
    ValueError for no values, a value that is not finite, or a confidence that is not within (0, 1).
    """
    sample = _sample(values)
    mean, deviation = mean_and_deviations(sample)
    n = sample.size
    if n == 1:
        return Estimate(float(mean), -math.inf, math.inf, 1)
    half = t_critical(confidence, n) * math.sqrt(float(deviation @ deviation) / (n - 1) / n)
    return Estimate(float(mean), float(mean) - half, float(mean) + half, n, cochran(deviation))


def mean_intervals(
    values: NDArray[np.float64], confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the mean of each row of finite values, shape (points, replications), as `mean_estimate` does.

    Returns means, lower and upper ends, each of shape (points,).
    """
    mean, deviations = mean_and_deviations(values)
    n = values.shape[1]
    if n == 1:
        return mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    squares = np.einsum("pr,pr->p", deviations, deviations)
    half = t_critical(confidence, n) * np.sqrt(squares / (n - 1) / n)
    return mean, mean - half, mean + half


def paired_difference(values: ArrayLike, others: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Estimate the mean of `values - others`, which belong to the same replications in the same order.

    Raises ValueError as `mean_estimate` does, and where the two are not of one length.
    """
    sample, other = _sample(values), _sample(others)
    if sample.shape != other.shape:
        raise ValueError(f"{sample.size} and {other.size} values cannot be paired")
    return mean_estimate(sample - other, confidence)


def ratio_of_means(of: NDArray[np.float64], to: NDArray[np.float64], confidence: float = 0.95) -> Estimate:
    """Estimate the ratio of two means, of paired values, by Fieller's theorem (J. R. Stat. Soc. B 16, 1954).

    The interval is a point where nothing varies, and unbounded where the denominator may be zero.
    """
    n = of.size
    (of_mean, of_deviations), (to_mean, to_deviations) = mean_and_deviations(of), mean_and_deviations(to)
    if to_mean == 0:
        return Estimate(math.nan, -math.inf, math.inf, n)
    ratio = float(of_mean / to_mean)
    if not of_deviations.any() and not to_deviations.any():
        return Estimate(ratio, ratio, ratio, n)
    factor = t_critical(confidence, n) ** 2 / (n * (n - 1))
    # The ends solve (of_mean - r to_mean)^2 = factor |of - r to|^2; shifted by the ratio, little cancels.
    rest = of_deviations - ratio * to_deviations
    a = float(to_mean) ** 2 - factor * float(to_deviations @ to_deviations)
    b = -factor * float(rest @ to_deviations)
    c = -factor * float(rest @ rest)
    if a <= 0:
        return Estimate(ratio, -math.inf, math.inf, n)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Estimate(ratio, ratio + (b - root) / a, ratio + (b + root) / a, n)


def quantile_estimate(values: ArrayLike, probability: float = 0.95, confidence: float = 0.95) -> Estimate:
    """Estimate a quantile by order statistics, without any assumption about the distribution.

    The value is the smallest that at least `probability` of the sample do not exceed. Each end of the
    interval leaves out at most (1 - confidence) / 2, and is infinite where no order statistic does: a 95%
    interval for p95 has an upper end from 72 replications on, even if all values are equal. As the binomial
    distribution is discrete, its confidence is at least `confidence`. Raises ValueError for no values, one
    that is not finite, a probability or confidence not in (0, 1).

    Notes
    -----
    With B binomial(n, p), P(X(l) <= q <= X(u)) >= P(l <= B <= u - 1): David and Nagaraja, Order
    Statistics (3rd ed. 2003), section 7.1.
    """
    from scipy.special import bdtr

    check_confidence(confidence)
    if not 0 < probability < 1:
        raise ValueError(f"probability is {probability}; it must be between 0 and 1")
    ordered, tail = np.sort(_sample(values)), (1 - confidence) / 2
    n = ordered.size

    def below(rank: int) -> float:
        return float(bdtr(float(rank), n, probability))

    rank = quantile_rank(n, probability)
    lower, upper = bisect_right(range(n), tail, key=below), bisect_left(range(n), 1 - tail, key=below) + 1
    return Estimate(
        float(ordered[rank - 1]),
        float(ordered[lower - 1]) if lower > 0 else -math.inf,
        float(ordered[upper - 1]) if upper <= n else math.inf,
        n,
    )


def quantile_rank(n: int, probability: float) -> int:
    """Return the rank of a quantile in n ordered values: the least that holds at least the share of them."""
    return max(math.ceil(n * probability * (1 - 1e-12)), 1)


def share_estimate(count: int, n: int, confidence: float = 0.95) -> Estimate:
    """Estimate a share from `count` of n replications, by Clopper and Pearson's interval.

    It covers with at least `confidence`, and is not of width zero where none or all were counted.
    Clopper and Pearson, Biometrika 26 (1934). Raises ValueError where count is not within 0 to n, or n is 0.
    """
    from scipy.special import betainc, betaincc

    check_confidence(confidence)
    if not 0 <= count <= n or n < 1:
        raise ValueError(f"{count} of {n} is not a share")
    tail, share = (1 - confidence) / 2, count / n
    low = _turn(lambda at: bool(betainc(count, n - count + 1, at) > tail), 0.0, share)
    high = _turn(lambda at: bool(betaincc(count + 1, n - count, at) < tail), share, 1.0)
    return Estimate(share, low, high, n)


def _turn(is_beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Return where something that does not hold at `low` begins to hold, by bisection; `high` where nowhere.

    Not by SciPy's inverses of the beta distribution (1.17): for 1,000 of 10^9 `betaincinv` puts the lower end
    of an interval at twice the share, and of 10^6 `bdtri` fails where the confidence is high.
    """
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return high


def mean_and_deviations(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean over the last axis and the deviations from it: exactly zero for equal values."""
    first = values[..., :1]
    shifted = values - first
    offset = shifted.mean(axis=-1, keepdims=True)
    return (first + offset)[..., 0], shifted - offset


def _sample(values: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"expected one value a replication, found shape {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError("some values are not finite numbers")
    return sample


def finite(value: float) -> float | None:
    """Return a number for JSON, None if it is not finite."""
    return value if math.isfinite(value) else None
