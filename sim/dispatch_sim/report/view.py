"""An answer at one combination of its further factors: what tables, sentences and figures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.report.words import MEASURES, Measure, Point, kind_of
from dispatch_sim.study.answer import Answer
from dispatch_sim.study.break_even import BreakEven
from dispatch_sim.study.choice import Alternative, Choice
from dispatch_sim.study.estimates import (
    Estimate,
    factor_combinations,
    paired_difference,
)
from dispatch_sim.study.percentile import P95, as_means, column_of

MOST_IN_MAIN_TABLE = 6


@dataclass(frozen=True)
class View:
    """One combination of further factors.

    Attributes
    ----------
    answer : of the whole study.
    choice : the recommendation here.
    frame : the rows played here.
    break_evens : those found here.
    """

    answer: Answer
    choice: Choice
    frame: pd.DataFrame
    break_evens: tuple[BreakEven, ...]

    @property
    def measure(self) -> Measure:
        """The measure that is to be small."""
        return MEASURES[self.answer.objective]

    @property
    def tasks(self) -> int:
        """Size of the batch that the choice is made for."""
        return self.choice.tasks

    @property
    def recommended(self) -> Point:
        """The recommended strategy and its width."""
        return self.choice.strategy, self.choice.concurrency

    @property
    def points(self) -> list[Point]:
        """All that was played at the batch size, from the best to the worst mean."""
        return [
            self.recommended,
            *((other.strategy, other.concurrency) for other in self.choice.alternatives),
        ]

    @property
    def is_wide_queue(self) -> bool:
        """Whether the recommended way is a queue as wide as the batch."""
        label, width = self.recommended
        return kind_of(label) == "queue" and 1 < self.tasks <= width

    def alternative(self, point: Point) -> Alternative | None:
        """Return how a point compares with the recommended one; None for that one, and where not played."""
        found = (o for o in self.choice.alternatives if (o.strategy, o.concurrency) == point)
        return next(found, None)

    @cached_property
    def _estimates(self) -> dict[tuple[str, int, int, str], Estimate]:
        table = self.answer.estimates
        for factor, value in self.choice.factors.items():
            table = table[table[factor] == value]
        columns = ("strategy", "concurrency", "tasks", "measure", "mean", "low", "high", "n")
        return {
            (str(label), int(width), int(size), str(measure)): Estimate(mean, low, high, int(n))
            for label, width, size, measure, mean, low, high, n in zip(
                *(table[column].tolist() for column in columns), strict=True
            )
        }

    def estimate(self, measure: str, point: Point, tasks: int | None = None) -> Estimate:
        """Return the mean of a measure at a point that was played; KeyError elsewhere."""
        return self._estimates[*point, self.tasks if tasks is None else tasks, measure]

    def mean(self, measure: str, point: Point) -> float:
        """Return the mean of a measure at a point of the batch size."""
        return self.estimate(measure, point).mean

    @cached_property
    def _rows(self) -> dict[tuple[Any, ...], pd.DataFrame]:
        ordered = self.frame.sort_values("replication", kind="stable")
        groups: Any = ordered.groupby(["strategy", "concurrency", "tasks"], sort=False)
        return {(str(key[0]), int(key[1]), int(key[2])): part for key, part in groups}

    def samples(self, measure: str, point: Point, tasks: int | None = None) -> NDArray[np.float64]:
        """Return a measure in each replication of a point, in their order.

        Of a percentile, as means.
        """
        part = self._rows[*point, self.tasks if tasks is None else tasks]
        return as_means(measure, part[column_of(measure)].to_numpy(dtype=np.float64))

    def replications(self, point: Point) -> NDArray[np.int64]:
        """Return the numbers of the replications of a point, in the order of `samples`."""
        return self._rows[*point, self.tasks]["replication"].to_numpy(dtype=np.int64)

    def difference(self, measure: str, point: Point, other: Point) -> Estimate:
        """Return by how much a measure is larger at a point than at another, paired by replication."""
        return paired_difference(
            self.samples(measure, point),
            self.samples(measure, other),
            self.choice.confidence,
        )

    def p95(self, point: Point) -> float:
        """Return the makespan that one replication in twenty exceeds."""
        return self.mean(P95, point)

    def played(self, kind: str, tasks: int | None = None) -> list[Point]:
        """Return the points of a kind at a size, by label and width."""
        size = self.tasks if tasks is None else tasks
        found = [(label, width) for label, width, of in self._rows if of == size and kind_of(label) == kind]
        return sorted(found)

    @property
    def sizes(self) -> list[int]:
        """The batch sizes that were played."""
        return sorted({size for _, _, size in self._rows})

    def first(self, kind: str, tasks: int | None = None) -> Point | None:
        """Return the point of a kind without a width of its own, the one with default options first."""
        return next(iter(self.played(kind, tasks)), None)

    def best(self, kind: str, tasks: int | None = None, label: str | None = None) -> Point | None:
        """Return the point of a kind, or of a label, with the least mean, narrower than the batch.

        Among equals the narrowest, so that chance does not choose between what is the same.
        """
        size = self.tasks if tasks is None else tasks
        narrow = [p for p in self.played(kind, size) if p[1] < size and label in (None, p[0])]
        if not narrow:
            return None
        return min(narrow, key=lambda point: (self.estimate(self.measure.column, point, size).mean, point[1]))

    def best_adaptive(self) -> Point | None:
        """Return the variant of adaptive dispatch with the least mean."""
        column = self.measure.column
        return min(self.played("adaptive"), key=lambda point: self.mean(column, point), default=None)

    def main_points(self) -> list[Point]:
        """Return the alternatives that a reader wants to see side by side, at most six.

        The recommended one, one by one, all at once, the best queue, adaptive and waves, then
        whatever else may be the best, or comes next.
        """
        wanted = [self.recommended, self.first("sequential"), self.first("parallel")]
        wanted += [self.best("queue"), self.best_adaptive(), self.best("waves"), *self.choice.best_subset]
        named = dict.fromkeys(point for point in wanted if point is not None)
        kept = list(dict.fromkeys([*named, *self.points]))[: min(max(3, len(named)), MOST_IN_MAIN_TABLE)]
        return [point for point in self.points if point in kept]

    def differences_along_tasks(self, break_even: BreakEven) -> list[tuple[int, Estimate]]:
        """Return what all at once costs more than the best queue, at each size of a break-even's axis."""
        return list(zip(break_even.values, break_even.differences, strict=True))

    def ever_differ(self, break_even: BreakEven) -> bool:
        """Whether all at once and the best queue differ in any replication at any size."""
        return any(e.low != 0 or e.high != 0 for e in break_even.differences)

    def along(self, axis: str) -> list[BreakEven]:
        """Return the break-evens with the best queue, or along its width, one for each pair of labels."""
        of_axis = [found for found in self.break_evens if found.axis == axis]
        return [b for b in of_axis if axis == "concurrency" or b.against.startswith("best")]

    def break_even(self, axis: str) -> BreakEven | None:
        """Return the first of these: between the variants with the fewest options."""
        return next(iter(self.along(axis)), None)

    @property
    def against_fixed(self) -> list[BreakEven]:
        """The break-evens along tasks with each fixed width."""
        return [b for b in self.break_evens if b.axis == "tasks" and not b.against.startswith("best")]


def views(answer: Answer) -> list[View]:
    """Return an answer by the combinations of its further factors, in their order."""
    parts = factor_combinations(answer.results.frame)
    return [
        View(answer, choice, part, tuple(b for b in answer.break_evens if b.factors == factors))
        for choice, (factors, part) in zip(answer.choices, parts, strict=True)
    ]


def main_view(answer: Answer) -> View:
    """Return the view that the scenario itself describes, or else the first."""
    found = views(answer)
    written = answer.results.manifest["scenario"].get("as_written")
    resolved = answer.scenario
    for view in found:
        factors = view.choice.factors
        if all(value in (_at(written, path), _at(resolved, path)) for path, value in factors.items()):
            return view
    return found[0]


def _at(tree: Any, dotted: str) -> Any:
    """Return what stands at a path, of `tasks` in its only group; None where there is nothing."""
    for key in dotted.split("."):
        if isinstance(tree, list) and len(tree) == 1:
            tree = tree[0]
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
