"""Switching values: for each numeric key, the nearest value at which another strategy is recommended.

The recommendation switches where keeping the recommended strategy costs more than the indifference threshold
above the strategy that is then the best. That may be another concurrency of the same kind. So there is also a
search for the value at which another *kind* is recommended, whatever the concurrency of the present kind.

The search is coarse: outwards from the present value in equal ratios to the ends of the range, then by
bisection between the last step at which the recommendation stands and the first at which it does not. It
misses a recommendation that switches and switches back between two steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.grid import GridPoint, simulate_points, try_grid_point
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.paired_comparison import PairedComparison, compare_best, sign_changes_along
from dispatch_sim.study.runner import OnProgress

STEPS = 4
"""Steps from the present value to each end of the range."""

HALVINGS = 5
"""Steps of the bisection; each halves the ratio between the two values that are left."""


@dataclass(frozen=True, slots=True)
class SwitchingValue:
    """The effect of one key on the decision.

    Attributes
    ----------
    parameter : the key and its range.
    of_kind : whether it is the value of another kind of strategy, rather than of any other strategy.
    at : the value nearest to the present one at which the means cross; None where there is none in the range.
    low, high : the confidence interval of `at`; None where it is open at an end of the range.
    becomes : the strategy that is then the best; None without a switching value.
    resolved : whether the recommended strategy is significantly good enough on one side of the interval, and
        significantly not on the other.
    """

    parameter: Parameter
    of_kind: bool
    at: float | None = None
    low: float | None = None
    high: float | None = None
    becomes: Strategy | None = None
    resolved: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.parameter.to_json(),
            "to_another": "kind" if self.of_kind else "strategy",
            "at": self.at,
            "low": self.low,
            "high": self.high,
            "becomes": self.becomes and self.becomes.to_json(),
            "resolved": self.resolved,
        }


@dataclass(frozen=True)
class _Incumbent:
    """The recommended strategy or, where a kind is given, the best strategy of that kind."""

    strategy: Strategy
    kind: str | None

    def holds(self, point: GridPoint) -> NDArray[np.bool_]:
        """Return which strategies of a grid point it may be."""
        return np.array(
            [
                each == self.strategy if self.kind is None else each.kind_in(point.tasks) == self.kind
                for each in point.strategies
            ]
        )


@dataclass
class _Search:
    """The search along one key: the values that were tried, and the costs of each strategy there."""

    parameter: Parameter
    points: dict[float, GridPoint] = field(default_factory=dict)
    costs: dict[float, NDArray[np.float64]] = field(default_factory=dict)
    impossible: set[float] = field(default_factory=set)

    def values(self, incumbent: _Incumbent) -> list[float]:
        """Return the values at which the incumbent was simulated, the nearest to the present first."""
        simulated = [value for value, point in self.points.items() if incumbent.holds(point).any()]
        return sorted(simulated, key=self.distance)

    def distance(self, value: float) -> float:
        present = self.parameter.value
        return abs(math.log(value / present)) if value > 0 and present > 0 else abs(value - present)

    def excess(self, value: float, incumbent: _Incumbent) -> tuple[float, Strategy]:
        """Return the mean cost of the incumbent above the best strategy, and that strategy."""
        means, point = self.costs[value].mean(axis=1), self.points[value]
        best = int(means.argmin())
        return float(means[incumbent.holds(point)].min() - means[best]), point.strategies[best]

    def is_beyond(self, value: float, end: float) -> bool:
        """Whether a value is the present one, or on the same side of it as another."""
        present = self.parameter.value
        return value == present or (value < present) == (end < present)

    @property
    def has_effect(self) -> bool:
        """Whether any value that was tried changes anything."""
        present = self.parameter.value
        return any(
            self.points[value].strategies != self.points[present].strategies
            or not np.array_equal(costs, self.costs[present])
            for value, costs in self.costs.items()
        )


def find_switching_values(
    source: Source,
    parameters: Sequence[Parameter],
    recommended: Strategy,
    *,
    replications: int,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> list[SwitchingValue]:
    """Find for each key the nearest value at which another strategy is recommended.

    Parameters
    ----------
    source : as `without_factors` returns it.
    parameters : the keys, each with the range that is searched.
    recommended : the strategy that is recommended as things are.
    replications : of each strategy at each value.
    jobs, on_progress : as `simulate_points`; progress is that of the first, longest part.

    Returns
    -------
    For each key that has an effect, the value of any other strategy and that of another kind, in the order of
    the keys. Each confidence interval holds by itself.
    """
    scenario = source.scenario()
    searches = [_Search(parameter) for parameter in parameters]
    _try(source, [(s, _outwards(s.parameter)) for s in searches], replications, jobs, on_progress)
    searches = [search for search in searches if search.has_effect]
    if not searches:
        return []
    incumbents = (
        _Incumbent(recommended, None),
        _Incumbent(recommended, recommended.kind_in(scenario.batch_size)),
    )
    present = searches[0].costs[searches[0].parameter.value]
    indifference = scenario.threshold.at(float(present.mean(axis=1).min()))
    for _ in range(HALVINGS):
        middles = [(s, {_middle(s, each, indifference) for each in incumbents}) for s in searches]
        _try(source, middles, replications, jobs)
    return [
        _switching_value(search, each, indifference, scenario.study.confidence)
        for search in searches
        for each in incumbents
    ]


def _outwards(parameter: Parameter) -> list[float]:
    """Return the present value and steps to both ends of the range."""
    present, values = parameter.value, {parameter.value}
    for end in (parameter.low, parameter.high):
        for step in range(1, STEPS + 1):
            part = step / STEPS
            if present > 0 and end > 0:
                value = present * (end / present) ** part
            else:
                value = present + (end - present) * part
            values.add(parameter.clipped(float(f"{value:.12g}")))
    return sorted(values)


def _try(
    source: Source,
    asked: Iterable[tuple[_Search, Iterable[float | None]]],
    replications: int,
    jobs: int,
    on_progress: OnProgress | None = None,
) -> None:
    """Simulate values of each search. The range ends before a value at which that is impossible."""
    found: list[tuple[_Search, float, GridPoint]] = []
    for search, values in asked:
        for value in (each for each in values if each is not None):
            point = try_grid_point(source, {search.parameter.path: search.parameter.write(value)})
            if point is None:
                search.impossible.add(value)
            else:
                found.append((search, value, point))
    if found:
        costs = simulate_points([point for *_, point in found], replications, jobs, on_progress)
        for (search, value, point), cost in zip(found, costs, strict=True):
            search.points[value], search.costs[value] = point, cost


def _bracket(search: _Search, incumbent: _Incumbent, indifference: float) -> tuple[float, float] | None:
    """Return the last value at which the recommendation stands, and the nearest at which it does not."""
    values = search.values(incumbent)
    switched = next((v for v in values if search.excess(v, incumbent)[0] > indifference), None)
    if switched is None or switched == search.parameter.value:
        return None
    stands = [
        v for v in values if search.is_beyond(v, switched) and search.distance(v) < search.distance(switched)
    ]
    return stands[-1], switched


def _middle(search: _Search, incumbent: _Incumbent, indifference: float) -> float | None:
    """Return the value to try next, in the middle of a bracket; None where there is none."""
    bracket = _bracket(search, incumbent, indifference)
    if bracket is None:
        return None
    one, other = bracket
    middle = math.sqrt(one * other) if one > 0 and other > 0 else (one + other) / 2
    middle = search.parameter.clipped(float(f"{middle:.12g}"))
    return None if middle in search.impossible or middle in search.costs else middle


def _switching_value(
    search: _Search, incumbent: _Incumbent, indifference: float, confidence: float
) -> SwitchingValue:
    parameter, bracket = search.parameter, _bracket(search, incumbent, indifference)
    of_kind = incumbent.kind is not None
    if bracket is None:
        return SwitchingValue(parameter, of_kind)
    _, switched = bracket
    becomes = search.excess(switched, incumbent)[1]
    values = [
        value
        for value in sorted(search.values(incumbent))
        if search.is_beyond(value, switched) and not incumbent.holds(search.points[value]).all()
    ]
    comparisons = [_compare(search, value, incumbent, indifference) for value in values]
    crossings = sign_changes_along(values, comparisons, confidence).crossings
    if not crossings:  # the mean is at the indifference threshold itself
        return SwitchingValue(parameter, of_kind, switched, becomes=becomes)
    crossing = min(crossings, key=lambda crossing: search.distance(crossing.at))
    ends: list[float | None] = [crossing.at, crossing.low, crossing.high]
    if parameter.is_whole:
        # The first whole value beyond, as nothing lies between two.
        beyond = math.ceil if switched > parameter.value else math.floor
        ends = [None if end is None else float(beyond(end)) for end in ends]
    at, low, high = ends
    return SwitchingValue(parameter, of_kind, at, low, high, becomes, crossing.resolved)


def _compare(search: _Search, value: float, incumbent: _Incumbent, indifference: float) -> PairedComparison:
    """Compare the incumbent with all other strategies at a value, less the indifference threshold."""
    costs, holds = search.costs[value], incumbent.holds(search.points[value])
    found = compare_best(costs[holds], costs[~holds])
    return replace(found, whole=found.whole - indifference, halves=found.halves - indifference)
