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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sampling import FACTOR, FIRST, Numbers, Sampled, Sampler
from dispatch_sim.decide.value_search import ValueSearch, sides_of
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
    """The effect of one key, in its range, on the decision.

    Attributes
    ----------
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
    present: Sampled,
    sampler: Sampler,
    replications: int,
    most: int,
) -> list[SwitchingValue]:
    """Find for each key the nearest value at which another strategy is recommended.

    For each key that has an effect, that is the value of any other strategy and that of another kind, in the
    order of the keys. Each confidence interval holds by itself.

    Parameters
    ----------
    source : as `without_factors` returns it.
    parameters : the keys, each with the range that is searched.
    present : the scenario itself, with the replications that it has.
    sampler : simulates; afterwards 85% of its work is done.
    replications : next to a switching value, of the strategies that matter there.
    most : replications where an interval needs more than that to be valid.
    """
    kind = recommended.kind_in(present.tasks)
    incumbents = (None, kind)
    sampler.extend([(present, present.everything, min(FIRST, replications))], sampler.share)
    searches = [
        ValueSearch(source, each, recommended, replications, {each.value: present}) for each in parameters
    ]
    more = min(FACTOR * FIRST, replications)

    def simulate(values: Iterable[tuple[ValueSearch, float]], until: float) -> None:
        """Simulate few replications of all strategies, and more where these settle no recommendation."""
        at = {sampled: (each, value) for each, value in values if (sampled := each.add(value)) is not None}

        def undecided(sampled: Sampled) -> Numbers:
            search, value = at[sampled]
            return np.unique(np.concatenate([search.undecided(value, each) for each in incumbents]))

        sampler.refine(at, undecided, more, until, FEW)

    def settle(some: Sequence[ValueSearch], count: int) -> None:
        """Simulate so many replications around the switches, which may move meanwhile."""
        for _ in range(ROUNDS):
            short = [found for each in some for of in incumbents for found in each.short(of, count)]
            if not short:
                return
            sampler.extend(short, (sampler.share + 0.85) / 2)

    simulate(((each, end) for each in searches for end in each.ends), 0.11)
    # Rare events may have more effect: the best strategy of each side has more replications.
    sides = [side for side in sides_of(present, recommended, kind) if side.size]
    best = np.concatenate([present.contenders(side)[:1] for side in sides])
    quiet = [each for each in searches if not each.has_effect]
    sampler.extend([(sampled, best, more) for each in quiet for sampled in each.tried.values()], 0.13)
    searches = [each for each in searches if each.impossible or each.has_effect]
    steps = [
        (each, value)
        for each in searches
        for end in each.ends
        for value in _outwards(each.parameter, end, all(each.stands(end, of) for of in incumbents))
    ]
    simulate(steps, 0.51)
    searches = [each for each in searches if each.has_effect]
    for _ in range(HALVINGS):
        middles = ((each, each.middle(of)) for each in searches for of in incumbents)
        simulate([(each, middle) for each, middle in middles if middle is not None], 0.64)
    settle(searches, more)
    settle(searches, replications)
    short = [each for each in searches if any(_switching_value(each, of).is_preliminary for of in incumbents)]
    for each in short:
        each.most = most
    settle(short, most)
    return [_switching_value(each, of) for each in searches for of in incumbents]


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


def _switching_value(search: ValueSearch, kind: str | None) -> SwitchingValue:
    parameter, bracket = search.parameter, search.bracket(kind)
    to_another: Literal["kind", "strategy"] = "strategy" if kind is None else "kind"
    if bracket is None:  # in the part of the range in which the incumbent can be compared
        compared = [each for each in search.values(kind) if parameter.low <= each <= parameter.high]
        compared = compared or [parameter.value]
        return SwitchingValue(replace(parameter, low=min(compared), high=max(compared)), to_another)
    switched = bracket[1]
    best_others = search.excess(switched, kind).others
    becomes = search.tried[switched].strategies[int(best_others[0])]
    around = [each for each in search.around(kind) if search.excess(each, kind).others.size]
    comparisons = {value: search.compare(value, kind) for value in sorted(around)}
    changes = sign_changes_along(list(comparisons), list(comparisons.values()), search.confidence)
    if not changes.crossings:  # the mean is at the indifference threshold itself
        return SwitchingValue(parameter, to_another, switched, becomes=becomes)
    crossing = min(changes.crossings, key=lambda crossing: search.distance(crossing.at))
    ends: list[float | None] = [crossing.at, crossing.low, crossing.high]
    if parameter.is_whole:
        # The first whole value beyond, as nothing lies between two.
        beyond = math.ceil if switched > parameter.value else math.floor
        ends = [None if end is None else float(beyond(end)) for end in ends]
    at, low, high = ends
    near = [each.estimate(search.confidence) for value, each in comparisons.items() if value in bracket]
    replications, needed = min(each.n for each in near), max(each.needed for each in near)
    return SwitchingValue(
        parameter,
        to_another,
        at,
        low,
        high,
        becomes,
        resolved=crossing.resolved,
        replications=replications,
        needed=needed,
    )
