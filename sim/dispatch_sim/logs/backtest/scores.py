"""Scores of a forecast: CRPS, rank of the outcome, and coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


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


def covered(ranks: Values, level: float) -> NDArray[np.bool_]:
    """Return for each rank whether the outcome is in the central interval of a level."""
    return np.abs(ranks - 0.5) <= level / 2
