"""Break-evens of parallel and a queue, along the size of the batch, the width, and swept factors.

A queue as wide as the batch starts all tasks together too. It stands beside parallel, and the cheaper of the
two is compared with the narrower queues: what is found is what holding tasks back is worth, and never what
merging early is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.decide.units import axis_place
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.strategy import Strategy, strategy_of
from dispatch_sim.stats.crossings import Crossing, Region, Side, SignChanges, Status
from dispatch_sim.stats.estimates import Estimate, check_confidence, complete_part, paired_samples
from dispatch_sim.stats.paired_comparison import Contest, changes_of, contest, no_zone
from dispatch_sim.study.objectives import as_means, column_of
from dispatch_sim.study.table import factor_columns, factor_combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found(Displayed):
    """What all break-evens have.

    Attributes
    ----------
    parallel, queue : the two strategies; without a concurrency, the queue is the best one, or any.
    objective : the measure compared; less is better.
    confidence : of each confidence set.
    tasks : size of the batch; None along the sizes.
    factors : the other swept factors, held at these values.
    replications : how many the comparison rests on.
    changes : regions and crossings along the axis.
    differences : what parallel costs more than the queue at each point, each interval by itself.
    practically_equal : whether at every point the interval lies within the indifference zone.
    """

    parallel: Strategy
    queue: Strategy
    objective: str
    confidence: float
    tasks: int | None
    factors: dict[str, Any]
    replications: int
    changes: SignChanges
    differences: tuple[Estimate, ...] = ()
    practically_equal: bool = False

    @property
    def status(self) -> Literal[Status, "practically_equal"]:
        """As in `SignChanges`; where nothing is at stake, `practically_equal` whatever the signs are."""
        return "practically_equal" if self.practically_equal else self.changes.status

    @property
    def favours(self) -> Side | None:
        """As in `SignChanges`."""
        return self.changes.favours

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Every sign change of the mean, resolved or not, in the order of the axis."""
        return self.changes.crossings

    def _in_common(self) -> dict[str, Any]:
        """Return a dict for JSON, to which each kind of break-even adds."""
        answer = asdict(self)
        del answer["changes"]
        return answer | {
            "parallel": self.parallel.label,
            "queue": self.queue.label,
            "differences": [difference.to_json() for difference in self.differences],
            "status": self.status,
            "favours": self.favours,
            "crossings": [asdict(crossing) for crossing in self.crossings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven(_Found):
    """The answer to one break-even question along the size of the batch or the width of the queue.

    Attributes
    ----------
    axis : `tasks` (size of the batch) or `concurrency` (width of the queue).
    values : the points of the axis that were played; between them D is interpolated.
    """

    axis: Literal["tasks", "concurrency"]
    values: tuple[int, ...]

    @property
    def is_with_best(self) -> bool:
        """Whether it is the best queue at each size that is compared with parallel."""
        return self.axis == "tasks" and self.queue.concurrency is None

    @property
    def against(self) -> str:
        """What is compared with parallel: `best queue`, `queue of 3`, or along concurrency `queue`."""
        versus = "" if str(self.parallel) == "parallel" else f" vs {self.parallel}"
        return f"{'best ' if self.is_with_best else ''}{self.queue}{versus}"

    @property
    def range(self) -> tuple[int, int]:
        """The first and the last point of the axis."""
        return self.values[0], self.values[-1]

    @property
    def decided(self) -> tuple[Region, ...]:
        """The regions in which one side is shown to be better."""
        regions = self.changes.regions if self.favours else self.changes.established
        return tuple(region for region in regions if region.favours)

    @property
    def undecided(self) -> tuple[Region, ...]:
        """The regions in which neither side is."""
        regions = self.changes.regions if self.favours else self.changes.established
        return tuple(region for region in regions if not region.favours)

    def first(self, crossing: Crossing) -> int:
        """Return the first whole value at which the mean is in favour of who wins above a crossing."""
        return _above(crossing.at)

    def shown_from(self, crossing: Crossing) -> int | None:
        """Return the first whole value above a crossing's confidence set; None where that is open."""
        return None if crossing.high is None else _above(crossing.high)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return self._in_common() | {
            "against": self.against,
            "values": list(self.values),
            "range": list(self.range),
            "crossings": [
                asdict(crossing) | {"first": self.first(crossing), "shown_from": self.shown_from(crossing)}
                for crossing in self.crossings
            ],
            "decided": [asdict(region) for region in self.decided],
            "undecided": [{"low": region.low, "high": region.high} for region in self.undecided],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorBreakEven(_Found):
    """The answer to one break-even question along a swept factor, at one batch size.

    Attributes
    ----------
    factor : its path in the scenario.
    levels : as they are written, in the order of their places.
    places : of the levels, in base units; between them D is interpolated.
    """

    factor: str
    levels: tuple[Any, ...]
    places: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return self._in_common() | {"regions": [asdict(region) for region in self.changes.established]}


def find_break_even(
    results: pd.DataFrame,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    parallel: str = "parallel",
    queue: str = "queue",
    batch_size: int | None = None,
    widths: Collection[int] = (),
    zone: Callable[[float], float] = no_zone,
) -> list[BreakEven]:
    """Find where parallel and a queue change places, along the size of the batch and the width of the queue.

    Parameters
    ----------
    results : one row a (design point, replication); points play the same replications.
    objective : the column to compare, or `p95_makespan_s`; less is better.
    confidence : of each confidence set.
    parallel, queue : the kinds to compare; with labels such as `queue (script)`, every pair is.
    batch_size : only along the widths at this number of tasks; without it, at every number of tasks.
    widths : of the queue that are compared by themselves, too.
    zone : the difference that does not matter, in the unit of the objective, at a mean of it.

    Returns
    -------
    For each combination of further factors, and each pair of labels, in this order: along tasks against
    the best queue, then against a queue of each of `widths`, then for each size along the widths. Points that
    were not played are left out; so is an axis without any.

    Raises
    ------
    ValueError : a column is missing, the objective is not finite, rows are there twice, or there are less
        than 2 replications in common.

    Notes
    -----
    The best of a side is judged twice, as `contest` says. What both ways agree on is said; the confidence set
    holds what either leaves open.
    """
    check_confidence(confidence)
    found: list[BreakEven] = []
    for factors, part in factor_combinations(results):
        samples = _samples(part, objective)
        for (one, other), sides in _pairs(samples, parallel, queue).items():
            for question in _questions(sides, other, widths, batch_size):
                contests = _contests(objective, samples, question.comparisons)
                if contests:
                    found.append(
                        BreakEven(
                            axis=question.axis,
                            values=tuple(contests),
                            tasks=question.tasks,
                            **_compared(one, question.queue, objective, confidence, factors, contests, zone),
                        )
                    )
    return found


def find_factor_break_even(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    zone: Callable[[float], float] = no_zone,
) -> list[FactorBreakEven]:
    """Find the break-evens along every swept factor that has an order, the others held.

    Parameters
    ----------
    results : one row a (design point, replication); points play the same replications.
    tasks : size of the batch.
    objective, confidence, zone : as in `find_break_even`.

    Returns
    -------
    For each factor of at least two finite levels, each combination of the others, and each pair of labels.
    """
    part = results[results["tasks"] == tasks]
    found = []
    for factor in factor_columns(results):
        levels = _levels(part[factor].unique().tolist())
        if len(levels) < 2:
            continue
        ordered = part[part[factor].isin(levels.values())].rename(columns={factor: "level"})
        for factors, rows in factor_combinations(ordered):
            samples = _samples(rows, objective, "level")
            for (one, other), sides in _pairs(samples, "parallel", "queue").items():
                comparisons = [
                    (place, *sides[tasks, level])
                    for place, level in levels.items()
                    if (tasks, level) in sides
                ]
                contests = _contests(objective, samples, comparisons)
                if len(contests) > 1:
                    found.append(
                        FactorBreakEven(
                            factor=factor,
                            levels=tuple(levels[place] for place in contests),
                            places=tuple(contests),
                            tasks=tasks,
                            **_compared(one, other, objective, confidence, factors, contests, zone),
                        )
                    )
    return found


def _levels(written: list[Any]) -> dict[float, Any]:
    """Return the levels by their places in order; nothing where a factor has no order."""
    try:
        places = {axis_place(level): level for level in written}
    except UserError:
        return {}
    return {place: places[place] for place in sorted(places) if np.isfinite(place)}


_Point = tuple[Any, ...]
"""Strategy, number of tasks; along a factor its level too."""

_Sides = tuple[list[_Point], list[_Point]]
"""Who starts all tasks together, parallel first; and who holds some back."""

_Where = tuple[Any, ...]
"""Number of tasks; along a factor its level too."""


def _samples(results: pd.DataFrame, objective: str, *further: str) -> dict[_Point, NDArray[np.float64]]:
    keys = ["strategy", "concurrency", "tasks", *further]
    found = paired_samples(results, column_of(objective), keys)
    return {(strategy_of(*point[:3]), *point[2:]): sample for point, sample in found.items()}


def _pairs(
    points: Iterable[_Point], parallel: str, queue: str
) -> dict[tuple[Strategy, Strategy], dict[_Where, _Sides]]:
    """Return the sides to compare wherever parallel was played, for each pair of two kinds."""
    ordered = sorted(points, key=lambda point: (point[0].label, point[1], point[0].concurrency_in(point[1])))
    strategies = list(dict.fromkeys(strategy.at(None) for strategy, *_ in ordered))
    pairs: dict[tuple[Strategy, Strategy], dict[_Where, _Sides]] = {}
    for one in (each for each in strategies if parallel in (each.kind, each.label)):
        for other in (each for each in strategies if queue in (each.kind, each.label)):
            sides: dict[_Where, _Sides] = {
                tuple(where): ([(strategy, *where)], []) for strategy, *where in ordered if strategy == one
            }
            for strategy, tasks, *level in ordered:
                where = (tasks, *level)
                if strategy.at(None) == other and where in sides:
                    holds_back = strategy.concurrency_in(tasks) < tasks
                    sides[where][holds_back].append((strategy, *where))
            pairs[one, other] = sides
    return pairs


_Comparison = tuple[float, list[_Point], list[_Point]]
"""A point of an axis, and the sides there."""


@dataclass(frozen=True, slots=True)
class _Question:
    """An axis before it is judged."""

    axis: Literal["tasks", "concurrency"]
    queue: Strategy
    tasks: int | None
    comparisons: Sequence[_Comparison]


def _questions(
    sides: Mapping[_Where, _Sides], queue: Strategy, widths: Collection[int], batch_size: int | None
) -> Iterator[_Question]:
    best = [(size, together, queues) for (size,), (together, queues) in sides.items()]
    yield _Question("tasks", queue, None, best)
    for width in map(queue.at, widths):
        fixed = [(size, together, [p for p in queues if p[0] == width]) for size, together, queues in best]
        yield _Question("tasks", width, None, fixed)
    for size, together, queues in best:
        if batch_size in (None, size):
            along = [(point[0].concurrency_in(size), together, [point]) for point in queues]
            yield _Question("concurrency", queue, size, along)


def _contests(
    objective: str, samples: Mapping[_Point, NDArray[np.float64]], comparisons: Iterable[_Comparison]
) -> dict[Any, Contest]:
    """Return the contest at each point of an axis that can be compared, on their common replications."""
    asked = [(value, together, queues) for value, together, queues in comparisons if queues]
    used = {point: samples[point] for _, *sides in asked for side in sides for point in side}
    costs = {point: as_means(objective, sample) for point, sample in complete_part(used).items()}
    found = {}
    for value, together, queues in asked:
        # Not without parallel itself: what it is compared with is asked of it.
        present = [[costs[point] for point in side if point in costs] for side in (together, queues)]
        if together[0] in costs and all(present):
            one, other = map(np.stack, present)
            found[value] = contest(one, other)
    return found


def _compared(
    parallel: Strategy,
    queue: Strategy,
    objective: str,
    confidence: float,
    factors: dict[str, Any],
    contests: Mapping[float, Contest],
    zone: Callable[[float], float],
) -> dict[str, Any]:
    """Return what is said of two sides along an axis."""
    each = list(contests.values())
    return {
        "parallel": parallel,
        "queue": queue,
        "objective": objective,
        "confidence": confidence,
        "factors": factors,
        "replications": each[0].replications,
        "changes": changes_of(list(contests), each, confidence),
        "differences": tuple(one.estimate(confidence) for one in each),
        "practically_equal": all(one.within(zone(one.scale), confidence) for one in each),
    }


def _above(at: float) -> int:
    """Return the first whole number above a place, which may be one but for rounding."""
    nearest = round(at)
    return (nearest if math.isclose(at, nearest) else math.floor(at)) + 1
