"""A quick answer, from few replications: first of all strategies, then of those that may still be the best.

The number of replications depends on the size of the batch alone, so the same question has the same answer
everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.binding import Binding, find_binding
from dispatch_sim.decide.grid import GridPoint, make_grid_point, warn_about_limits
from dispatch_sim.decide.winners import Winner, find_winner
from dispatch_sim.display import Displayed
from dispatch_sim.model.events import Activity
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.plan import Plan
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.percentile import MIN_REPLICATIONS
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.engines import choose_engine, simulate_one
from dispatch_sim.study.objectives import OBJECTIVES, column_of, costs_of
from dispatch_sim.study.runner import simulate_chunk, simulate_design

FIRST_LOOK = 16
"""Replications of all strategies; a percentile takes `percentile.MIN_REPLICATIONS`."""

MAX_REPLICATIONS = 256
"""Of the strategies that are left after that."""

EFFORT = 9000
"""Model calls that all runs together may come to, beyond the first look: some 0.3 s."""

TO_BIND = 8
"""Replications of the recommended strategy with and without each resource."""

MUCH_COORDINATION = 0.2
"""Share of the makespan above which the coordinator's work is reported."""


@dataclass(frozen=True)
class Candidate:
    """A strategy that was compared.

    Attributes
    ----------
    strategy : the strategy.
    means : of every measure.
    difference : of the objective from the recommended strategy, over the replications that both have.
    replications : the number of these.
    """

    strategy: Strategy
    means: Mapping[str, float]
    difference: float
    replications: int


@dataclass(frozen=True)
class Coordination:
    """The coordinator's share of the makespan, and the answer with a script in its place.

    Attributes
    ----------
    briefs, merges : shares of the makespan of the recommended strategy.
    script : the answer to the same question with `manager: script`.
    """

    briefs: float
    merges: float
    script: QuickAnswer

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        with_script = self.script.to_json()["strategies"][0]
        keys = ("strategy", "concurrency", "means")
        return {
            "briefs": self.briefs,
            "merges": self.merges,
            "with_script": {key: with_script[key] for key in keys},
        }


@dataclass(frozen=True)
class QuickAnswer(Displayed):
    """The recommended strategy for a question, and what it rests on.

    Attributes
    ----------
    scenario : the question as a scenario.
    winner : the recommended strategy, and whether it is significantly the best.
    candidates : all strategies that were compared, the best first.
    objective : the measure that is minimised.
    binding : the binding resource of the recommended strategy.
    coordination : None where the coordinator works for no more than `MUCH_COORDINATION` of the makespan, or
        a script is not better.
    """

    scenario: Scenario
    winner: Winner
    candidates: tuple[Candidate, ...]
    objective: str
    binding: Binding
    coordination: Coordination | None = None

    def __repr__(self) -> str:
        return f"<QuickAnswer: {self.recommended} for {self.tasks:,} tasks>"

    @property
    def recommended(self) -> Strategy:
        """The recommended strategy."""
        return self.winner.strategy

    @property
    def best(self) -> Candidate:
        """The recommended strategy, with its means."""
        return self.candidates[0]

    @property
    def tasks(self) -> int:
        """Size of the batch."""
        return self.scenario.batch_size

    @property
    def by_script(self) -> bool:
        """Whether a script dispatches the tasks, in all strategies."""
        return all(strategy.manager == "script" for strategy in self.scenario.strategies)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.recommended.to_json(self.tasks),
            "standing": str(self.winner.standing),
            "best_subset": [strategy.to_json(self.tasks) for strategy in self.winner.best_subset],
            "objective": self.objective,
            "replications": self.best.replications,
            "seed": self.scenario.study.seed,
            "confidence": self.scenario.study.confidence,
            "strategies": [
                {
                    **each.strategy.to_json(self.tasks),
                    "difference": each.difference,
                    "replications": each.replications,
                    "means": {name: each.means[name] for name in OBJECTIVES.values() if name in each.means},
                }
                for each in self.candidates
            ],
            "binding": self.binding.to_json(),
            "coordination": self.coordination and self.coordination.to_json(),
            "scenario": self.scenario.resolved(),
        }


def answer_quickly(source: Source, by_script: Callable[[], Source]) -> QuickAnswer:
    """Answer a question.

    Parameters
    ----------
    source : the question as a scenario.
    by_script : returns the same with a script as the manager.
    """
    found, plan = _answer(source)
    warn_about_limits(found.scenario)
    return replace(found, coordination=_coordination(by_script, plan, found.winner.mean))


def _answer(source: Source) -> tuple[QuickAnswer, Plan]:
    """Return an answer without its coordination, and the plan of the recommended strategy."""
    point = make_grid_point(source, {})
    scenario, strategies = point.variant.scenario, point.strategies
    objective = OBJECTIVES[scenario.objective.minimise]
    first = FIRST_LOOK if objective == column_of(objective) else MIN_REPLICATIONS
    rows = _simulate(point, range(len(strategies)), range(first))
    # What is screened out twice is screened out with half the error each time.
    confidence = 1 - (1 - scenario.study.confidence) / 2
    winner = find_winner(strategies, costs_of(rows, objective), point.tasks, confidence, scenario.threshold)
    left = [i for i, each in enumerate(strategies) if each in (*winner.best_subset, winner.rival)]
    measures = dict(zip(strategies, rows, strict=True))
    calls = sum(group.count * max(1.0, group.calls.mean) for group in scenario.tasks)
    affordable = (EFFORT - first * len(strategies) * calls) / (len(left) * calls)
    more = range(first, int(min(MAX_REPLICATIONS, first + affordable)))
    if more and len(left) > 1:
        for number, rest in zip(left, _simulate(point, left, more), strict=True):
            measures[strategies[number]] = np.concatenate([rows[number], rest])
        kept = [strategies[number] for number in left]
        costs = costs_of(np.stack([measures[strategy] for strategy in kept]), objective)
        winner = find_winner(kept, costs, point.tasks, confidence, scenario.threshold)
    best = measures[winner.strategy]
    candidates = [
        Candidate(
            strategy,
            dict(zip(MEASURES, each.mean(axis=0).tolist(), strict=True)),
            _mean(each, objective) - _mean(best[: len(each)], objective),
            len(each),
        )
        for strategy, each in measures.items()
    ]
    candidates.sort(key=lambda each: (each.strategy != winner.strategy, each.difference))
    plan = point.variant.plans[strategies.index(winner.strategy)]
    engine = choose_engine(Design((), (point.variant,), first))  # the one that is loaded
    plan = replace(plan, scenario=scenario.model_copy(update={"engine": engine}))
    return QuickAnswer(scenario, winner, tuple(candidates), objective, find_binding(plan, TO_BIND)), plan


def _coordination(by_script: Callable[[], Source], plan: Plan, mean: float) -> Coordination | None:
    """Return the coordinator's share of the makespan, if it is large and a script does better than a mean."""
    if plan.strategy.manager == "script":
        return None
    replications = max(1, min(FIRST_LOOK, 500 // len(plan.tasks)))
    outcomes, logs = zip(*(simulate_one(plan, number) for number in range(replications)), strict=True)
    makespans_s = sum(outcome.makespan_s for outcome in outcomes)
    briefs, merges = (
        sum(event.end_s - event.start_s for log in logs for event in log if event.kind is kind) / makespans_s
        for kind in (Activity.TURN, Activity.MERGE)
    )
    if briefs + merges <= MUCH_COORDINATION:
        return None
    script, _ = _answer(by_script())
    return Coordination(briefs, merges, script) if script.winner.mean < mean else None


def _mean(measures: NDArray[np.float64], objective: str) -> float:
    return float(costs_of(measures[None], objective).mean())


def _simulate(point: GridPoint, numbers: Sequence[int], replications: range) -> NDArray[np.float64]:
    """Return the measures of some strategies, shape (strategies, replications, measures)."""
    variant = Variant((), point.variant.scenario, tuple(point.variant.plans[number] for number in numbers))
    design = Design((), (variant,), replications.stop)
    if choose_engine(design) == "simpy":
        return simulate_chunk(design, replications)
    return simulate_design(design)[:, replications.start :]
