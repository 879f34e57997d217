"""Break-evens of parallel and a queue: along the batch size, the concurrency, and swept factors."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from dispatch_sim.decide.axis_comparison import (
    AxisComparison,
    Samples,
    Sides,
    compare_sides,
    pairs_of,
    samples_of,
)
from dispatch_sim.decide.units import axis_position
from dispatch_sim.decide.winners import Criterion
from dispatch_sim.scenario.indifference import IndifferenceThreshold, parse_indifference
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.crossings import Crossing, Region
from dispatch_sim.stats.student_t import check_confidence
from dispatch_sim.study.table import factor_columns, factor_combinations


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BreakEven(AxisComparison):
    """A break-even along the size of the batch (`tasks`) or the `concurrency` of the queue.

    Between the values, which were simulated, the difference is interpolated.
    """

    axis: Literal["tasks", "concurrency"]
    values: tuple[int, ...]

    @property
    def is_with_best(self) -> bool:
        """Whether the best queue at each size is compared with parallel."""
        return self.axis == "tasks" and self.queue.concurrency is None

    @property
    def against(self) -> str:
        """The strategy that is compared with parallel: `best queue`, `queue of 3` or `queue`."""
        versus = "" if str(self.parallel) == "parallel" else f" vs {self.parallel}"
        return f"{'best ' if self.is_with_best else ''}{self.queue}{versus}"

    @property
    def range(self) -> tuple[int, int]:
        """The first and the last point of the axis."""
        return self.values[0], self.values[-1]

    @property
    def decided(self) -> tuple[Region, ...]:
        """The regions in which one side is significantly better."""
        return tuple(region for region in self._regions if region.favours)

    @property
    def undecided(self) -> tuple[Region, ...]:
        """The regions in which neither side is."""
        return tuple(region for region in self._regions if not region.favours)

    @property
    def _regions(self) -> tuple[Region, ...]:
        return self.changes.regions if self.favours else self.changes.established

    def whole(self, region: Region) -> tuple[int, int]:
        """Return the first and the last whole number of a decided region; swapped where it has none.

        At an end within the range the difference is not significant.
        """
        first, last = self.range
        low = first if region == self._regions[0] else _above(region.low)
        high = last if region == self._regions[-1] else -_above(-region.high)
        return low, high

    def starts(self, crossing: Crossing) -> int | None:
        """Return the first whole value above a crossing's confidence interval; None where that is open.

        From there on, the side that is favoured above the crossing is significantly better.
        """
        return None if crossing.high is None else _above(crossing.high)

    def ends(self, crossing: Crossing) -> int | None:
        """Return the last whole value below a crossing's confidence interval; None where that is open.

        Up to there, the other side is significantly better. What lies between the two is undecided.
        """
        return None if crossing.low is None else -_above(-crossing.low)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return AxisComparison.to_json(self) | {
            "against": self.against,
            "values": list(self.values),
            "range": list(self.range),
            "crossings": [
                asdict(crossing) | {"starts": self.starts(crossing), "ends": self.ends(crossing)}
                for crossing in self.crossings
            ],
            "decided": [asdict(region) for region in self.decided],
            "undecided": [{"low": region.low, "high": region.high} for region in self.undecided],
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FactorBreakEven(AxisComparison):
    """A break-even along a swept factor, by its path in the scenario.

    The levels are as they are written, in order. Between their positions, which are in base units, the
    difference is interpolated.
    """

    factor: str
    levels: tuple[Any, ...]
    positions: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        regions = [asdict(region) for region in self.changes.established]
        return AxisComparison.to_json(self) | {"regions": regions}


def find_break_even(
    results: pd.DataFrame,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    parallel: str = "parallel",
    queue: str = "queue",
    batch_size: int | None = None,
    concurrencies: Collection[int] = (),
    indifference: float | str | IndifferenceThreshold = 0.0,
) -> list[BreakEven]:
    """Find the break-evens of parallel and a queue, along the size of the batch and the queue's concurrency.

    The best of a side is judged in two ways; see `stats.paired_comparison`. The confidence interval covers
    what either leaves open.

    Raises ValueError where a column is missing, the objective is not finite, rows are there twice, or there
    are less than 2 replications in common.

    Parameters
    ----------
    results : one row a (design point, replication); points share the replications' random numbers.
    objective, confidence : the column to minimise, or `p95_makespan_s`, and of each confidence interval.
    parallel, queue : the kinds to compare; with labels such as `queue (script)`, these strategies alone.
    batch_size : only along concurrency at this number of tasks; default: at every number of tasks.
    concurrencies : of queues that are compared by themselves, too.
    indifference : the indifference threshold; a number is in the unit of the objective.

    Returns
    -------
    For each combination of further factors, and each pair of strategies, in this order: along tasks against
    the best queue, then against a queue of each of `concurrencies`, then for each size along concurrency.
    Points that were not simulated are left out; so is an axis without any.
    """
    check_confidence(confidence)
    criterion = Criterion(objective, confidence, parse_indifference(indifference))
    return [
        replace(found, factors=factors)
        for factors, part in factor_combinations(results)
        for found, _ in break_evens_of(
            criterion, samples_of(part, objective), batch_size, concurrencies, parallel, queue
        )
    ]


def break_evens_of(
    criterion: Criterion,
    samples: Samples,
    batch_size: int | None,
    concurrencies: Collection[int],
    parallel: str = "parallel",
    queue: str = "queue",
) -> Iterator[tuple[BreakEven, dict[int, Sides]]]:
    """Yield the break-evens of one combination of factors, with the sides that are compared along each axis.

    See `samples_of` and `find_break_even` for the parameters.
    """
    for (one, other), sides in pairs_of(samples, parallel, queue).items():
        best = {size: both for (size,), both in sides.items()}
        axes: list[tuple[Literal["tasks", "concurrency"], Strategy, int | None, dict[int, Sides]]] = []
        axes.append(("tasks", other, None, best))
        for fixed in map(other.at, concurrencies):
            of_one = {
                size: (together, [point for point in queues if point[0] == fixed])
                for size, (together, queues) in best.items()
            }
            axes.append(("tasks", fixed, None, of_one))
        for size, (together, queues) in best.items():
            if batch_size in (None, size):
                along = {point[0].concurrency_in(size): (together, [point]) for point in queues}
                axes.append(("concurrency", other, size, along))
        for axis, compared, tasks, along in axes:
            values, found = compare_sides(criterion, samples, along)
            if values:
                found |= {"parallel": one, "queue": compared, "tasks": tasks, "factors": {}}
                yield BreakEven(axis=axis, values=values, **found), along


def _above(at: float) -> int:
    """Return the first whole number above a value, which may be one but for rounding."""
    nearest = round(at)
    return (nearest if math.isclose(at, nearest) else math.floor(at)) + 1


def find_factor_break_even(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    indifference: float | str | IndifferenceThreshold = 0.0,
) -> list[FactorBreakEven]:
    """Find the break-evens along every swept factor whose levels have an order; see `find_break_even`.

    There is one for each factor of two or more finite levels, each combination of the others, each pair of
    strategies. Of levels that are the same, such as 1m and 60s, the last one counts.
    """
    part = results[results["tasks"] == tasks]
    criterion = Criterion(objective, confidence, parse_indifference(indifference))
    found = []
    for factor in factor_columns(results):
        levels = _levels(part[factor].unique().tolist())
        ordered = part[part[factor].isin(levels.values())].rename(columns={factor: "level"})
        for factors, rows in factor_combinations(ordered):
            samples = samples_of(rows, objective, "level")
            for (one, other), sides in pairs_of(samples, "parallel", "queue").items():
                along = {at: both for at, level in levels.items() if (both := sides.get((tasks, level)))}
                positions, compared = compare_sides(criterion, samples, along)
                if len(positions) > 1:
                    compared |= {"parallel": one, "queue": other, "tasks": tasks, "factors": factors}
                    written = tuple(levels[at] for at in positions)
                    found.append(
                        FactorBreakEven(factor=factor, levels=written, positions=positions, **compared)
                    )
    return found


def _levels(written: list[Any]) -> dict[float, Any]:
    """Return the finite levels by their positions, in order; nothing where a factor has no order."""
    try:
        positions = {axis_position(level): level for level in written}
    except UserError:
        return {}
    return {position: positions[position] for position in sorted(positions) if np.isfinite(position)}
