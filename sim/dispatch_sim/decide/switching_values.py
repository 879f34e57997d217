"""What would flip the decision: for each numeric key, the nearest value at which another way is to be taken.

A decision flips where keeping the recommended way costs more than anybody would ignore: more than the
indifference of the scenario above the way that is then the best. That may be another width of the same kind;
so it is also asked where another *kind* of way is to be taken, whatever the width of the recommended kind.

The search is coarse: outwards from the present value in equal ratios to the ends of the range, then by
bisection between the last step at which the decision stands and the first at which it does not. Where it
flips and flips back between two steps, that is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.grid import Place, find_place, play_places
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.paired_comparison import Contest, changes_of, contest
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.runner import OnProgress

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
    of_kind : whether another kind of way is meant, rather than any other way.
    at : the value nearest to the present one at which the means change places; None where nowhere in range.
    low, high : the confidence set of `at`; None where it is open at that end of what was tried.
    becomes : the way that is then the best; None without a flip.
    resolved : whether the recommended way is shown to be good enough on one side of the set, and not to be on
        the other.
    """

    parameter: Parameter
    of_kind: bool
    at: float | None
    low: float | None
    high: float | None
    becomes: Strategy | None
    resolved: bool

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "path": self.parameter.path,
            "unit": self.parameter.unit,
            "to_another": "kind" if self.of_kind else "way",
            "value": self.parameter.value,
            "range": [self.parameter.low, self.parameter.high],
            "flips_at": self.at,
            "low": self.low,
            "high": self.high,
            "becomes": None if self.becomes is None else self.becomes.to_json(),
            "resolved": self.resolved,
        }


@dataclass(frozen=True)
class _Keeping:
    """What is kept: the recommended way or, where a kind is given, the best of that."""

    strategy: Strategy
    kind: str | None

    def holds(self, strategy: Strategy, tasks: int) -> bool:
        return strategy == self.strategy if self.kind is None else strategy.kind_in(tasks) == self.kind


@dataclass
class _Search:
    """The search along one key: what was tried, and what each way came to there."""

    parameter: Parameter
    strategies: dict[float, tuple[Strategy, ...]] = field(default_factory=dict)
    tasks: dict[float, int] = field(default_factory=dict)
    costs: dict[float, NDArray[np.float64]] = field(default_factory=dict)
    refused: set[float] = field(default_factory=set)

    def values(self, keeping: _Keeping) -> list[float]:
        """Return the values at which what is kept was played, the nearest to the present first."""
        played = [
            value
            for value, strategies in self.strategies.items()
            if any(keeping.holds(strategy, self.tasks[value]) for strategy in strategies)
        ]
        return sorted(played, key=self.distance)

    def distance(self, value: float) -> float:
        present = self.parameter.value
        return abs(math.log(value / present)) if value > 0 and present > 0 else abs(value - present)

    def kept(self, value: float, keeping: _Keeping) -> int:
        """Return the number of the best of what is kept."""
        means = self.costs[value].mean(axis=1)
        own = [
            number
            for number, strategy in enumerate(self.strategies[value])
            if keeping.holds(strategy, self.tasks[value])
        ]
        return min(own, key=lambda number: float(means[number]))

    def excess(self, value: float, keeping: _Keeping) -> tuple[float, Strategy]:
        """Return what keeping to it costs more than the best way, in the mean, and that way."""
        means = self.costs[value].mean(axis=1)
        best = int(means.argmin())
        return float(means[self.kept(value, keeping)] - means[best]), self.strategies[value][best]

    @property
    def least(self) -> float:
        """The least mean as things are."""
        return float(self.costs[self.parameter.value].mean(axis=1).min())

    @property
    def has_effect(self) -> bool:
        """Whether anything that was tried changes anything."""
        present = self.parameter.value
        return any(
            self.strategies[value] != self.strategies[present]
            or not np.array_equal(costs, self.costs[present])
            for value, costs in self.costs.items()
        )


def find_flips(
    source: Source,
    parameters: Sequence[Parameter],
    keeping: Strategy,
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
    For each key that has an effect the flip to any other way, then that to another kind of way, in the order
    of the keys. Each confidence set holds by itself.
    """
    scenario = source.scenario()
    searches = [_Search(parameter) for parameter in parameters]
    _try(source, [(s, _outwards(s.parameter)) for s in searches], replications, jobs, on_progress)
    searches = [search for search in searches if search.has_effect]
    levels = (_Keeping(keeping, None), _Keeping(keeping, keeping.kind_in(scenario.batch_size)))
    indifference = scenario.threshold.at(searches[0].least) if searches else 0.0
    for _ in range(HALVINGS):
        between = [
            (search, list(middles))
            for search in searches
            if (middles := {m for kept in levels if (m := _middle(search, kept, indifference)) is not None})
        ]
        if not between:
            break
        _try(source, between, replications, jobs, None)
    return [
        _flip(search, kept, indifference, scenario.study.confidence) for search in searches for kept in levels
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
            except (ScenarioError, DesignError):
                # No such scenario, as with a call that is larger than the bucket, or no way for a batch of
                # that size: the range ends before it.
                search.refused.add(value)
    costs = play_places([place for _, _, place in found], replications, jobs, on_progress)
    for (search, value, place), cost in zip(found, costs, strict=True):
        search.strategies[value] = place.strategies
        search.tasks[value], search.costs[value] = place.tasks, cost


def _bracket(search: _Search, keeping: _Keeping, indifference: float) -> tuple[float, float] | None:
    """Return the last value at which the decision stands and the nearest one at which it does not."""
    values, present = search.values(keeping), search.parameter.value
    flipped = next((v for v in values if search.excess(v, keeping)[0] > indifference), None)
    if flipped is None or flipped == present:
        return None
    same_side = [v for v in values if (v <= present) == (flipped < present) or v == present]
    stands = [v for v in same_side if search.distance(v) < search.distance(flipped)]
    return stands[-1], flipped


def _middle(search: _Search, keeping: _Keeping, indifference: float) -> float | None:
    """Return the value to try next, in the middle of a bracket; None where there is none."""
    bracket = _bracket(search, keeping, indifference)
    if bracket is None:
        return None
    one, other = bracket
    middle = math.sqrt(one * other) if one > 0 and other > 0 else (one + other) / 2
    middle = search.parameter.clipped(float(f"{middle:.12g}"))
    return None if middle in (one, other) or middle in search.refused or middle in search.costs else middle


def _flip(search: _Search, keeping: _Keeping, indifference: float, confidence: float) -> Flip:
    parameter, bracket = search.parameter, _bracket(search, keeping, indifference)
    of_kind = keeping.kind is not None
    if bracket is None:
        return Flip(parameter, of_kind, None, None, None, None, False)
    _, flipped = bracket
    becomes = search.excess(flipped, keeping)[1]
    present = parameter.value
    values = [
        value
        for value in sorted(search.values(keeping))
        if (value == present or (value < present) == (flipped < present))
        and not all(keeping.holds(each, search.tasks[value]) for each in search.strategies[value])
    ]
    contests = [_contest(search, value, keeping, indifference) for value in values]
    crossings = changes_of(values, contests, confidence).crossings
    if not crossings:  # the mean is at the indifference itself
        return Flip(parameter, of_kind, flipped, None, None, becomes, False)
    crossing = min(crossings, key=lambda crossing: search.distance(crossing.at))
    ends = [crossing.at, crossing.low, crossing.high]
    if parameter.is_whole:
        # The first whole value beyond, as nothing lies between two.
        beyond = math.ceil if flipped > present else math.floor
        ends = [None if end is None else float(beyond(end)) for end in ends]
    at, low, high = ends
    return Flip(parameter, of_kind, at, low, high, becomes, crossing.resolved)


def _contest(search: _Search, value: float, keeping: _Keeping, indifference: float) -> Contest:
    """Set what is kept against all else at a value; judged twice, as the best of several is picked."""
    costs, tasks = search.costs[value], search.tasks[value]
    kept = np.array([keeping.holds(strategy, tasks) for strategy in search.strategies[value]])
    found = contest(costs[kept], costs[~kept])
    return replace(found, whole=found.whole - indifference, halves=found.halves - indifference)
