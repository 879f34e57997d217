"""Simulates the design points of a scenario, each as far as the cases that use it need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import store
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.wording import unknown
from dispatch_sim.stats.estimates import paired_difference, to_end_early
from dispatch_sim.stats.paired_comparison import best_of
from dispatch_sim.study.design import Design, design_sweep
from dispatch_sim.study.engines import choose_engine
from dispatch_sim.study.results import named_points
from dispatch_sim.study.runner import simulate

SCREENING = 1024
"""Replications of what is only screened: the candidates for the best, and a rule of thumb."""

STAGES = (4096, 8192, 16384)
"""Replications of what is quoted, increased until its interval is valid."""

_LIMITS = "provider.limits.scale"
_OF_LIMITS = ("rejected_requests", "too_large_attempts")
"""Measures that are zero where no limit was reached."""


class NotSimulatedError(UserError):
    """A case is about something that its scenario does not simulate."""


class Points:
    """The design points of a scenario, which are simulated as far as they are needed.

    Attributes
    ----------
    design : with the plan of each point.
    table : of each point, its `strategy` and its level of each axis, by column.
    screening, stages : replications of what is screened, and the increasing ones of what is quoted.
    values : measures of each point, shape (replications, measures).
    """

    def __init__(
        self, source: Source, measures: Collection[str], replications: int | None, jobs: int
    ) -> None:
        self.source, self.design, self._jobs = source, design_sweep(source), jobs
        points = named_points(self.design)
        self.table = {str(column): points[column].to_numpy() for column in points}
        fixed = replications or source.scenario().study.replications
        self.screening = fixed or SCREENING
        self.stages: tuple[int, ...] = STAGES if fixed is None else (fixed,)
        self.measures = [name for name in MEASURES if name in {*measures, *_OF_LIMITS}]
        self.values = [np.empty((0, len(self.measures)))] * len(points)
        self._is_compiled = self.design.engine == "auto" and store.is_compiled()
        self._below = _next_lower_limits(self.table, self.design)
        self._scales = self.table[_LIMITS].tolist() if self._below else [1.0] * len(points)

    @property
    def simulated(self) -> int:
        """Number of replications of all points; values that were taken over are counted once."""
        return sum(map(len, {id(values): values for values in self.values}.values()))

    def select(self, strategy: str, levels: Mapping[str, Any], over: str | None) -> list[int]:
        """Return the points at levels, written as in the scenario; they differ along one axis at most."""
        found = np.arange(len(self.values))
        for column, level in {"strategy": strategy, **levels}.items():
            if column not in self.table:
                raise NotSimulatedError(unknown("axis", column, list(self.table)))
            found = found[self.is_at(column, level)[found]]
            if not found.size:
                choices = [str(each) for each in dict.fromkeys(self.table[column].tolist())]
                raise NotSimulatedError(f"not simulated: {unknown(column, str(level), choices)}")
        for axis, values in self.table.items():
            if axis != over and len(set(values[found].tolist())) > 1:
                raise NotSimulatedError(f"several levels of {axis} are simulated; name one under at")
        return list(found.tolist())

    def is_at(self, column: str, level: Any) -> NDArray[np.bool_]:
        """Return which points are at a level."""
        values = self.table[column]
        return np.asarray(values == (str(level) if values.dtype == object else level))

    def sums(self, rows: Sequence[int], measures: Sequence[str], count: int) -> NDArray[np.float64]:
        """Return a sum of measures, some with a minus sign, at points: shape (points, replications).

        Points are simulated up to `count` replications if they have fewer.
        """
        self.extend(rows, count)
        columns = []
        for measure in measures:
            name = measure.removeprefix("-")
            if name not in self.measures:
                raise NotSimulatedError(unknown("measure", name, list(MEASURES)))
            columns.append((self.measures.index(name), -1.0 if measure.startswith("-") else 1.0))
        sums = [sum(sign * self.values[row][:count, i] for i, sign in columns) for row in rows]
        return np.asarray(sums, np.float64)

    def contenders(
        self, rows: Sequence[int], measures: Sequence[str], confidence: float, count: int
    ) -> list[int]:
        """Return the points that are not worse than the best, at a fiftieth of the error."""
        samples = self.sums(rows, measures, count)
        least, strict = best_of(samples), to_end_early(confidence)
        pairs = zip(rows, samples, strict=True)
        return [row for row, sample in pairs if paired_difference(sample, least, strict).low <= 0]

    def extend(self, rows: Collection[int], count: int) -> None:
        """Simulate points up to a number of replications, those with low limits first.

        A point has the values of the one with lower limits if these were never reached.
        """
        missing = sorted(row for row in set(rows) if len(self.values[row]) < count)
        of_limits = [self.measures.index(name) for name in _OF_LIMITS]
        for scale in sorted({self._scales[row] for row in missing}):
            begun: dict[int, list[int]] = {}
            for row in (row for row in missing if self._scales[row] == scale):
                below = self.values[self._below.get(row, row)]
                if len(below) >= count and not below[:, of_limits].any():
                    self.values[row] = below
                else:
                    begun.setdefault(len(self.values[row]), []).append(row)
            for first, remaining in begun.items():
                self._simulate(remaining, range(first, count))

    def _simulate(self, rows: Sequence[int], replications: range) -> None:
        design = replace(self.design.part(rows), replications=replications.stop, at_most=None)
        values = np.empty((len(rows), len(replications), len(self.measures)))
        columns = [MEASURES.index(name) for name in self.measures]

        def keep(chunk: range, part: NDArray[np.float64]) -> None:
            values[:, chunk.start - replications.start : chunk.stop - replications.start] = part

        engine = "compiled" if self._is_compiled else choose_engine(design, replications.start)
        simulate(design, [replications], engine, self._jobs, lambda part: part[:, :, columns], keep)
        for row, new in zip(rows, values, strict=True):
            self.values[row] = np.concatenate([self.values[row], new])


def _next_lower_limits(table: Mapping[str, NDArray[Any]], design: Design) -> dict[int, int]:
    """Return, for a point, the one with the next lower limits that is otherwise the same.

    Where the client paces its calls by the limits, or the provider lets calls wait, no request is rejected.
    """
    below: dict[int, int] = {}
    if _LIMITS in table and table[_LIMITS].dtype != object:
        plans = [plan for variant in design.variants for plan in variant.plans]
        last: dict[tuple[Any, ...], int] = {}
        others = list(zip(*(table[column] for column in table if column != _LIMITS), strict=True))
        for row in np.argsort(table[_LIMITS], kind="stable").tolist():
            if others[row] in last:
                below[row] = last[others[row]]
            if plans[row].strategy.pace == "none" and plans[row].scenario.provider.on_limit == "reject":
                last[others[row]] = row
    return below
