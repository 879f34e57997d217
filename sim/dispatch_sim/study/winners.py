"""Who wins at one place, and whether that is shown: the rule of `choice`, on plain arrays.

Maps and searches ask this at thousands of places, at which a table for each would take longer than the play.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from dispatch_sim.scenario.indifference import Zone

Point = tuple[str, int]
"""A strategy's label and its width; the width is 0 where it is not the user's choice."""


class Standing(StrEnum):
    """How surely the winner is the best."""

    SHOWN = "shown"
    """Better than every other beyond doubt."""
    WIDTH_OPEN = "width open"
    """Better than every other kind of strategy; which width of its own is the best is open."""
    EQUAL = "practically equal"
    """Every other kind that is not clearly worse differs by less than anybody would act on."""
    OPEN = "open"
    """Another kind of strategy may be the best, by more than that."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The best of several points.

    Attributes
    ----------
    point : with the least mean.
    kind : of way that it is, see `kind_of`.
    standing : how surely.
    as_good : the best subset, the winner first: what is not shown to be worse.
    mean : of the winner, in the unit of the objective.
    rival : the best point of another kind; None where there is none.
    margin, low, high : what the rival has more, and its interval, over all points together; else NaN.
    """

    point: Point
    kind: str
    standing: Standing
    as_good: tuple[Point, ...]
    mean: float
    rival: Point | None
    margin: float
    low: float
    high: float


def find_winner(
    points: Sequence[Point],
    costs: NDArray[np.float64],
    tasks: int,
    confidence: float = 0.95,
    indifference: float | Zone = 0.0,
) -> Winner:
    """Find the point with the least mean, and what may be as good.

    Parameters
    ----------
    points : in any order; of equal means the simplest wins, as in `choose`.
    costs : shape (points, replications); the same replications for all. At least 2.
    tasks : size of the batch, which is the width of what has none of its own.
    confidence : of all differences together (Bonferroni).
    indifference : the difference that does not matter, in the unit of the costs, or a zone beside the best.

    Notes
    -----
    The screening is that of `choice.choose`, which names its source.
    """
    order = sorted(range(len(points)), key=lambda i: (float(costs[i].mean()), *simplicity(points[i], tasks)))
    best, others = order[0], order[1:]
    mean, half = paired_intervals(costs[others], costs[best], confidence)
    if isinstance(indifference, Zone):
        indifference = indifference.at(float(costs[best].mean()))
    # What is equal in every replication is the same play under another name.
    as_good = [number for number in range(len(others)) if mean[number] <= half[number] and half[number] > 0]
    kind = kind_of(points[best], tasks)
    rivals = [number for number, other in enumerate(others) if kind_of(points[other], tasks) != kind]
    rival = rivals[0] if rivals else None
    near = [0 < mean[number] + half[number] <= indifference for number in range(len(others))]
    different = [number for number in rivals if number in as_good or near[number]]
    if different:
        standing = Standing.EQUAL if all(near[number] for number in different) else Standing.OPEN
    else:
        standing = Standing.WIDTH_OPEN if as_good else Standing.SHOWN
    return Winner(
        point=points[best],
        kind=kind,
        standing=standing,
        as_good=(points[best], *(points[others[number]] for number in as_good)),
        mean=float(costs[best].mean()),
        rival=None if rival is None else points[others[rival]],
        margin=math.nan if rival is None else float(mean[rival]),
        low=math.nan if rival is None else float(mean[rival] - half[rival]),
        high=math.nan if rival is None else float(mean[rival] + half[rival]),
    )


def paired_intervals(
    costs: NDArray[np.float64], than: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of `costs - than` and the half-widths of their intervals, simultaneous (Bonferroni).

    Parameters
    ----------
    costs : shape (k, replications).
    than : shape (replications,).
    """
    differences = costs - than
    number, replications = differences.shape
    # Relative to its first value, a constant difference has a variance of exactly zero.
    first = differences[:, :1]
    shifted = differences - first
    mean = shifted.mean(axis=1)
    error = shifted.std(axis=1, ddof=1) / math.sqrt(replications)
    critical = float(stdtrit(replications - 1, 1 - (1 - confidence) / max(number, 1) / 2))
    return first[:, 0] + mean, critical * error


def kind_of(point: Point, tasks: int) -> str:
    """Return the kind of a way for a batch of a size: `one`, `all`, `queue`, `waves` or `adaptive`.

    A queue of 1 is one by one by another name, and one as wide as the batch all at once.
    """
    label, width = point
    kind = label.partition(" ")[0]
    if tasks == 1 or width == 1 or kind == "sequential":
        return "one"
    return "all" if kind == "parallel" or width >= tasks else kind


def simplicity(point: Point, tasks: int) -> tuple[int, int, int, str]:
    """Return what equal points are ordered by: sequential, the narrower, parallel, and by label."""
    label, width = point
    kind = label.partition(" ")[0]
    return {"sequential": 0}.get(kind, 1), width or tasks, {"parallel": 0}.get(kind, 1), label
