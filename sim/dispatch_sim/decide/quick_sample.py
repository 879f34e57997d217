"""The sample of a quick answer: the same replications of some strategies, as many as calls allow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.constraints import Feasibility, Limits, Verdict, judge_feasibility
from dispatch_sim.decide.winners import Winner, find_winner
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.stats.percentile import MIN_REPLICATIONS
from dispatch_sim.stats.screening import Screening, screen
from dispatch_sim.study.design import Design
from dispatch_sim.study.engines import choose_engine
from dispatch_sim.study.objectives import OBJECTIVES, as_means, column_of, estimate_of
from dispatch_sim.study.runner import all_cores, simulate

MAX_CALLS = 6_000_000
"""Model calls that all runs of a question come to at most, about: half a second of two cores."""

FIRST_SHARE = 1 / 3
"""The most of these that are for all strategies, before some are dropped."""

LEAST = 4
"""Fewest replications, of a batch so large that there are too few to drop a strategy."""

MANY_FAILURES = 0.02
"""Share of the tasks that people complete with one strategy and not with another, above which the bill of the
one is lower because tasks fail."""

LOW_BY_FAILING = ("money_usd", "tokens")
"""Objectives that are lower where tasks fail, as people's work is no part of them."""

_COLUMNS = (*dict.fromkeys(map(column_of, OBJECTIVES.values())), "manual_completions")


@dataclass(frozen=True)
class Sample:
    """The same replications of some strategies of a question.

    Attributes
    ----------
    scenario : the question.
    strategies : in the order of the design.
    values : shape (strategies, replications, columns), of `_COLUMNS`.
    compared : number of strategies of the question, those that were dropped included.
    """

    scenario: Scenario
    strategies: tuple[Strategy, ...]
    values: NDArray[np.float64]
    compared: int

    @property
    def objective(self) -> str:
        """The measure that is minimised."""
        return OBJECTIVES[self.scenario.objective.minimise]

    @property
    def replications(self) -> int:
        """Number of replications."""
        return int(self.values.shape[1])

    @property
    def column(self) -> NDArray[np.float64]:
        """The column that the objective is computed from, shape (strategies, replications)."""
        return self.values[:, :, _COLUMNS.index(column_of(self.objective))]

    @cached_property
    def costs(self) -> NDArray[np.float64]:
        """Values whose means are the objective, shape (strategies, replications)."""
        return np.stack([as_means(self.objective, each) for each in self.column])

    @property
    def limits(self) -> Limits | None:
        """The deadline and the budget; None where there are none."""
        return Limits.of(self.scenario.objective.model_dump())

    def _confidence(self, some: int, all_: int) -> float:
        """Return that of some intervals together: each has its part of the error of all.

        With limits, half of the error is for differences, and half for feasibility.
        """
        error = (1 - self.scenario.study.confidence) / (1 if self.limits is None else 2)
        return 1 - error * some / max(all_, 1)

    @cached_property
    def feasibility(self) -> dict[Strategy, Feasibility]:
        """How often each strategy meets the limits; empty where there are none."""
        if self.limits is None:
            return {}
        bounds = [(_COLUMNS.index(name), bound) for name, bound in self.limits.bounds.items()]
        meets = {
            strategy: np.all([rows[:, column] <= bound for column, bound in bounds], axis=0)
            for strategy, rows in zip(self.strategies, self.values, strict=True)
        }
        confidence = self._confidence(len(meets), self.compared)
        return judge_feasibility(meets, self.limits.probability, confidence)

    def _may_win(self) -> list[int]:
        """Return the feasible strategies; without such, the undecided ones, else the nearest."""
        if not self.feasibility:
            return list(range(len(self.strategies)))
        verdicts = [one.verdict for one in self.feasibility.values()]
        for wanted in ("feasible", "undecided"):
            if wanted in verdicts:
                return [number for number, verdict in enumerate(verdicts) if verdict == wanted]
        shares = [one.share.mean for one in self.feasibility.values()]
        return [number for number, share in enumerate(shares) if share == max(shares)]

    @cached_property
    def winner(self) -> Winner:
        """The best strategy, among those that meet the limits."""
        numbers = self._may_win()
        strategies, costs = [self.strategies[number] for number in numbers], self.costs[numbers]
        tasks, threshold = self.scenario.batch_size, self.scenario.threshold
        confidence = self._confidence(len(numbers) - 1, self.compared - 1)
        return find_winner(strategies, costs, tasks, confidence, threshold)

    @cached_property
    def reference(self) -> Strategy:
        """The strategy whose bill is not low because tasks fail: the best one.

        Where bills or tokens are minimised, it is the best of those with the fewest tasks that fail.
        """
        if self.objective not in LOW_BY_FAILING:
            return self.winner.strategy
        numbers = np.array(self._may_win())
        manual = self.values[numbers, :, _COLUMNS.index("manual_completions")].mean(axis=1)
        few = numbers[manual <= manual.min() + MANY_FAILURES * self.scenario.batch_size]
        return self.strategies[int(few[self.costs[few].mean(axis=1).argmin()])]

    def of(self, numbers: Collection[int]) -> Sample:
        """Return the sample of some strategies."""
        kept = sorted(numbers)
        return replace(
            self, strategies=tuple(self.strategies[number] for number in kept), values=self.values[kept]
        )

    def means(self, number: int) -> dict[str, float]:
        """Return the means of a strategy."""
        return dict(zip(_COLUMNS, self.values[number].mean(axis=0).tolist(), strict=True))

    def estimate(self, number: int) -> Estimate:
        """Estimate the objective of a strategy."""
        return estimate_of(self.objective, self.column[number], self.scenario.study.confidence)

    def against(self, best: Strategy) -> tuple[list[int], Screening]:
        """Return the numbers of all strategies but one, the nearest first, and their differences from it.

        Those that miss the limits come last.
        """
        one = self.strategies.index(best)
        others = [number for number in range(len(self.strategies)) if number != one]
        others.sort(key=lambda number: (self.misses(number), self.costs[number].mean(), number))
        threshold = self.scenario.threshold.at(float(self.costs[one].mean()))
        confidence = self._confidence(len(others), self.compared - 1)
        return others, screen(self.costs[others], self.costs[one], confidence, threshold)

    def verdict(self, number: int) -> Verdict | None:
        """Return whether a strategy is shown to meet the limits; None where there are none."""
        found = self.feasibility.get(self.strategies[number])
        return None if found is None else found.verdict

    def misses(self, number: int) -> bool:
        """Whether a strategy is shown to miss the limits."""
        return self.verdict(number) == "infeasible"

    def strategies_to_extend(self) -> Iterator[int]:
        """Yield the strategies that may be the best with more replications, and others that are quoted.

        Where the best one may miss the limits, all others that do not may be the best. The reference is
        quoted, and the best of each kind without pacing.
        """
        best = self.winner.strategy
        others, screened = self.against(best)
        verdict = self.verdict(self.strategies.index(best))
        yield self.strategies.index(best)
        yield self.strategies.index(self.reference)
        is_open = verdict in ("undecided", "infeasible")
        shown, has_rival = {best.at(None)}, False
        for at, number in enumerate(others):
            kind = self.strategies[number].at(None)
            differs = not screened.is_same[at]
            may_be_best = (screened.is_contender[at] or is_open) and not self.misses(number)
            is_rival = differs and self.verdict(number) == verdict
            is_nearest = is_rival and not has_rival
            if (differs and may_be_best) or is_nearest or (kind.pace == "none" and kind not in shown):
                yield number
            has_rival |= is_rival
            shown.add(kind)


def affordable_runs(design: Design) -> float:
    """Return how many runs a question may have."""
    return MAX_CALLS / design.plans[0].calls


def first_sample(design: Design, replications: int) -> Sample:
    """Simulate all strategies, in fewer replications if that would take too long."""
    scenario = design.variants[0].scenario
    affordable = FIRST_SHARE * affordable_runs(design) / design.points
    if affordable < MIN_REPLICATIONS:  # to drop a strategy
        objective = OBJECTIVES[scenario.objective.minimise]
        least = LEAST if objective == column_of(objective) else MIN_REPLICATIONS
        affordable = max(least, affordable_runs(design) / design.points)
    first = int(min(replications, affordable))
    strategies = tuple(plan.strategy for plan in design.variants[0].plans)
    values = simulate_strategies(design, range(design.points), range(first))
    return Sample(scenario, strategies, values, len(strategies))


def simulate_strategies(design: Design, numbers: Sequence[int], replications: range) -> NDArray[np.float64]:
    """Simulate some strategies; shape (strategies, replications, columns)."""
    part = replace(design.part(numbers), replications=replications.stop)
    columns = [MEASURES.index(name) for name in _COLUMNS]
    found = np.empty((part.points, len(replications), len(columns)))

    def keep(chunk: range, values: NDArray[np.float64]) -> None:
        found[:, chunk.start - replications.start : chunk.stop - replications.start] = values

    engine = choose_engine(part, replications.start)
    simulate(part, [replications], engine, all_cores(), lambda values: values[:, :, columns], keep)
    return found
