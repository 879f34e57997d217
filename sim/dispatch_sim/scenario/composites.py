"""Distributions of samples, and mixtures of distributions."""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from dataclasses import dataclass, field

from dispatch_sim.scenario.distributions import Distribution

_LEAST_U = 2.0**-53
_GREATEST_U = 1 - 2.0**-53
_as_float = struct.Struct("<d")
_as_integer = struct.Struct("<q")


def _rank(x: float) -> int:
    """Return the number of floats from 0 up to x; the bits of a float of 0 or more, read as an integer."""
    rank: int = _as_integer.unpack(_as_float.pack(x + 0.0))[0]
    return rank


def _float(rank: int) -> float:
    """Return the float of a rank."""
    x: float = _as_float.unpack(_as_integer.pack(rank))[0]
    return x


@dataclass(frozen=True, slots=True)
class Empirical(Distribution):
    """The values of a sample, each equally likely; held sorted."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(sorted(self.values)))

    def quantile(self, u: float) -> float:
        """Return the ceil(n u)-th smallest value: the smallest x with cdf(x) >= u."""
        n = len(self.values)
        rank = min(n, max(1, math.ceil(n * u)))
        if rank > 1 and (rank - 1) / n >= u:
            rank -= 1  # n u was rounded up over a whole number
        return self.values[rank - 1]

    def cdf(self, x: float) -> float:
        return bisect_right(self.values, x) / len(self.values)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    @property
    def support(self) -> tuple[float, float]:
        return self.values[0], self.values[-1]


@dataclass(frozen=True, slots=True)
class Mixture(Distribution):
    """One of several distributions of values from 0 on, each with its weight; the weights add up to 1."""

    weights: tuple[float, ...]
    components: tuple[Distribution, ...]
    bracket: tuple[float, float] = field(init=False, repr=False, compare=False)
    """The ends of the components' draws; a draw of the mixture is never beyond them."""

    def __post_init__(self) -> None:
        least = min(part.quantile(_LEAST_U) for part in self.components)
        greatest = max(part.quantile(_GREATEST_U) for part in self.components)
        object.__setattr__(self, "bracket", (least + 0.0, greatest + 0.0))  # not -0.0

    def quantile(self, u: float) -> float:
        """Return the smallest x with cdf(x) >= u.

        The floats between the components' extreme quantiles are bisected by their rank, which takes at
        most 64 steps. The bracket is the same for every u, so the result rises with u exactly.
        """
        low, high = map(_rank, self.bracket)
        if self.cdf(self.bracket[0]) >= u:
            return self.bracket[0]
        while high - low > 1:
            middle = (low + high) // 2
            if self.cdf(_float(middle)) >= u:
                high = middle
            else:
                low = middle
        return _float(high)

    def cdf(self, x: float) -> float:
        total = 0.0
        for weight, part in zip(self.weights, self.components, strict=True):
            total += weight * part.cdf(x)
        return total

    @property
    def mean(self) -> float:
        parts = zip(self.weights, self.components, strict=True)
        return math.fsum(weight * part.mean for weight, part in parts)

    @property
    def support(self) -> tuple[float, float]:
        ends = [part.support for part in self.components]
        return min(low for low, _ in ends), max(high for _, high in ends)
