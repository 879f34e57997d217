"""The sample of a quick answer: the same replications of some strategies, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.constraints import Feasibility, Limits, Verdict, eligible, judge_feasibility
from dispatch_sim.decide.rare_events import replications_to_quote
from dispatch_sim.decide.winners import LOW_BY_FAILING, find_winner, with_few_failures
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.stats.percentile import MIN_REPLICATIONS
from dispatch_sim.stats.screening import Screening, screen
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.objectives import OBJECTIVES, as_means, column_of, estimate_of
from dispatch_sim.study.runner import all_cores, simulate_design

MAX_CALLS = 6_000_000
"""Model calls that all runs of a question come to at most, about: half a second of two cores."""

FIRST_SHARE = 1 / 3
"""The most of these that are for all strategies, before some are dropped."""

LEAST = 4
"""Fewest replications, of a batch so large that there are too few to drop a strategy."""

_COLUMNS = (*dict.fromkeys(map(column_of, OBJECTIVES.values())), "manual_completions")


@dataclass(frozen=True)
class Candidate:
    """A strategy that was compared.

    `means` are of every measure that can be minimised, and of the tasks that people complete; the estimate is
    of the objective. The difference from the recommended strategy is paired, and simultaneous over all
    candidates. Without limits it has no feasibility.
    """

    strategy: Strategy
    means: Mapping[str, float]
    estimate: Estimate
    difference: Estimate
    feasibility: Feasibility | None = None

    @property
    def is_identical(self) -> bool:
        """Whether it equals the recommended strategy in every replication."""
        return self.difference.low == self.difference.high == 0

    @property
    def verdict(self) -> Verdict | None:
        """Whether it is shown to meet the limits; None where there are none."""
        return None if self.feasibility is None else self.feasibility.verdict

    @property
    def misses_limits(self) -> bool:
        """Whether it is shown to miss the limits."""
        return self.verdict == "infeasible"


class Sample:
    """The same replications of some strategies of a question, and what follows from them.

    Attributes
    ----------
    variant, scenario : the question, with a plan for each of its strategies.
    objective, limits : the measure that is minimised, and the deadline and the budget, if any.
    values : of each strategy of the sample, shape (replications, columns), of `_COLUMNS`.
    costs : values whose means are the objective, along the replications.
    feasibility : how often each strategy meets the limits; empty where there are none.
    winner : the best of the strategies to choose from; see `eligible`.
    reference : the strategy whose bill is not low because tasks fail: the best one or, where bills or tokens
        are minimised, the best of those with the fewest tasks that fail.
    """

    def __init__(self, variant: Variant, values: Mapping[Strategy, NDArray[np.float64]]) -> None:
        self.variant, self.values, self.scenario = variant, values, variant.scenario
        self.objective = OBJECTIVES[self.scenario.objective.minimise]
        self.limits = Limits.of(self.scenario.objective.model_dump())
        self.replications = len(next(iter(values.values())))
        tasks, column = self.scenario.batch_size, column_of(self.objective)
        self.costs = {each: as_means(self.objective, self._column(column, each)) for each in values}
        self.feasibility = self._feasibility()
        choosable = eligible(self.feasibility) if self.feasibility else list(values)
        costs = np.stack([self.costs[each] for each in choosable])
        confidence = self._confidence(len(costs) - 1, len(variant.plans) - 1)
        self.winner = find_winner(choosable, costs, tasks, confidence, self.scenario.threshold)
        self.reference = self.winner.strategy
        if self.objective in LOW_BY_FAILING:
            manual = {each: self._column("manual_completions", each).mean() for each in choosable}
            few = with_few_failures(manual, tasks)
            self.reference = min(few, key=lambda strategy: self.costs[strategy].mean())

    def _column(self, name: str, strategy: Strategy) -> NDArray[np.float64]:
        return self.values[strategy][:, _COLUMNS.index(name)]

    def _confidence(self, some: int, all_: int) -> float:
        """Return that of some intervals together: each has its part of the error of all.

        With limits, half of the error is for differences, and half for feasibility.
        """
        error = (1 - self.scenario.study.confidence) / (1 if self.limits is None else 2)
        return 1 - error * some / max(all_, 1)

    def _feasibility(self) -> dict[Strategy, Feasibility]:
        if self.limits is None:
            return {}
        bounds = self.limits.bounds.items()
        meets = {
            strategy: np.all([self._column(name, strategy) <= bound for name, bound in bounds], axis=0)
            for strategy in self.values
        }
        confidence = self._confidence(len(meets), len(self.variant.plans))
        return judge_feasibility(meets, self.limits.probability, confidence)

    def _verdict(self, strategy: Strategy) -> Verdict | None:
        found = self.feasibility.get(strategy)
        return None if found is None else found.verdict

    def means(self, strategy: Strategy) -> dict[str, float]:
        """Return the means of a strategy."""
        return dict(zip(_COLUMNS, self.values[strategy].mean(axis=0).tolist(), strict=True))

    def against(self, best: Strategy) -> tuple[list[Strategy], Screening]:
        """Return all strategies but one, the nearest first, and their differences from it.

        Those that miss the limits come last.
        """
        others = [each for each in self.values if each != best]
        others.sort(key=lambda each: (self._verdict(each) == "infeasible", self.costs[each].mean()))
        threshold = self.scenario.threshold.at(float(self.costs[best].mean()))
        confidence = self._confidence(len(others), len(self.variant.plans) - 1)
        return others, screen([self.costs[each] for each in others], self.costs[best], confidence, threshold)

    def candidates(self) -> tuple[Candidate, ...]:
        """Return the strategies, the best first, and how many replications all of them need."""
        scenario, best, column = self.scenario, self.winner.strategy, column_of(self.objective)
        others, screened = self.against(best)
        differences = [Estimate(0.0, 0.0, 0.0, self.replications)]
        differences += map(screened.difference, range(len(others)))
        estimates = [
            estimate_of(self.objective, self._column(column, each), scenario.study.confidence)
            for each in (best, *others)
        ]
        indifference = scenario.threshold.at(self.winner.mean)
        quoted = [estimates[0], *differences]
        needed = replications_to_quote(scenario, scenario.batch_size, indifference, quoted)
        return tuple(
            Candidate(
                strategy,
                self.means(strategy),
                replace(estimate, needed=needed),
                replace(difference, needed=needed),
                self.feasibility.get(strategy),
            )
            for strategy, estimate, difference in zip((best, *others), estimates, differences, strict=True)
        )

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
        quoted, and the best of each kind without pacing.
        """
        best = self.winner.strategy
        others, screened = self.against(best)
        verdict = self._verdict(best)
        yield best
        yield self.reference
        is_open = verdict in ("undecided", "infeasible")
        shown, has_rival = {best.at(None)}, False
        for number, other in enumerate(others):
            differs = not screened.is_same[number]
            may_be_best = (screened.is_contender[number] or is_open) and self._verdict(other) != "infeasible"
            is_rival = differs and self._verdict(other) == verdict
            is_shown = other.pace != "none" or other.at(None) in shown
            if (differs and may_be_best) or (is_rival and not has_rival) or not is_shown:
                yield other
            has_rival |= is_rival
            shown.add(other.at(None))


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
