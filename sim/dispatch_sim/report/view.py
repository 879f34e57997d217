"""An answer at one combination of its further factors: what tables, sentences and figures are made of."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.decide.choice import Alternative, Choice
from dispatch_sim.decide.lower_bound import Bottleneck, find_bottleneck
from dispatch_sim.decide.units import in_base_units
from dispatch_sim.decide.winners import LOW_BY_FAILING, least, with_few_failures
from dispatch_sim.report.format import MEASURES, Measure, confidence
from dispatch_sim.scenario.factors import paths, value_at
from dispatch_sim.scenario.strategy import DEFAULTS, Strategy, parse_strategy, strategy_of
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.study.objectives import as_means, column_of
from dispatch_sim.study.table import factor_combinations


@dataclass(frozen=True)
class View:
    """One combination of further factors.

    Attributes
    ----------
    answer : of the whole study.
    choice : the recommendation here.
    here : the rows of the results' `points` that are of this combination.
    break_evens : those found here, between strategies as they are named.
    """

    answer: Answer
    choice: Choice
    here: pd.DataFrame
    break_evens: tuple[BreakEven, ...]

    @property
    def measure(self) -> Measure:
        """The measure that is to be small."""
        return MEASURES[self.answer.objective]

    @property
    def tasks(self) -> int:
        """Size of the batch that the choice is made for."""
        return self.choice.tasks

    @property
    def recommended(self) -> Strategy:
        """The recommended strategy."""
        return self.choice.strategy

    @property
    def points(self) -> list[Strategy]:
        """All that was simulated at the batch size: the recommended one, others by means, infeasible last."""
        others = sorted(self.choice.alternatives, key=lambda other: (other.infeasible, other.estimate.mean))
        return [self.recommended, *(other.strategy for other in others)]

    @property
    def replications(self) -> str:
        """How many replications the strategies have, a number or a range."""
        return replications([self])

    @property
    def confidence(self) -> str:
        """The confidence level of intervals, in percent."""
        return confidence(self.choice.confidence)

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario, in base units, with the levels of the further factors in their places."""
        found = deepcopy(self.answer.scenario)
        for path, level in self.choice.factors.items():
            for *parents, key in paths(found, path):
                section = value_at(found, parents)
                if isinstance(section, dict) and not isinstance(section.get(key), dict | list):
                    section[key] = in_base_units(level)
        return found

    def alternative(self, strategy: Strategy) -> Alternative | None:
        """Return how one compares with the recommended one; None for that one, and where not simulated."""
        return next((other for other in self.choice.alternatives if other.strategy == strategy), None)

    @cached_property
    def bottleneck(self) -> Bottleneck | None:
        """The binding resource of the recommended strategy, and a lower bound."""
        is_main = self.choice is self.answer.main_choice
        return self.answer.bottleneck if is_main else find_bottleneck(self.answer.results, self.choice)

    @cached_property
    def _estimates(self) -> dict[tuple[Strategy, int, str], Estimate]:
        table = self.answer.estimates
        for factor, value in self.choice.factors.items():
            table = table[table[factor] == value]
        columns = ("strategy", "concurrency", "tasks", "measure", "mean", "low", "high", "n")
        return {
            (strategy_of(label, width, size), size, measure): Estimate(mean, low, high, n)
            for label, width, size, measure, mean, low, high, n in zip(
                *(table[column].tolist() for column in columns), strict=True
            )
        }

    def estimate(self, measure: str, strategy: Strategy, tasks: int | None = None) -> Estimate:
        """Return the mean of a measure at a strategy that was simulated; KeyError elsewhere."""
        return self._estimates[strategy, self.tasks if tasks is None else tasks, measure]

    def mean(self, measure: str, strategy: Strategy) -> float:
        """Return the mean of a measure at a strategy, at the batch size."""
        return self.estimate(measure, strategy).mean

    @cached_property
    def _rows(self) -> dict[tuple[Strategy, int], int]:
        """The row of each strategy and batch size in `here`."""
        keys = zip(*(self.here[name].tolist() for name in ("strategy", "concurrency", "tasks")), strict=True)
        return {(strategy_of(*key), key[2]): row for row, key in enumerate(keys)}

    @cached_property
    def _measures(self) -> dict[str, list[NDArray[np.float64]]]:
        """Those that were read so far, of each design point of the study."""
        return {}

    def samples(self, measure: str, strategy: Strategy, tasks: int | None = None) -> NDArray[np.float64]:
        """Return a measure in each replication of a strategy, in their order. Of a percentile, as means."""
        column = column_of(measure)
        if column not in self._measures:
            self._measures[column] = self.answer.results.samples(column)
        size = self.tasks if tasks is None else tasks
        row = self.here.index[self._rows[strategy, size]]
        return as_means(measure, self._measures[column][row].astype(np.float64))

    def difference(self, measure: str, strategy: Strategy) -> Estimate:
        """Return by how much a measure is larger than with the recommended one, paired by replication."""
        one, two = self.samples(measure, strategy), self.samples(measure, self.recommended)
        common = min(one.size, two.size)
        return paired_difference(one[:common], two[:common], self.choice.confidence)

    def simulated(self, kind: str, tasks: int | None = None) -> list[Strategy]:
        """Return the strategies of a kind at a size, by label and concurrency."""
        size = self.tasks if tasks is None else tasks
        found = [strategy for strategy, of in self._rows if of == size and strategy.kind == kind]
        return sorted(found, key=lambda strategy: (strategy.label, strategy.concurrency_in(size)))

    @property
    def sizes(self) -> list[int]:
        """The batch sizes that were simulated."""
        return sorted({size for _, size in self._rows})

    def first(self, kind: str, tasks: int | None = None) -> Strategy | None:
        """Return the strategy of a kind without a number, the one with default options first."""
        return next(iter(self.simulated(kind, tasks)), None)

    def best(self, kind: str, tasks: int | None = None, of: Strategy | None = None) -> Strategy | None:
        """Return the strategy of a kind, or a variant of one, with the least mean, narrower than the batch.

        Among equals the narrowest, so that chance does not choose between what is the same.
        """
        size = self.tasks if tasks is None else tasks
        narrow = [
            strategy
            for strategy in self.simulated(kind, size)
            if strategy.concurrency_in(size) < size and of in (None, strategy.at(None))
        ]
        return self._least(narrow, size)

    def _least(self, strategies: Sequence[Strategy], tasks: int) -> Strategy | None:
        """Return the strategy with the least mean over the replications in common; see `winners.least`."""
        if not strategies:
            return None
        samples = [self.samples(self.measure.column, strategy, tasks) for strategy in strategies]
        most = max(sample.size for sample in samples)
        padded = [np.pad(each, (0, most - each.size), constant_values=np.nan) for each in samples]
        return least(dict(zip(strategies, padded, strict=True)), self.choice.confidence, tasks)

    def best_adaptive(self) -> Strategy | None:
        """Return the variant of adaptive dispatch with the least mean."""
        return self._least(self.simulated("adaptive"), self.tasks)

    @property
    def best_unpaced(self) -> Alternative | None:
        """The best alternative without pacing that meets the limits as surely as the recommended strategy."""
        unpaced = [each.strategy for each in self.choice.as_feasible if each.strategy.pace == "none"]
        best = self._least(unpaced, self.tasks)
        return None if best is None else self.alternative(best)

    @property
    def reference(self) -> Strategy:
        """The recommended strategy, or the best with few failures if its bill is low because tasks fail."""
        if self.measure.column not in LOW_BY_FAILING:
            return self.recommended
        feasible = (self.recommended, *(other.strategy for other in self.choice.as_feasible))
        manual = {strategy: self.mean("manual_completions", strategy) for strategy in feasible}
        few = with_few_failures(manual, self.tasks)
        best = self.recommended if self.recommended in few else self._least(few, self.tasks)
        assert best is not None  # `few` has the one that needs the fewest manual completions
        return best

    def main_points(self) -> list[Strategy]:
        """Return the alternatives that a reader wants to see side by side, at most six.

        The recommended one, solo, sequential, parallel, the best queue, with pacing and without, adaptive and
        waves, then whatever else may be the best, or comes next.
        """
        wanted = [self.recommended, self.first("solo"), self.first("sequential"), self.first("parallel")]
        wanted += [self.best("queue", of=DEFAULTS["queue"]), self.best("queue"), self.best_adaptive()]
        wanted += [self.best("waves"), *self.choice.best_subset]
        named = dict.fromkeys(strategy for strategy in wanted if strategy is not None)
        most = min(max(3, len(named)), 6)
        kept = list(dict.fromkeys([*named, *self.points]))[:most]
        return [strategy for strategy in self.points if strategy in kept]

    def along(self, axis: str) -> list[BreakEven]:
        """Return the break-evens with the best queue, or along its width, one for each pair of labels."""
        of_axis = [found for found in self.break_evens if found.axis == axis]
        return [b for b in of_axis if axis == "concurrency" or b.is_with_best]

    @property
    def break_even(self) -> BreakEven | None:
        """The first one along tasks: between the variants with the fewest options."""
        return next(iter(self.along("tasks")), None)


def views(answer: Answer) -> list[View]:
    """Return an answer by the combinations of its further factors, in their order."""
    parts = factor_combinations(answer.results.points)
    return [
        View(answer, choice, part, tuple(each for each in answer.break_evens if each.factors == factors))
        for choice, (factors, part) in zip(answer.choices, parts, strict=True)
    ]


def main_view(answer: Answer) -> View:
    """Return the view of the main choice."""
    return next(view for view in views(answer) if view.choice is answer.main_choice)


def simulated(answer: Answer) -> list[Strategy]:
    """Return the strategies of a study, without concurrencies, kinds in their usual order."""
    found = map(parse_strategy, answer.results.points["strategy"].unique())
    return sorted(found, key=lambda strategy: (list(DEFAULTS).index(strategy.kind), strategy.label))


def replications(found: Sequence[View]) -> str:
    """Return how many replications the strategies have, a number or a range: `1,024 to 4,096`."""
    counts = [view.choice.estimate.n for view in found]
    counts += [other.estimate.n for view in found for other in view.choice.alternatives]
    low, high = min(counts), max(counts)
    return f"{high:,}" if low == high else f"{low:,} to {high:,}"
