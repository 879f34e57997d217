"""Scores of a forecast: CRPS, rank of the outcome, coverage, and the widening that coverage needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LARGEST_WIDENING = 10.0
"""A forecast that would need more widening than this is wrong, and is not widened further."""

LEVEL = 0.9
"""Level of the interval that widening is to make correct."""

_LEAST = 1e-9
_LEAST_HALF_WIDTH = 1e-3


@dataclass(frozen=True, slots=True)
class Scored:
    """An outcome and a forecast of it, which is a sample."""

    sample: Values
    outcome: float

    @property
    def crps(self) -> float:
        """The continuous ranked probability score, in the unit of the outcome; smaller is better.

        E|X - y| - E|X - X'| / 2 (Gneiting and Raftery, JASA 102, 2007, equation 21). For a forecast of one
        value it is the absolute error.
        """
        ordered = np.sort(self.sample)
        n = len(ordered)
        spread = float((2 * np.arange(1, n + 1) - n - 1) @ ordered) / (n * n)
        return float(np.abs(ordered - self.outcome).mean()) - spread

    @property
    def rank(self) -> float:
        """The outcome's rank in the sample, from 0 to 1: uniform for calibrated forecasts."""
        below = float((self.sample < self.outcome).sum()) + 0.5 * float((self.sample == self.outcome).sum())
        return (below + 0.5) / (len(self.sample) + 1)

    @property
    def reach(self) -> float:
        """Log-distance of the outcome from the median, in half-widths of the 90% interval on its side."""
        ends = np.quantile(self.sample, ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
        low, middle, high = np.log(np.maximum(ends, _LEAST))
        distance = math.log(max(self.outcome, _LEAST)) - middle
        half_width = high - middle if distance > 0 else middle - low
        return min(float(abs(distance) / max(half_width, _LEAST_HALF_WIDTH)), LARGEST_WIDENING)

    def widened(self, factor: float) -> Scored:
        """Return the forecast with the distances of its logarithms from their median multiplied."""
        logs = np.log(np.maximum(self.sample, _LEAST))
        middle = float(np.median(logs))
        return Scored(np.asarray(np.exp(middle + factor * (logs - middle)), dtype=np.float64), self.outcome)


def covered(ranks: Values, level: float) -> NDArray[np.bool_]:
    """Return for each rank whether the outcome is in the central interval of a level."""
    return np.abs(ranks - 0.5) <= level / 2


def needed_widening(reaches: Values, sessions: NDArray[np.intp]) -> float:
    """Return the factor that makes 90% intervals cover 90% of future outcomes, from the reaches of past ones.

    Hierarchical conformal prediction (Lee, Barber and Willett, arXiv 2306.06342): the 90% quantile of the
    reaches, where each session has weight 1, shared by its groups, and one more session has an infinite
    reach. It is valid for any forecast, if future sessions are like those seen. Fewer than 9 sessions are not
    enough and give 1. Sessions are numbered from 0.
    """
    if not len(reaches):
        return 1.0
    sizes = np.bincount(sessions)
    order = np.argsort(reaches, kind="stable")
    weight = np.cumsum(1 / sizes[sessions][order])
    enough = weight >= LEVEL * (np.count_nonzero(sizes) + 1) - 1e-9
    return float(reaches[order][int(np.argmax(enough))]) if enough.any() else 1.0
