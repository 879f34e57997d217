"""Switching values: for each numeric key, the nearest value at which another strategy is recommended.

The recommendation switches where keeping the recommended strategy costs more than the indifference threshold
above the strategy that is then the best. That may be another concurrency of the same kind. So there is also a
search for the value at which another *kind* is recommended, whatever the concurrency of the present kind.

The search is coarse: outwards from the present value in equal ratios to the ends of the range, then by
bisection between the last step at which the recommendation stands and the first at which it does not. Towards
an end at which the recommendation stands, there is one step only. So the search misses a recommendation that
switches and switches back between two steps. Most values are settled by few replications of all strategies;
only those around a switch have as many as an interval needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dispatch_sim.decide.grid import make_grid_point
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sampling import FACTOR, FIRST, LATER, Numbers, Sampled, Sampler
from dispatch_sim.decide.value_search import Incumbent, ValueSearch
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.paired_comparison import sign_changes_along

STEPS = 4
"""Steps from the present value to each end of the range."""

HALVINGS = 5
"""Steps of the bisection; each halves the ratio between the two values that are left."""

FEW = FIRST // 2
"""Replications of all strategies at a value: there are hundreds of values, and little depends on each."""

ROUNDS = 8
"""Most rounds in which values around the switches have their replications."""


@dataclass(frozen=True, slots=True)
class SwitchingValue:
    """The effect of one key on the decision.

    Attributes
    ----------
    parameter : the key and its range.
    to_another : whether another `kind` of strategy, or any other `strategy`, is then recommended.
    at : the value nearest to the present one at which the means cross; None where there is none in the range.
    low, high : the confidence interval of `at`; None where it is open at an end of the range.
    becomes : the strategy that is then the best; None without a switching value.
    resolved : whether the recommended strategy is significantly good enough on one side of the interval, and
        significantly not on the other.
    replications, needed : at the values next to it, and about how many a valid interval needs.
    """

    parameter: Parameter
    to_another: Literal["kind", "strategy"]
    at: float | None = None
    low: float | None = None
    high: float | None = None
    becomes: Strategy | None = None
    resolved: bool = False
    replications: int = 0
    needed: int = 0

    @property
    def is_preliminary(self) -> bool:
        """Whether the interval needs more replications to cover as often as stated."""
        return self.replications < self.needed

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.parameter.to_json(),
            "to_another": self.to_another,
            "at": self.at,
            "low": self.low,
            "high": self.high,
            "becomes": self.becomes and self.becomes.to_json(),
            "resolved": self.resolved,
            "replications": self.replications,
            "preliminary": self.is_preliminary,
        }


def find_switching_values(
    source: Source,
    parameters: Sequence[Parameter],
    recommended: Strategy,
    *,
    replications: int = LATER,
    present: Sampled | None = None,
    sampler: Sampler | None = None,
    share: float = 1.0,
) -> list[SwitchingValue]:
    """Find for each key the nearest value at which another strategy is recommended.

    Parameters
    ----------
    source : as `without_factors` returns it.
    parameters : the keys, each with the range that is searched.
    recommended : the strategy that is recommended as things are.
    replications : next to a switching value, of the strategies that matter there.
    present : the scenario itself, with the replications that it has; default: with few.
    sampler : simulates; default: in this thread.
    share : of the sampler's work that is done afterwards.

    Returns
    -------
    For each key that has an effect, the value of any other strategy and that of another kind, in the order of
    the keys. Each confidence interval holds by itself.
    """
    scenario = source.scenario()
    incumbents = (
        Incumbent(recommended, None),
        Incumbent(recommended, recommended.kind_in(scenario.batch_size)),
    )
    sampler, present = sampler or Sampler(scenario), present or Sampled(make_grid_point(source, {}))
    search = _AllSearches(source, parameters, incumbents, replications, present, sampler)
    search.probe(0.15 * share)
    search.step_outwards(0.6 * share)
    for _ in range(HALVINGS):
        search.halve(0.75 * share)
    search.judge(share)
    return [
        _switching_value(each, incumbent, replications)
        for each in search.searches
        for incumbent in incumbents
    ]


class _AllSearches:
    """The searches along all keys, in steps that simulate a value of each of them."""

    def __init__(
        self,
        source: Source,
        parameters: Sequence[Parameter],
        incumbents: Sequence[Incumbent],
        replications: int,
        present: Sampled,
        sampler: Sampler,
    ) -> None:
        scenario = source.scenario()
        self._source, self._incumbents, self._sampler = source, incumbents, sampler
        self._present, self._most = present, replications
        sampler.extend([(present, present.everything, min(FIRST, replications))], sampler.share)
        self.searches = [
            ValueSearch(each, scenario.study.confidence, scenario.threshold, {each.value: present})
            for each in parameters
        ]

    def probe(self, share: float) -> None:
        """Simulate the ends of the ranges, and leave out keys without effect there."""
        ends = [
            sampled
            for search in self.searches
            for end in (search.parameter.low, search.parameter.high)
            if (sampled := search.add(self._source, end)) is not None
        ]
        self._try(ends, 0.9 * share)
        # Rare events may have more effect: the best strategy of each side has more replications.
        sides = [side for side in self._incumbents[1].sides(self._present) if side.size]
        confidence = self._source.scenario().study.confidence
        best = np.concatenate([self._present.contenders(side, confidence)[:1] for side in sides])
        more = min(FACTOR * FIRST, self._most)
        quiet = [search for search in self.searches if not search.has_effect]
        self._sampler.extend(
            [(sampled, best, more) for search in quiet for sampled in search.tried.values()], share
        )
        self.searches = [search for search in self.searches if search.impossible or search.has_effect]

    def step_outwards(self, share: float) -> None:
        """Simulate the steps to both ends of the ranges; to an end where the recommendation stands, one."""
        points = [
            sampled
            for search in self.searches
            for end in (search.parameter.low, search.parameter.high)
            for value in _outwards(
                search.parameter, end, all(search.stands(end, each) for each in self._incumbents)
            )
            if (sampled := search.add(self._source, value)) is not None
        ]
        self._try(points, share)
        self.searches = [search for search in self.searches if search.has_effect]

    def halve(self, share: float) -> None:
        """Simulate the middle of each bracket."""
        points = []
        for search in self.searches:
            for incumbent in self._incumbents:
                middle = search.middle(incumbent)
                if middle is not None and (sampled := search.add(self._source, middle)) is not None:
                    points.append(sampled)
        self._try(points, share)

    def judge(self, share: float) -> None:
        """Simulate as many replications around each switch as its interval needs."""
        number = min(FACTOR * FIRST, self._most)
        for _ in range(ROUNDS):
            short = [
                (sampled, numbers, number)
                for search in self.searches
                for incumbent in self._incumbents
                for sampled, numbers in search.short(incumbent, number, self._most)
            ]
            self._sampler.extend(short, (self._sampler.share + share) / 2)
            if not short and number == self._most:
                return
            if not short:
                number = self._most

    def _try(self, points: Sequence[Sampled], share: float) -> None:
        """Simulate few replications of all strategies, and more where these settle no recommendation."""
        owner = {
            id(sampled): (search, value)
            for search in self.searches
            for value, sampled in search.tried.items()
        }

        def undecided(sampled: Sampled) -> Numbers:
            search, value = owner[id(sampled)]
            return np.unique(np.concatenate([search.undecided(value, each) for each in self._incumbents]))

        self._sampler.refine(dict.fromkeys(points), undecided, min(FACTOR * FIRST, self._most), share, FEW)


def _outwards(parameter: Parameter, end: float, only_half_way: bool) -> Iterator[float]:
    """Yield steps from the present value to an end of the range."""
    present = parameter.value
    for step in (STEPS // 2,) if only_half_way else range(1, STEPS):
        part = step / STEPS
        if present > 0 and end > 0:
            value = present * (end / present) ** part
        else:
            value = present + (end - present) * part
        yield parameter.clipped(float(f"{value:.12g}"))


def _switching_value(search: ValueSearch, incumbent: Incumbent, replications: int) -> SwitchingValue:
    parameter, bracket = search.parameter, search.bracket(incumbent)
    to_another: Literal["kind", "strategy"] = "strategy" if incumbent.kind is None else "kind"
    if bracket is None:  # in the part of the range in which the incumbent can be compared
        values = search.values(incumbent)
        compared = [value for value in values if parameter.low <= value <= parameter.high]
        compared = compared or [parameter.value]
        return SwitchingValue(replace(parameter, low=min(compared), high=max(compared)), to_another)
    switched = bracket[1]
    best_others = search.excess(switched, incumbent).others
    becomes = search.tried[switched].point.strategies[int(best_others[0])]
    values = sorted(
        value
        for value in search.around(incumbent, replications)
        if search.excess(value, incumbent).others.size
    )
    comparisons = [search.compare(value, incumbent, replications) for value in values]
    crossings = sign_changes_along(values, comparisons, search.confidence).crossings
    if not crossings:  # the mean is at the indifference threshold itself
        return SwitchingValue(parameter, to_another, switched, becomes=becomes)
    crossing = min(crossings, key=lambda crossing: search.distance(crossing.at))
    ends: list[float | None] = [crossing.at, crossing.low, crossing.high]
    if parameter.is_whole:
        # The first whole value beyond, as nothing lies between two.
        beyond = math.ceil if switched > parameter.value else math.floor
        ends = [None if end is None else float(beyond(end)) for end in ends]
    at, low, high = ends
    near = [
        each.estimate(search.confidence)
        for value, each in zip(values, comparisons, strict=True)
        if value in bracket
    ]
    return SwitchingValue(
        parameter,
        to_another,
        at,
        low,
        high,
        becomes,
        crossing.resolved,
        min(each.n for each in near),
        max(each.needed for each in near),
    )
