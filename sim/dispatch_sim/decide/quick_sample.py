"""The sample of a quick answer: the same replications of some strategies, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.choice import Choice, choose_among
from dispatch_sim.decide.constraints import Limits, eligible, find_feasibility
from dispatch_sim.decide.rare_events import replications_to_quote
from dispatch_sim.decide.winners import LOW_BY_FAILING, Criterion, find_winner, with_few_failures
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.stats.percentile import MIN_REPLICATIONS
from dispatch_sim.stats.screening import screen
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.objectives import OBJECTIVES, as_means, column_of
from dispatch_sim.study.runner import all_cores, simulate_design

MAX_CALLS = 6_000_000
"""Model calls that all runs of a question come to at most, about: half a second of two cores."""

FIRST_SHARE = 1 / 3
"""The most of these that are for all strategies, before some are dropped."""

LEAST = 4
"""Fewest replications, of a batch so large that there are too few to drop a strategy."""

_COLUMNS = (*dict.fromkeys(map(column_of, OBJECTIVES.values())), "manual_completions")


class Sample:
    """The same replications of some strategies of a question, and what follows from them.

    Attributes
    ----------
    variant, scenario : the question, with a plan for each of its strategies.
    values : of each strategy of the sample, shape (replications, columns), of `_COLUMNS`.
    replications : their number.
    costs : of each strategy, values whose means are the objective, along the replications.
    choice : the best strategy, and all others; the estimates know how many replications all of them need.
    winner : the best of the strategies to choose from; see `eligible`.
    reference : the strategy whose bill is not low because tasks fail: the best one or, where bills or tokens
        are minimised, the best of those with the fewest tasks that fail.
    """

    def __init__(self, variant: Variant, values: Mapping[Strategy, NDArray[np.float64]]) -> None:
        self.variant, self.values = variant, values
        self.scenario = variant.scenario
        self.replications = len(next(iter(values.values())))
        scenario, tasks, plans = self.scenario, self.scenario.batch_size, len(variant.plans)
        limits = Limits.of(scenario.objective.model_dump())
        # With limits, half of the error is for differences, and half for feasibility.
        self._error = (1 - scenario.study.confidence) / (1 if limits is None else 2)
        bounds = limits.bounds if limits is not None else {}
        bounded = {name: {each: self._column(name, each) for each in values} for name in bounds}
        feasibility = find_feasibility(bounded, limits, 1 - self._error * len(values) / plans)
        criterion = Criterion(
            OBJECTIVES[scenario.objective.minimise], scenario.study.confidence, scenario.threshold
        )
        raw = {each: self._column(column_of(criterion.objective), each) for each in values}
        self.costs = {each: as_means(criterion.objective, sample) for each, sample in raw.items()}
        choosable = eligible(feasibility) if feasibility else list(values)
        costs = np.stack([self.costs[each] for each in choosable])
        self.winner = find_winner(choosable, costs, tasks, self._confidence(len(costs)), scenario.threshold)
        confidence = self._confidence(len(values))
        choice = choose_among(raw, tasks, criterion, confidence, feasibility, limits, {})
        quoted = [choice.estimate, *(other.difference for other in choice.alternatives)]
        self.choice = _needing(choice, replications_to_quote(scenario, tasks, choice.indifference, quoted))
        self.reference = choice.strategy
        if criterion.objective in LOW_BY_FAILING:
            manual = {each: self._column("manual_completions", each).mean() for each in choosable}
            few = with_few_failures(manual, tasks)
            self.reference = min(few, key=lambda strategy: self.costs[strategy].mean())

    def _column(self, name: str, strategy: Strategy) -> NDArray[np.float64]:
        return self.values[strategy][:, _COLUMNS.index(name)]

    def _confidence(self, strategies: int) -> float:
        """Return that of the differences of some strategies: each has its part of the error of all."""
        return 1 - self._error * (strategies - 1) / max(len(self.variant.plans) - 1, 1)

    def means(self, strategy: Strategy) -> dict[str, float]:
        """Return the means of every measure that can be minimised, and of the tasks that people complete."""
        return dict(zip(_COLUMNS, self.values[strategy].mean(axis=0).tolist(), strict=True))

    def differences(self, best: Strategy) -> dict[Strategy, Estimate]:
        """Return the differences of all other strategies from one, in the order of this sample's choice."""
        others = [each for each in self.choice.strategies if each != best]
        confidence = self._confidence(len(self.values))
        screened = screen([self.costs[each] for each in others], self.costs[best], confidence)
        return {other: screened.difference(number) for number, other in enumerate(others)}

    def of(self, strategies: Collection[Strategy]) -> Sample:
        """Return the sample of some strategies."""
        return Sample(self.variant, {each: self.values[each] for each in self.values if each in strategies})

    def extended(self, replications: int) -> Sample:
        """Return the sample with a larger number of replications, which are simulated."""
        more = _simulate(self.variant, self.values, range(self.replications, replications))
        return Sample(
            self.variant, {each: np.concatenate([rows, more[each]]) for each, rows in self.values.items()}
        )

    def strategies_to_extend(self) -> Iterator[Strategy]:
        """Yield the strategies that may be the best with more replications, and others that are quoted.

        Where the best one may miss the limits, all others that do not may be the best. The reference is
        quoted, the nearest rival, and the best of each kind without pacing.
        """
        choice = self.choice
        yield choice.strategy
        yield self.reference
        yield from (other.strategy for other in choice.contenders)
        yield from [other.strategy for other in choice.as_feasible if not other.identical][:1]
        shown = {choice.strategy.at(None)}
        for other in choice.strategies:
            if other.pace == "none" and other.at(None) not in shown:
                yield other
            shown.add(other.at(None))


def _needing(choice: Choice, needed: int) -> Choice:
    """Return a choice whose estimates know about how many replications all of them need."""
    alternatives = [
        replace(
            other,
            estimate=replace(other.estimate, needed=needed),
            difference=replace(other.difference, needed=needed),
        )
        for other in choice.alternatives
    ]
    return replace(choice, estimate=replace(choice.estimate, needed=needed), alternatives=tuple(alternatives))


def affordable_runs(variant: Variant) -> float:
    """Return how many runs a question may have."""
    return MAX_CALLS / variant.plans[0].calls


def first_sample(variant: Variant, replications: int) -> Sample:
    """Simulate all strategies, in fewer replications if that would take too long."""
    strategies = [plan.strategy for plan in variant.plans]
    affordable = FIRST_SHARE * affordable_runs(variant) / len(strategies)
    if affordable < MIN_REPLICATIONS:  # to drop a strategy
        objective = OBJECTIVES[variant.scenario.objective.minimise]
        least = LEAST if objective == column_of(objective) else MIN_REPLICATIONS
        affordable = max(least, affordable_runs(variant) / len(strategies))
    return Sample(variant, _simulate(variant, strategies, range(int(min(replications, affordable)))))


def _simulate(
    variant: Variant, strategies: Collection[Strategy], replications: range
) -> dict[Strategy, NDArray[np.float64]]:
    """Simulate some strategies; each has the shape (replications, columns)."""
    plans = tuple(plan for plan in variant.plans if plan.strategy in strategies)
    design = Design((), (replace(variant, plans=plans),), replications.stop)
    measures = simulate_design(design, all_cores(), replications.start)
    values = measures.take([MEASURES.index(name) for name in _COLUMNS], axis=2)
    return {plan.strategy: each for plan, each in zip(plans, values, strict=True)}
