"""Which strategy wins at one place of a map or a search, and how surely, on plain arrays.

Maps and searches ask this at thousands of places, at which a table for each would take longer than the play.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.ranking import ranked
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.strategy import Kind, Strategy
from dispatch_sim.stats.screening import screen


class Standing(StrEnum):
    """How surely the winner is the best."""

    SHOWN = "shown"
    """Better than every other beyond doubt."""
    WIDTH_OPEN = "width open"
    """Better than every other kind of strategy; which concurrency of its own is the best is open."""
    EQUAL = "practically equal"
    """Every other kind that is not clearly worse differs by less than anybody would act on."""
    OPEN = "open"
    """Another kind of strategy may be the best, by more than that."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The best of several strategies.

    Attributes
    ----------
    strategy : with the least mean.
    kind : that it amounts to, by `Strategy.kind_in`.
    standing : how surely.
    as_good : the best subset, the winner first: what is not shown to be worse.
    mean : of the winner, in the unit of the objective.
    rival : the best strategy of another kind; None where there is none.
    margin, low, high : what the rival has more, and its interval, over all strategies together; else NaN.
    """

    strategy: Strategy
    kind: Kind
    standing: Standing
    as_good: tuple[Strategy, ...]
    mean: float
    rival: Strategy | None
    margin: float
    low: float
    high: float


def find_winner(
    strategies: Sequence[Strategy],
    costs: NDArray[np.float64],
    tasks: int,
    confidence: float = 0.95,
    indifference: float | IndifferenceThreshold = 0.0,
) -> Winner:
    """Find the strategy with the least mean, and what may be as good.

    Parameters
    ----------
    strategies : in any order; of equal means the simplest wins.
    costs : shape (strategies, replications); the same replications for all. At least 2.
    tasks : size of the batch.
    confidence : of all differences together.
    indifference : the difference that does not matter, in the unit of the costs, or a zone beside the best.
    """
    best, *rest = ranked(strategies, costs.mean(axis=1).tolist(), tasks)
    others = [strategies[number] for number in rest]
    mean = float(costs[best].mean())
    zone = indifference.at(mean) if isinstance(indifference, IndifferenceThreshold) else indifference
    screened = screen(costs[rest], costs[best], confidence, zone)
    as_good = ~screened.is_worse & ~screened.is_same
    near = screened.is_equal & ~screened.is_same
    kind = strategies[best].kind_in(tasks)
    rivals = [number for number, other in enumerate(others) if other.kind_in(tasks) != kind]
    rival = screened.difference(rivals[0]) if rivals else None
    different = [number for number in rivals if as_good[number] or near[number]]
    if different:
        standing = Standing.EQUAL if all(near[different]) else Standing.OPEN
    else:
        standing = Standing.WIDTH_OPEN if as_good.any() else Standing.SHOWN
    return Winner(
        strategy=strategies[best],
        kind=kind,
        standing=standing,
        as_good=(strategies[best], *(other for other, good in zip(others, as_good, strict=True) if good)),
        mean=mean,
        rival=others[rivals[0]] if rivals else None,
        margin=rival.mean if rival else math.nan,
        low=rival.low if rival else math.nan,
        high=rival.high if rival else math.nan,
    )
