"""Explains a decision at the scenario as it is written: cost breakdown, switching values and sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch_sim.decide.cost_breakdown import Comparison, Component, cost_breakdown
from dispatch_sim.decide.grid import (
    BATCH,
    Findings,
    basis,
    make_grid_point,
    warn_about_concurrencies,
    warn_about_limits,
    without_factors,
)
from dispatch_sim.decide.parameters import ParameterError, find_parameters, parameter_at, with_range
from dispatch_sim.decide.rare_events import QUOTED, next_number, replications_to_quote
from dispatch_sim.decide.sampling import LATER, Sampled, Sampler
from dispatch_sim.decide.sensitivity import Swing, around, find_swings
from dispatch_sim.decide.switching_values import SwitchingValue, find_switching_values
from dispatch_sim.decide.winners import Winner, ranked
from dispatch_sim.scenario.loader import Given
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, mean_estimate, paired_difference
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.objectives import column_of
from dispatch_sim.study.runner import OnProgress


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation(Findings):
    """The reasons for a decision, and what would change it.

    Attributes
    ----------
    winner : the recommended strategy, and whether it is significantly the best.
    rival : the best strategy of another kind, or else the second best.
    comparisons : of the rival, and then of the best strategy of each further kind; where the winner is paced,
        of those with and without pacing.
    swings : the tornado, the largest first.
    switching_values : of each key, to any other strategy and to another kind of strategy.
    needed : about how many replications the winner's mean and the comparisons need for valid intervals.
    searched, most_searched : the fewest and most replications of strategies that matter at other values than
        the scenario's: the most where a valid interval needs more than the fewest.
    """

    tasks: int
    winner: Winner
    rival: Strategy
    comparisons: tuple[Comparison, ...]
    swings: tuple[Swing, ...]
    switching_values: tuple[SwitchingValue, ...]
    needed: int
    searched: int
    most_searched: int = 0

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

    Raises ScenarioError, ParameterError or DesignError with a message for the user, and KeyboardInterrupt
    where interrupted.

    Parameters
    ----------
    source : a scenario, as `load` accepts it.
    ranges : keys by path, each with the range to try (``1K..1M``). Default: around their values.
    replications : of each strategy at the scenario itself, and at most at other values. Default: the
        scenario's, or else as many as valid intervals need at the scenario itself, and at other values 1,024,
        or up to 4,096 where they need them.
    jobs : threads of the compiled engine; results do not depend on it.
    on_progress : called with the share of the work that is done, in percent, and 100.
    """
    source = without_factors(source)
    warn_about_limits(source.scenario())
    scenario = source.scenario()
    stated = {}
    for path, text in (ranges or {}).items():
        parameter = parameter_at(source, path)
        if parameter.is_off:
            raise ParameterError(path, "the scenario has no value there to start from; give it one")
        stated[path] = with_range(parameter, text)
    parameters = [stated.get(p.path, p) for p in find_parameters(source)]
    parameters += [parameter for parameter in stated.values() if parameter not in parameters]
    sampled = Sampled(make_grid_point(source, {}), whole=True)
    tasks, strategies = sampled.tasks, sampled.strategies
    largest = int(stated[BATCH].high) if BATCH in stated else 0
    warn_about_concurrencies(scenario, max(tasks, largest))
    if len(strategies) == 1:
        raise DesignError("there is only one strategy for this batch; name more strategies to compare")
    sampler = Sampler(scenario, jobs, on_progress)
    fixed = replications or scenario.study.replications
    objective, confidence = sampled.objective, 1 - (1 - scenario.study.confidence) / (len(strategies) - 1)
    differences, needed = _decide(sampled, sampler, fixed, confidence)
    winner = sampled.winner(scenario.threshold)
    indifference = scenario.threshold.at(winner.mean)

    def components(number: int, apart: set[str] | None = None) -> list[Component]:
        if objective != column_of(objective):  # only means add up
            return []
        measures = sampled.measures(np.array([strategies.index(winner.strategy), number]))
        return cost_breakdown(scenario, objective, measures, confidence, apart)

    large = {
        each.name
        for number in differences
        for each in components(number)
        if abs(each.difference.mean) >= indifference
    }
    comparisons = tuple(
        Comparison(strategies[number], difference, tuple(components(number, large)))
        for number, difference in differences.items()
    )
    count, rival = fixed or LATER, comparisons[0].strategy
    most = fixed or max(count, min(QUOTED, scenario.study.at_most))
    switching_values = find_switching_values(
        source, parameters, winner.strategy, sampled, sampler, replications=count, most=most
    )
    varied = [p if p.path in stated else around(p) for p in parameters]
    swings = find_swings(source, varied, (winner.strategy, rival), sampler, replications=count, most=most)
    return Explanation(
        **basis(scenario, winner.replications, indifference),
        tasks=tasks,
        winner=winner,
        rival=rival,
        comparisons=comparisons,
        swings=tuple(swings),
        switching_values=tuple(switching_values),
        needed=needed,
        searched=count,
        most_searched=most,
    )


def _decide(
    sampled: Sampled, sampler: Sampler, fixed: int | None, confidence: float
) -> tuple[dict[int, Estimate], int]:
    """Simulate all strategies, and what may be the best or is quoted until intervals are valid.

    Returns
    -------
    What other strategies cost more than the best one, by their numbers, the rival first; and about how many
    replications the intervals need. `confidence` is of each difference, so that they hold simultaneously over
    all strategies, as those of a sweep do.
    """
    scenario, tasks, counts = sampled.variant.scenario, sampled.tasks, sampled.counts
    study, calls = scenario.study, sampled.variant.plans[0].calls
    sampler.extend([(sampled, sampled.everything, fixed or study.first)], 0.02)
    while True:
        order = ranked(sampled.strategies, [sample.mean() for sample in sampled.samples], tasks)
        order.sort(key=lambda number: bool(counts[number] < counts.max()))
        best = order[0]
        differences = {}
        for strategy in _one_of_each_kind([sampled.strategies[number] for number in order], tasks):
            number = sampled.strategies.index(strategy)
            one, other = sampled.costs(np.array([best, number]))
            differences[number] = paired_difference(other, one, confidence)
        own = mean_estimate(sampled.samples[best], study.confidence)
        indifference = scenario.threshold.at(own.mean)
        needed = replications_to_quote(scenario, tasks, indifference, [own, *differences.values()])
        left = sampled.contenders(sampled.everything, indifference)
        numbers = np.unique([*left, best, *differences])
        count = int(counts[numbers].min())
        more = next_number(count, needed, study.at_most)
        affordable = study.calls is None or numbers.size * more * calls <= study.calls
        if fixed is not None or more == count or not affordable:
            return differences, needed
        sampler.extend([(sampled, numbers, more)], 0.1)


def _one_of_each_kind(strategies: Sequence[Strategy], tasks: int) -> list[Strategy]:
    """Return the best of each kind other than that of the best one, or else the second best, of a ranking.

    If the best is paced, kinds that run tasks together count twice, with and without pacing.
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
