"""What would flip the decision: for each numeric key, the nearest value at which another way is to be taken.

A decision flips where keeping the recommended way costs more than anybody would ignore: more than the
indifference of the scenario above the way that is then the best.

The search is coarse: outwards from the present value in equal ratios to the ends of the range, then by
bisection between the last step at which the decision stands and the first at which it does not. Where it
flips and flips back between two steps, that is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.study.parameter import Parameter
from dispatch_sim.study.places import Place, find_place, play_places
from dispatch_sim.study.runner import OnProgress
from dispatch_sim.study.sign_changes import sign_changes
from dispatch_sim.study.winners import Point

STEPS = 4
"""Steps from the present value to each end of the range."""

HALVINGS = 5
"""Steps of the bisection; each halves the ratio between the two values that are left."""


@dataclass(frozen=True, slots=True)
class Flip:
    """What one key does to the decision.

    Attributes
    ----------
    parameter : the key and its range.
    at : the value nearest to the present one at which the means change places; None where nowhere in range.
    low, high : the confidence set of `at`; None where it is open at that end of what was tried.
    becomes : the way that is then the best; None without a flip.
    resolved : whether the recommended way is shown to be good enough on one side of the set, and not to be on
        the other.
    """

    parameter: Parameter
    at: float | None
    low: float | None
    high: float | None
    becomes: Point | None
    resolved: bool

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "path": self.parameter.path,
            "unit": self.parameter.unit,
            "value": self.parameter.value,
            "range": [self.parameter.low, self.parameter.high],
            "flips_at": self.at,
            "low": self.low,
            "high": self.high,
            "becomes": None
            if self.becomes is None
            else {"strategy": self.becomes[0], "concurrency": self.becomes[1] or None},
            "resolved": self.resolved,
        }


@dataclass
class _Search:
    """The search along one key: what was tried, and what each way came to there."""

    parameter: Parameter
    points: dict[float, tuple[Point, ...]] = field(default_factory=dict)
    costs: dict[float, NDArray[np.float64]] = field(default_factory=dict)
    refused: set[float] = field(default_factory=set)

    def values(self, keeping: Point) -> list[float]:
        """Return the values at which the recommended way was played, the nearest to the present first."""
        played = [value for value, points in self.points.items() if keeping in points]
        return sorted(played, key=self.distance)

    def distance(self, value: float) -> float:
        present = self.parameter.value
        return abs(math.log(value / present)) if value > 0 and present > 0 else abs(value - present)

    def excess(self, value: float, keeping: Point) -> tuple[float, Point]:
        """Return what keeping a way costs more than the best one, in the mean, and that one."""
        points, means = self.points[value], self.costs[value].mean(axis=1)
        best = int(means.argmin())
        return float(means[points.index(keeping)] - means[best]), points[best]

    @property
    def least(self) -> float:
        """The least mean as things are."""
        return float(self.costs[self.parameter.value].mean(axis=1).min())

    @property
    def has_effect(self) -> bool:
        """Whether anything that was tried changes anything."""
        present = self.costs[self.parameter.value]
        return any(
            self.points[value] != self.points[self.parameter.value] or not np.array_equal(costs, present)
            for value, costs in self.costs.items()
        )


def find_flips(
    source: Source,
    parameters: Sequence[Parameter],
    keeping: Point,
    *,
    replications: int,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> list[Flip]:
    """Find for each key the nearest value at which another way than `keeping` is to be taken.

    Parameters
    ----------
    source : as `places.without_factors` returns it.
    parameters : the keys, each with the range that is searched.
    keeping : the recommended way.
    replications : of each way at each value.
    jobs, on_progress : as `play_places`; progress is told for the first, longest part.

    Returns
    -------
    In the order of the keys, without those that have no effect. Each confidence set holds by itself.
    """
    scenario = source.scenario()
    searches = [_Search(parameter) for parameter in parameters]
    _try(source, [(s, _outwards(s.parameter)) for s in searches], replications, jobs, on_progress)
    searches = [search for search in searches if search.has_effect]
    indifference = scenario.zone.at(searches[0].least) if searches else 0.0
    brackets = {id(search): _bracket(search, keeping, indifference) for search in searches}
    for _ in range(HALVINGS):
        between: list[tuple[_Search, list[float]]] = []
        for search in searches:
            bracket = brackets[id(search)]
            middle = None if bracket is None else _middle(search.parameter, *bracket)
            if middle is not None and middle not in search.refused and middle not in search.costs:
                between.append((search, [middle]))
        if not between:
            break
        _try(source, between, replications, jobs, None)
        for search, _values in between:
            brackets[id(search)] = _bracket(search, keeping, indifference)
    return [
        _flip(search, brackets[id(search)], keeping, indifference, scenario.study.confidence)
        for search in searches
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
    asked: Sequence[tuple[_Search, Sequence[float]]],
    replications: int,
    jobs: int,
    on_progress: OnProgress | None,
) -> None:
    found: list[tuple[_Search, float, Place]] = []
    for search, values in asked:
        for value in values:
            try:
                put = {search.parameter.path: search.parameter.written(value)}
                found.append((search, value, find_place(source, put)))
            except ScenarioError:
                # No such scenario, as with a call that is larger than the bucket: the range ends before it.
                search.refused.add(value)
    costs = play_places([place for _, _, place in found], replications, jobs, on_progress)
    for (search, value, place), cost in zip(found, costs, strict=True):
        search.points[value], search.costs[value] = place.points, cost


def _bracket(search: _Search, keeping: Point, indifference: float) -> tuple[float, float] | None:
    """Return the last value at which the decision stands and the nearest one at which it does not."""
    values, present = search.values(keeping), search.parameter.value
    flipped = next((v for v in values if search.excess(v, keeping)[0] > indifference), None)
    if flipped is None or flipped == present:
        return None
    same_side = [v for v in values if (v <= present) == (flipped < present) or v == present]
    stands = [v for v in same_side if search.distance(v) < search.distance(flipped)]
    return stands[-1], flipped


def _middle(parameter: Parameter, one: float, other: float) -> float | None:
    """Return the value in the middle of two, on the scale of the search; None where there is none."""
    middle = math.sqrt(one * other) if one > 0 and other > 0 else (one + other) / 2
    middle = parameter.clipped(float(f"{middle:.12g}"))
    return None if middle in (one, other) else middle


def _flip(
    search: _Search,
    bracket: tuple[float, float] | None,
    keeping: Point,
    indifference: float,
    confidence: float,
) -> Flip:
    if bracket is None:
        return Flip(search.parameter, None, None, None, None, False)
    _, flipped = bracket
    becomes = search.excess(flipped, keeping)[1]
    present = search.parameter.value
    values = [
        value
        for value in sorted(search.values(keeping))
        if becomes in search.points[value] and (value == present or (value < present) == (flipped < present))
    ]
    more = np.stack(
        [
            search.costs[value][search.points[value].index(keeping)]
            - search.costs[value][search.points[value].index(becomes)]
            - indifference
            for value in values
        ]
    )
    crossings = sign_changes(values, more, confidence).crossings
    if not crossings:  # the mean is at the indifference itself
        return Flip(search.parameter, flipped, None, None, becomes, False)
    crossing = min(crossings, key=lambda crossing: search.distance(crossing.at))
    ends = [crossing.at, crossing.low, crossing.high]
    if search.parameter.is_whole:
        # The first whole value beyond, as nothing lies between two.
        beyond = math.ceil if flipped > present else math.floor
        ends = [None if end is None else float(beyond(end)) for end in ends]
    at, low, high = ends
    return Flip(search.parameter, at, low, high, becomes, crossing.resolved)
