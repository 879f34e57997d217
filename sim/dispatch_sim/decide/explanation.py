"""Explains a decision at the scenario as it is written: cost breakdown, switching values and sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch_sim.decide.cost_breakdown import Comparison, Component, cost_breakdown
from dispatch_sim.decide.findings import Findings, basis
from dispatch_sim.decide.grid import (
    BATCH,
    GridPoint,
    make_grid_point,
    warn_about_concurrencies,
    warn_about_limits,
    without_factors,
)
from dispatch_sim.decide.parameters import (
    Parameter,
    ParameterError,
    find_parameters,
    parameter_at,
    with_range,
)
from dispatch_sim.decide.ranking import ranked
from dispatch_sim.decide.rare_events import QUOTED, replications_to_quote
from dispatch_sim.decide.sampling import LATER, Numbers, Sampled, Sampler
from dispatch_sim.decide.sensitivity import Swing, around, find_swings
from dispatch_sim.decide.switching_values import SwitchingValue, find_switching_values
from dispatch_sim.decide.winners import Winner, find_winner
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, mean_estimate, paired_difference
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.objectives import OBJECTIVES, column_of
from dispatch_sim.study.runner import OnProgress


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation(Findings):
    """The reasons for a decision, and what would change it.

    Attributes
    ----------
    tasks : size of the batch.
    winner : the recommended strategy, and whether it is significantly the best.
    rival : the best strategy of another kind, or else the second best.
    comparisons : of the rival, and then of the best strategy of each further kind; where the winner is paced,
        of those with and without pacing.
    swings : the tornado, the largest first.
    switching_values : of each key, to any other strategy and to another kind of strategy.
    needed : about how many replications the winner's mean and the comparisons need for valid intervals.
    searched : replications of strategies that matter at other values than the scenario's.
    """

    tasks: int
    winner: Winner
    rival: Strategy
    comparisons: tuple[Comparison, ...]
    swings: tuple[Swing, ...]
    switching_values: tuple[SwitchingValue, ...]
    needed: int
    searched: int

    @property
    def is_preliminary(self) -> bool:
        """Whether the comparisons need more replications."""
        return self.replications < self.needed

    @property
    def recommended(self) -> Strategy:
        """The recommended strategy."""
        return self.winner.strategy

    @property
    def difference(self) -> Estimate:
        """What the rival has more."""
        return self.comparisons[0].difference

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return super().to_json() | {
            "tasks": self.tasks,
            "recommended": self.recommended.to_json(),
            "standing": str(self.winner.standing),
            "rival": self.rival.to_json(),
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "one_at_a_time": [swing.to_json() for swing in self.swings],
            "switching_values": [found.to_json() for found in self.switching_values],
            "preliminary": self.is_preliminary,
            "replications_needed": self.needed,
            "replications_at_other_values": self.searched,
        }


def explain(
    source: Given,
    *,
    ranges: Mapping[str, str] | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> Explanation:
    """Explain the decision of a scenario at its own size.

    Parameters
    ----------
    source : a scenario, as `load` accepts it.
    ranges : keys by path, each with the range to try (``1K..1M``). Default: around their values.
    replications : of each strategy at the scenario itself, and at most at other values. Default: the
        scenario's, or else as many as valid intervals need at the scenario itself, and 1,024 at other values.
    jobs : threads of the compiled engine; results do not depend on it.
    on_progress : called with the share of the work that is done, in percent, and 100.

    Raises
    ------
    ScenarioError, ParameterError, DesignError
        With a message for the user.
    KeyboardInterrupt
        Where interrupted.
    """
    source = without_factors(source)
    warn_about_limits(source.scenario())
    scenario = source.scenario()
    stated = {path: with_range(_varied(source, path), text) for path, text in (ranges or {}).items()}
    parameters = [stated.get(p.path, p) for p in find_parameters(source)]
    parameters += [parameter for parameter in stated.values() if parameter not in parameters]
    point = make_grid_point(source, {})
    largest = int(stated[BATCH].high) if BATCH in stated else 0
    warn_about_concurrencies(scenario, max(point.tasks, largest))
    if len(point.strategies) == 1:
        raise DesignError("there is only one strategy for this batch; name more strategies to compare")
    sampler = Sampler(scenario, jobs, on_progress)
    here = _Decision(point)
    here.simulate(sampler, replications or scenario.study.replications)
    objective, confidence = OBJECTIVES[scenario.objective.minimise], scenario.study.confidence
    indifference = here.indifference
    winner = find_winner(point.strategies, here.sampled.padded_costs(), point.tasks, confidence, indifference)

    def components(number: int, apart: set[str] | None = None) -> list[Component]:
        if objective != column_of(objective):  # only means add up
            return []
        measures = here.sampled.measures(np.array([here.order[0], number]))
        return cost_breakdown(scenario, objective, measures, here.confidence_of_each, apart)

    large = {
        each.name
        for number in here.quoted
        for each in components(number)
        if abs(each.difference.mean) >= indifference
    }
    comparisons = tuple(
        Comparison(point.strategies[number], here.difference(number), tuple(components(number, large)))
        for number in here.quoted
    )
    strategies = (winner.strategy, comparisons[0].strategy)
    count = replications or scenario.study.replications or LATER
    switching_values = find_switching_values(
        source,
        parameters,
        winner.strategy,
        replications=count,
        present=here.sampled,
        sampler=sampler,
        share=0.85,
    )
    varied = [p if p.path in stated else around(p) for p in parameters]
    swings = find_swings(source, varied, strategies, replications=count, sampler=sampler)
    return Explanation(
        **basis(scenario, winner.replications, indifference),
        tasks=point.tasks,
        winner=winner,
        rival=strategies[1],
        comparisons=comparisons,
        swings=tuple(swings),
        switching_values=tuple(switching_values),
        needed=here.needed,
        searched=count,
    )


class _Decision:
    """The decision at the scenario itself, with as many replications as its quoted differences need."""

    def __init__(self, point: GridPoint) -> None:
        self.sampled = Sampled(point, whole=True)
        self._scenario = point.variant.scenario
        self._confidence = self._scenario.study.confidence

    @property
    def order(self) -> list[int]:
        """The numbers of the strategies from the best to the worst; those with fewer replications last."""
        point, counts = self.sampled.point, self.sampled.counts
        means = [sample.mean() for sample in self.sampled.samples(self.sampled.everything)]
        order = ranked(point.strategies, means, point.tasks)
        return sorted(order, key=lambda number: bool(counts[number] < counts.max()))

    @property
    def quoted(self) -> list[int]:
        """The numbers of the strategies that are compared with the best, the rival first."""
        order = self.order
        strategies = [self.sampled.point.strategies[number] for number in order]
        one_of_each = _one_of_each_kind(strategies, self.sampled.point.tasks)
        return [order[strategies.index(strategy)] for strategy in one_of_each]

    @property
    def confidence_of_each(self) -> float:
        """The confidence of a difference, and of each of its components, by itself."""
        return 1 - (1 - self._confidence) / (len(self.sampled.point.strategies) - 1)

    @property
    def indifference(self) -> float:
        """The indifference threshold."""
        return self._scenario.threshold.at(float(self.sampled.samples(np.array(self.order[:1]))[0].mean()))

    def difference(self, number: int) -> Estimate:
        """Return what a strategy costs more than the best one, simultaneous over all strategies.

        This is the interval that a sweep has for the same difference.
        """
        best, other = self.sampled.costs(np.array([self.order[0], number]))
        return paired_difference(other, best, self.confidence_of_each)

    def simulate(self, sampler: Sampler, fixed: int | None) -> None:
        """Simulate all strategies, and what may be the best or is quoted until intervals are valid."""
        sampled, study = self.sampled, self._scenario.study
        sampler.extend([(sampled, sampled.everything, fixed or study.first)], 0.02)
        calls = sampled.point.variant.plans[0].calls
        while fixed is None:
            numbers = self._wanted()
            count = int(sampled.counts[numbers].min())
            more = min(max(QUOTED, 2 * count), study.at_most)
            affordable = study.calls is None or numbers.size * more * calls <= study.calls
            if count >= self.needed or more <= count or not affordable:
                return
            sampler.extend([(sampled, numbers, more)], 0.1)

    def _wanted(self) -> Numbers:
        left = self.sampled.contenders(self.sampled.everything, self._confidence, self.indifference)
        return np.unique([*left, self.order[0], *self.quoted])

    @property
    def needed(self) -> int:
        """How many replications the quoted intervals need, about."""
        best = mean_estimate(self.sampled.samples(np.array(self.order[:1]))[0], self._confidence)
        quoted = [best, *map(self.difference, self.quoted)]
        return replications_to_quote(self._scenario, self.sampled.point.tasks, self.indifference, quoted)


def _varied(source: Source, path: str) -> Parameter:
    parameter = parameter_at(source, path)
    if parameter.is_off:
        raise ParameterError(path, "the scenario has no value there to start from; give it one")
    return parameter


def _one_of_each_kind(strategies: Sequence[Strategy], tasks: int) -> list[Strategy]:
    """Return the best of each kind other than that of the best one, or else the second best.

    If the best is paced, kinds that run tasks together count twice, with and without pacing.

    Parameters
    ----------
    strategies : from the best to the worst.
    """
    best = strategies[0]
    rival = next((each for each in strategies if each.kind_in(tasks) != best.kind_in(tasks)), strategies[1])

    def group(strategy: Strategy) -> tuple[str, str]:
        kind = strategy.kind_in(tasks)
        return kind, "none" if kind in ("solo", "sequential") or best.pace == "none" else strategy.pace

    found = {group(rival): rival}
    for strategy in strategies:
        if group(strategy) != group(best):
            found.setdefault(group(strategy), strategy)
    return list(found.values())
