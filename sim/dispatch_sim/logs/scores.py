"""How good a forecast was: where the outcome lies in it, whether an interval held it, and the CRPS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Values = NDArray[np.float64]

LEVEL = 0.9
"""Of the interval that is to hold as many outcomes as it says."""


def crps(sample: Values, outcome: float) -> float:
    """Return the continuous ranked probability score of a forecast that is a sample; less is better.

    E|X - y| - E|X - X'| / 2, in the unit of the outcome (Gneiting and Raftery, JASA 102, 2007, equation 21).
    For a point it is the absolute error.
    """
    ordered = np.sort(sample)
    n = len(ordered)
    spread = float((2 * np.arange(1, n + 1) - n - 1) @ ordered) / (n * n)
    return float(np.abs(ordered - outcome).mean()) - spread


def rank(sample: Values, outcome: float) -> float:
    """Return where the outcome lies in a sample, within 0 to 1: uniform over outcomes of a good forecast."""
    below = float((sample < outcome).sum()) + 0.5 * float((sample == outcome).sum())
    return (below + 0.5) / (len(sample) + 1)


def covered(ranks: Values, level: float) -> NDArray[np.bool_]:
    """Return for each rank whether the central interval of a level held the outcome."""
    return np.abs(ranks - 0.5) <= level / 2


def needed_stretch(ranks: Values, sessions: NDArray[np.intp]) -> float:
    """Return how much wider forecasts have to be for their 90% intervals to hold 90% of outcomes to come.

    Hierarchical conformal prediction (Lee, Barber and Willett, arXiv 2306.06342): the least distance from the
    middle, on the scale of normal scores, within which 90% of outcomes are, where each session counts once,
    shared by its groups, and one more session has its outcome at infinity; over what a good forecast has
    there. That holds for any forecast, for a group of a session to come that is like those seen. Fewer than 9
    sessions cannot tell, and change nothing.

    Parameters
    ----------
    ranks : of outcomes seen, each in its own forecast.
    sessions : of each, counted from 0.
    """
    if not len(ranks):
        return 1.0
    sizes = np.bincount(sessions)
    distances = np.abs(special.ndtri(ranks))
    order = np.argsort(distances, kind="stable")
    held = np.cumsum(1 / sizes[sessions][order])
    enough = held >= LEVEL * (np.count_nonzero(sizes) + 1) - 1e-9
    if not enough.any():
        return 1.0
    return float(distances[order][int(np.argmax(enough))] / special.ndtri((1 + LEVEL) / 2))


def stretched(sample: Values, factor: float) -> Values:
    """Return a sample with the distances of its logarithms from their median multiplied."""
    logs = np.log(np.maximum(sample, 1e-9))
    middle = float(np.median(logs))
    return np.asarray(np.exp(middle + factor * (logs - middle)), dtype=np.float64)
