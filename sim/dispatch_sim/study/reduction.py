"""What becomes of the rows of a block before they are kept: nothing; or sums, and what only rows can tell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.study.design import Design, DesignError
from dispatch_sim.study.gathering import SHARE_WON, WITHIN_LIMITS, Blocks, Keep, Piece, Rows, summed
from dispatch_sim.study.histogram import counted
from dispatch_sim.study.percentile import OBJECTIVES, P95, column_of

_MAKESPAN = column_of(P95)


def columns_kept(keep: Keep, *, limited: bool) -> tuple[str, ...]:
    """Return the names of the columns of what is kept, where there is a deadline or a budget, or is none."""
    if keep == "rows":
        return MEASURES
    return (*MEASURES, SHARE_WON, *([WITHIN_LIMITS] if limited else []))


@dataclass(frozen=True, slots=True)
class Reduction:
    """How rows are made into what is kept.

    Attributes
    ----------
    keep : every row, or aggregates.
    size : replications of a block, a power of two; 1 for rows.
    objective : the measure by which a way wins a replication.
    contests : from which to which design point ways compete for being the best: those of a batch size.
    bounds : what measures must not pass: the deadline and the budget, if there are.
    """

    keep: Keep = "rows"
    size: int = 1
    objective: str = "cost_usd"
    contests: tuple[tuple[int, int], ...] = ()
    bounds: tuple[tuple[str, float], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of what is kept."""
        return columns_kept(self.keep, limited=bool(self.bounds))

    def empty(self) -> Rows | Blocks:
        """Return what takes up pieces."""
        return Rows() if self.keep == "rows" else Blocks(self.size)

    def piece(self, first: int, rows: NDArray[np.float64]) -> Piece:
        """Return what is kept of replications from `first` on; rows: (points, replications, measures)."""
        if self.keep == "rows":
            return Piece(first, 1, rows)
        more = [self._won(rows)]
        if self.bounds:
            within = [rows[:, :, MEASURES.index(measure)] <= bound for measure, bound in self.bounds]
            more.append(np.logical_and.reduce(within).astype(np.float64))
        makespans = counted(rows[:, :, MEASURES.index(_MAKESPAN)])
        return summed(first, np.concatenate([rows, np.stack(more, axis=2)], axis=2), self.size, makespans)

    def _won(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where each way is the best, those equally good sharing it; shape (points, replications)."""
        costs = rows[:, :, MEASURES.index(self.objective)]
        won = np.zeros(costs.shape)
        for begin, end in self.contests:
            best = costs[begin:end] == costs[begin:end].min(axis=0)
            won[begin:end] = best / best.sum(axis=0)
        return won


def _contests(design: Design) -> tuple[tuple[int, int], ...]:
    sizes = [(number, len(plan.tasks)) for number, each in enumerate(design.variants) for plan in each.plans]
    ends = [0]
    for _, of_size in groupby(sizes):
        ends.append(ends[-1] + len(list(of_size)))
    return tuple(pairwise(ends))


def aggregation(design: Design, size: int) -> Reduction:
    """Return how a design's rows are made into blocks of a size.

    Raises
    ------
    DesignError
        Where the scenario asks for a percentile, which the means of many replications do not have.
    """
    scenario = design.variants[0].scenario
    objective = OBJECTIVES[scenario.objective.minimise]
    if objective == P95:
        raise DesignError(
            "objective.minimise: p95_makespan is of single replications, which --keep aggregates does not "
            "keep; minimise makespan, or leave --keep out"
        )
    # Imported here: it loads pandas, without which a single question is answered in half the time.
    from dispatch_sim.study.constraints import Limits

    limits = Limits.of(scenario.objective.model_dump(mode="json", by_alias=True))
    bounds = tuple(limits.bounds.items()) if limits is not None else ()
    return Reduction("aggregates", size, objective, _contests(design), bounds)
