"""Explains a decision at the scenario as it is written: cost breakdown, switching values and sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dispatch_sim.decide.cost_breakdown import Comparison, cost_breakdown
from dispatch_sim.decide.findings import Findings, basis
from dispatch_sim.decide.grid import make_grid_point, warn_about_limits, without_factors
from dispatch_sim.decide.parameters import Parameter, find_parameters, parameter_at, with_range
from dispatch_sim.decide.ranking import ranked
from dispatch_sim.decide.sensitivity import Swing, around, find_swings
from dispatch_sim.decide.switching_values import SwitchingValue, find_switching_values
from dispatch_sim.decide.winners import Winner, find_winner
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.study.design import Design, DesignError
from dispatch_sim.study.objectives import OBJECTIVES, column_of, costs_of
from dispatch_sim.study.runner import OnProgress, simulate_design


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation(Findings):
    """The reasons for a decision, and what would change it.

    Attributes
    ----------
    tasks : size of the batch.
    winner : the recommended strategy, and whether it is significantly the best.
    rival : the best strategy of another kind, or else the second best.
    comparisons : of the rival, and then of the best strategy of each further kind.
    swings : the tornado, the largest first.
    switching_values : of each key, to any other strategy and to another kind of strategy.
    """

    tasks: int
    winner: Winner
    rival: Strategy
    comparisons: tuple[Comparison, ...]
    swings: tuple[Swing, ...]
    switching_values: tuple[SwitchingValue, ...]

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
    replications : of each strategy at each value; default: the scenario's.
    jobs : threads of the compiled engine; results do not depend on it.
    on_progress : called with the grid points done and all of them.

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
    count = replications or scenario.study.first
    here = make_grid_point(source, {})
    if len(here.strategies) == 1:
        raise DesignError("there is only one strategy for this batch; name more strategies to compare")
    measures = simulate_design(Design((), (here.variant,), count), jobs)
    objective, confidence = OBJECTIVES[scenario.objective.minimise], scenario.study.confidence
    costs = costs_of(measures, objective)
    indifference = scenario.threshold.at(float(costs.mean(axis=1).min()))
    order = ranked(here.strategies, costs.mean(axis=1).tolist(), here.tasks)
    winner = find_winner(here.strategies, costs, here.tasks, confidence, indifference)
    recommended, rival = winner.strategy, winner.rival or here.strategies[order[1]]

    def compared(strategy: Strategy) -> Comparison:
        pair = [order[0], here.strategies.index(strategy)]
        difference = paired_difference(costs[pair[1]], costs[pair[0]], confidence)
        if objective != column_of(objective):  # only means add up
            return Comparison(strategy, difference, ())
        components = cost_breakdown(scenario, objective, measures[pair], confidence)
        return Comparison(strategy, difference, tuple(components))

    others = _one_of_each_kind([here.strategies[number] for number in order], here.tasks, recommended, rival)
    comparisons = tuple(map(compared, others))
    switching_values = find_switching_values(
        source, parameters, recommended, replications=count, jobs=jobs, on_progress=on_progress
    )
    varied = [p if p.path in stated else around(p) for p in parameters]
    swings = find_swings(source, varied, (recommended, rival), replications=count, jobs=jobs)
    return Explanation(
        **basis(scenario, count, indifference),
        tasks=here.tasks,
        winner=winner,
        rival=rival,
        comparisons=comparisons,
        swings=tuple(swings),
        switching_values=tuple(switching_values),
    )


def _varied(source: Source, path: str) -> Parameter:
    parameter = parameter_at(source, path)
    if parameter.is_off:
        raise DesignError(f"{path}: the scenario has no value there to start from; give it one")
    return parameter


def _one_of_each_kind(
    strategies: Sequence[Strategy], tasks: int, best: Strategy, rival: Strategy
) -> list[Strategy]:
    """Return the rival, and the best of each kind that is neither its nor the recommended one's.

    If the recommended one is paced, kinds that run tasks together count twice, with and without pacing.

    Parameters
    ----------
    strategies : from the best to the worst.
    """

    def group(strategy: Strategy) -> tuple[str, str]:
        kind = strategy.kind_in(tasks)
        return kind, "none" if kind in ("solo", "sequential") or best.pace == "none" else strategy.pace

    found = {group(rival): rival}
    for strategy in strategies:
        if group(strategy) != group(best):
            found.setdefault(group(strategy), strategy)
    return list(found.values())
