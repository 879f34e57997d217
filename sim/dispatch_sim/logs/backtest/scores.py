"""How good a forecast was: where the outcome lies in it, whether an interval held it, and the CRPS."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LARGEST_WIDENING = 10.0
"""A forecast that would have to be wider than this many times is just wrong, and stays so."""

_LEAST = 1e-9
_NARROWEST = 1e-3

LEVEL = 0.9
"""Of the interval that is to hold as many outcomes as it says."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An outcome, and the forecast of it: a sample."""

    sample: Values
    outcome: float

    @property
    def crps(self) -> float:
        """The continuous ranked probability score, in the unit of the outcome; less is better.

        E|X - y| - E|X - X'| / 2 (Gneiting and Raftery, JASA 102, 2007, equation 21). For a point it is the
        absolute error.
        """
        ordered = np.sort(self.sample)
        n = len(ordered)
        spread = float((2 * np.arange(1, n + 1) - n - 1) @ ordered) / (n * n)
        return float(np.abs(ordered - self.outcome).mean()) - spread

    @property
    def rank(self) -> float:
        """Where the outcome lies in the sample, within 0 to 1: uniform over outcomes of a good forecast."""
        below = float((self.sample < self.outcome).sum()) + 0.5 * float((self.sample == self.outcome).sum())
        return (below + 0.5) / (len(self.sample) + 1)

    @property
    def reach(self) -> float:
        """How far out the outcome lies: 1 at the end of the forecast's 90% interval, 2 at twice as far.

        From the median, on a logarithmic scale, on the side of the outcome.
        """
        ends = np.quantile(self.sample, ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
        low, middle, high = np.log(np.maximum(ends, _LEAST))
        off = math.log(max(self.outcome, _LEAST)) - middle
        half = high - middle if off > 0 else middle - low
        return min(float(abs(off) / max(half, _NARROWEST)), LARGEST_WIDENING)

    def widened(self, factor: float) -> Scored:
        """Return the same with the distances of the sample's logarithms from their median multiplied."""
        logs = np.log(np.maximum(self.sample, _LEAST))
        middle = float(np.median(logs))
        return Scored(np.asarray(np.exp(middle + factor * (logs - middle)), dtype=np.float64), self.outcome)


def covered(ranks: Values, level: float) -> NDArray[np.bool_]:
    """Return for each rank whether the central interval of a level held the outcome."""
    return np.abs(ranks - 0.5) <= level / 2


def needed_widening(reaches: Values, sessions: NDArray[np.intp]) -> float:
    """Return how much wider forecasts have to be for their 90% intervals to hold 90% of outcomes to come.

    Hierarchical conformal prediction (Lee, Barber and Willett, arXiv 2306.06342): the reach within which 90%
    of outcomes are, where each session counts once, shared by its groups, and one more session has its
    outcome at infinity. That holds for any forecast, for a group of a session to come that is like those
    seen. Fewer than 9 sessions cannot tell, and change nothing.

    Parameters
    ----------
    reaches : of outcomes seen, each in its own forecast.
    sessions : of each, counted from 0.
    """
    if not len(reaches):
        return 1.0
    sizes = np.bincount(sessions)
    order = np.argsort(reaches, kind="stable")
    held = np.cumsum(1 / sizes[sessions][order])
    enough = held >= LEVEL * (np.count_nonzero(sizes) + 1) - 1e-9
    return float(reaches[order][int(np.argmax(enough))]) if enough.any() else 1.0
