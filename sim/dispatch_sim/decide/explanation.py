"""Why the recommended way wins, and what the decision hangs on, at the scenario as it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict

from dispatch_sim.decide.cost_breakdown import Comparison, Part, find_parts
from dispatch_sim.decide.grid import find_place, without_factors
from dispatch_sim.decide.parameters import Parameter, find_parameters, parameter_at, with_range
from dispatch_sim.decide.ranking import ranked
from dispatch_sim.decide.sensitivity import Swing, around, find_swings
from dispatch_sim.decide.switching_values import Flip, find_flips
from dispatch_sim.decide.winners import Winner, find_winner
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.study.design import Design, DesignError
from dispatch_sim.study.objectives import OBJECTIVES, column_of, costs_of
from dispatch_sim.study.runner import OnProgress, simulate_design


@dataclass(frozen=True)
class Explanation(Displayed):
    """What a decision comes from, and what would change it.

    Attributes
    ----------
    name : of the scenario.
    tasks : size of the batch.
    winner : the recommended way, and how surely it is the best.
    rival : the best way of another kind, or else the second best.
    comparisons : what the rival has more, and then the best way of each further kind, part by part.
    swings : the tornado, the largest first.
    flips : what would flip the decision, key by key.
    objective, confidence, indifference, replications, seed, sha256 : what it rests on.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    name: str
    tasks: int
    winner: Winner
    rival: Strategy
    comparisons: tuple[Comparison, ...]
    swings: tuple[Swing, ...]
    flips: tuple[Flip, ...]
    objective: str
    confidence: float
    indifference: float
    replications: int
    seed: int
    sha256: str

    @property
    def recommended(self) -> Strategy:
        """The recommended way."""
        return self.winner.strategy

    @property
    def difference(self) -> Estimate:
        """What the rival has more."""
        return self.comparisons[0].difference

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "scenario": self.name,
            "sha256": self.sha256,
            "seed": self.seed,
            "replications": self.replications,
            "objective": self.objective,
            "confidence": self.confidence,
            "indifference": self.indifference,
            "tasks": self.tasks,
            "recommended": self.recommended.to_json(),
            "standing": str(self.winner.standing),
            "rival": self.rival.to_json(),
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "one_at_a_time": [swing.to_json() for swing in self.swings],
            "flips": [flip.to_json() for flip in self.flips],
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
    source : the scenario, or its file.
    ranges : keys by path, each with the range to try (``1K..1M``), in place of those around their values.
    replications : of each way at each value; default: the scenario's.
    jobs : workers; the answer does not depend on it.
    on_progress : called with the places of the search that are played and all of them.

    Raises
    ------
    ScenarioError, ParameterError, DesignError
        With a message for the user.
    KeyboardInterrupt
        Where interrupted.
    """
    source = without_factors(source)
    scenario = source.scenario()
    stated = {path: with_range(_varied(source, path), text) for path, text in (ranges or {}).items()}
    parameters = [stated.pop(p.path, p) for p in find_parameters(source)]
    parameters += stated.values()
    count = replications or scenario.study.first
    here = find_place(source, {})
    measures = simulate_design(Design((), (here.variant,), count), jobs)
    objective, confidence = OBJECTIVES[scenario.objective.minimise], scenario.study.confidence
    costs = costs_of(measures, objective)
    indifference = scenario.threshold.at(float(costs.mean(axis=1).min()))
    if len(here.strategies) == 1:
        raise DesignError("there is only one way to dispatch this batch; name more strategies to compare")
    order = ranked(here.strategies, costs.mean(axis=1).tolist(), here.tasks)
    winner = find_winner(here.strategies, costs, here.tasks, confidence, indifference)
    recommended, rival = winner.strategy, winner.rival or here.strategies[order[1]]
    best = order[0]
    comparisons = []
    for strategy in _one_of_each_kind(
        [here.strategies[number] for number in order], here.tasks, recommended, rival
    ):
        pair = [best, here.strategies.index(strategy)]
        difference = paired_difference(costs[pair[1]], costs[best], confidence)
        parts: list[Part] = []  # a percentile has none: only means add up
        if objective == column_of(objective):
            parts = find_parts(scenario, objective, measures[pair], confidence)
        comparisons.append(Comparison(strategy, difference, tuple(parts)))
    flips = find_flips(
        source, parameters, recommended, replications=count, jobs=jobs, on_progress=on_progress
    )
    varied = [p if p.path in (ranges or {}) else around(p) for p in parameters]
    swings = find_swings(source, varied, (recommended, rival), replications=count, jobs=jobs)
    return Explanation(
        name=scenario.name,
        tasks=here.tasks,
        winner=winner,
        rival=rival,
        comparisons=tuple(comparisons),
        swings=tuple(swings),
        flips=tuple(flips),
        objective=objective,
        confidence=confidence,
        indifference=indifference,
        replications=count,
        seed=scenario.study.seed,
        sha256=scenario.fingerprint,
    )


def _varied(source: Source, path: str) -> Parameter:
    parameter = parameter_at(source, path)
    if parameter.value != parameter.value:
        raise DesignError(f"{path}: the scenario has no value there to start from; give it one")
    return parameter


def _one_of_each_kind(
    strategies: Sequence[Strategy], tasks: int, best: Strategy, rival: Strategy
) -> list[Strategy]:
    """Return the rival, and the best of each kind that is neither its nor the recommended one's.

    Parameters
    ----------
    strategies : from the best to the worst.
    """
    found = {rival.kind_in(tasks): rival}
    for strategy in strategies:
        if (kind := strategy.kind_in(tasks)) != best.kind_in(tasks):
            found.setdefault(kind, strategy)
    return list(found.values())
