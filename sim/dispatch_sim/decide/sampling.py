"""Sequential screening: all strategies of many grid points have few replications, those that matter more.

A strategy is dropped once it is worse beyond doubt: significantly with the confidence of `to_end_early`,
unless three more batches of the best strategy as expensive as its costliest one so far would close the gap.
All points share the replications' random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.grid import make_grid_point
from dispatch_sim.decide.winners import Winner, find_winner, ranked
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import mean_and_deviations, to_end_early
from dispatch_sim.stats.screening import missed
from dispatch_sim.stats.student_t import t_critical
from dispatch_sim.study.design import DesignError, Variant
from dispatch_sim.study.engines import engine_for
from dispatch_sim.study.objectives import OBJECTIVES, as_means, column_of
from dispatch_sim.study.runner import Block, OnProgress, simulate_blocks

FIRST = 64
"""Replications of all strategies of a point."""

FACTOR = 4
"""Strategies that are left have so many times as many, again and again."""

LATER = 1024
"""Replications at which a search or a map ends, unless it is asked for others."""

MAX_RUNS = 10_000_000
"""Most runs of one question, over all points and strategies; of batches of ten tasks they take minutes."""

Numbers = NDArray[np.int64]
"""Numbers of some strategies of a point."""


class Sampled:
    """A grid point, and the costs of its strategies in the replications so far.

    Attributes
    ----------
    variant : the grid point; see `make_grid_point`.
    strategies, tasks, objective : the strategies there, the size of the batch, and what is minimised.
    counts, samples : replications of each strategy, and its costs in all of them.
    columns : the numbers of the measures that are held: all if it is `whole`, or else that of the objective.
    everything : the numbers of all strategies.
    """

    def __init__(self, variant: Variant, *, whole: bool = False) -> None:
        self.variant = variant
        self.strategies = tuple(plan.strategy for plan in variant.plans)
        self.tasks = len(variant.plans[0].tasks)
        self.counts = np.zeros(len(self.strategies), np.int64)
        self.objective = OBJECTIVES[variant.scenario.objective.minimise]
        self._confidence = variant.scenario.study.confidence
        column = MEASURES.index(column_of(self.objective))
        self.columns = list(range(len(MEASURES))) if whole else [column]
        self._at = column if whole else 0
        self.everything: Numbers = np.arange(self.counts.size)
        self._simplest_first = np.array(ranked(self.strategies, [0.0] * self.counts.size, self.tasks))
        self._measures = [np.empty((0, len(self.columns))) for _ in self.strategies]
        self.samples = [np.empty(0) for _ in self.strategies]

    def add(self, numbers: Numbers, measures: NDArray[np.float64]) -> None:
        """Add replications of some strategies, shape (strategies, replications, columns)."""
        for number, rows in zip(numbers.tolist(), measures, strict=True):
            self._measures[number] = np.concatenate([self._measures[number], rows])
            self.samples[number] = as_means(self.objective, self._measures[number][:, self._at])
            self.counts[number] += len(rows)

    def costs(self, numbers: Numbers) -> NDArray[np.float64]:
        """Return the costs of some strategies in the replications that all of them have."""
        common = self.counts[numbers].min()
        return np.stack([self.samples[number][:common] for number in numbers])

    def measures(self, numbers: Numbers) -> NDArray[np.float64]:
        """Return the measures of some strategies in the replications that all of them have."""
        common = self.counts[numbers].min()
        return np.stack([self._measures[number][:common] for number in numbers])

    def winner(self, indifference: float | IndifferenceThreshold) -> Winner:
        """Return the winner of all strategies; see `find_winner`."""
        costs = np.full((self.counts.size, int(self.counts.max())), np.nan)
        for row, sample in zip(costs, self.samples, strict=True):
            row[: sample.size] = sample
        return find_winner(self.strategies, costs, self.tasks, self._confidence, indifference)

    def contenders(self, among: Numbers, threshold: float = 0.0) -> Numbers:
        """Return which of some strategies may be the best of them, the simplest of equal ones first."""
        among = self._simplest_first[np.isin(self._simplest_first, among)]
        samples = [self.samples[number] for number in among]
        return among[contenders(samples, self._confidence, threshold)]


def try_sampled(
    source: Source, values: Mapping[str, Any], strategies: Sequence[Strategy] | None = None
) -> Sampled | None:
    """Return a grid point (see `make_grid_point`), or None where the batch cannot be simulated there."""
    try:
        return Sampled(make_grid_point(source, values, strategies))
    except (ScenarioError, DesignError):
        return None


def contenders(samples: Sequence[NDArray[np.float64]], confidence: float, threshold: float = 0.0) -> Numbers:
    """Return which of several samples may have the least mean: the least so far, then others in any order.

    The least is one of those with the most replications: others have been dropped, and their first ones may
    have been cheap ones.

    Parameters
    ----------
    samples : costs, each from the first replication on; two are compared in the replications of both.
    confidence : of all differences simultaneously, before it is made that of `to_end_early`.
    threshold : of those that differ from the least one by no more with that confidence, it stands for all.
    """
    sizes = np.array([sample.size for sample in samples])
    best = min(np.flatnonzero(sizes == sizes.max()).tolist(), key=lambda i: samples[i].mean())
    strict = to_end_early(1 - (1 - confidence) / len(samples))
    kept = [np.array([best])]
    for n in np.unique(sizes).tolist():
        others = np.flatnonzero((sizes == n) & (np.arange(len(samples)) != best))
        if n < 2 or not others.size:
            kept.append(others)
            continue
        least = samples[best][:n]
        mean, deviations = mean_and_deviations(np.stack([samples[i][:n] for i in others.tolist()]) - least)
        error = np.sqrt(np.einsum("ij,ij->i", deviations, deviations) / (n * (n - 1)))
        half_width = t_critical(strict, n) * error
        is_worse = mean > np.maximum(half_width, missed(least))
        is_equal = np.abs(mean) + half_width <= threshold
        kept.append(others[~(is_worse | is_equal)])
    return np.concatenate(kept)


class Sampler:
    """Simulates grid points of a scenario.

    `share` is that of the work which is done; `on_progress` is called with it, in percent, and 100.
    """

    def __init__(self, scenario: Scenario, jobs: int = 1, on_progress: OnProgress | None = None) -> None:
        self._asked, self._engine = scenario.engine, ""
        objective = OBJECTIVES[scenario.objective.minimise]
        self._is_mean = objective == column_of(objective)
        self._jobs, self._on_progress = jobs, on_progress
        self._runs, self.share = 0, 0.0

    def extend(self, wanted: Iterable[tuple[Sampled, Numbers, int]], share: float = 1.0) -> None:
        """Simulate some strategies of points up to a number of replications.

        Of those that are named repeatedly, the first counts. Afterwards about a share of the whole work is
        done. Raises DesignError where it would take too long, and KeyboardInterrupt where interrupted.
        """
        blocks, added, named = [], [], set()
        for sampled, numbers, replications in wanted:
            variant = sampled.variant
            numbers = np.array([n for n in numbers.tolist() if (id(sampled), n) not in named], np.int64)
            named |= {(id(sampled), number) for number in numbers.tolist()}
            for count in np.unique(sampled.counts[numbers]).tolist():
                if count < replications:
                    some = numbers[sampled.counts[numbers] == count]
                    plans = tuple(variant.plans[number] for number in some)
                    blocks.append(Block(Variant((), variant.scenario, plans), range(count, replications)))
                    shape = (some.size, replications - count, len(sampled.columns))
                    added.append((sampled, some, np.empty(shape)))
        self._runs += sum(values.shape[0] * values.shape[1] for *_, values in added)
        if self._runs > MAX_RUNS:
            raise DesignError(
                f"the question takes {self._runs:,} runs or more; at most {MAX_RUNS:,} are simulated: "
                "ask for fewer replications, grid points or concurrencies"
            )
        tasks, done, began = sum(block.tasks for block in blocks), 0, self.share

        def keep(number: int, part: range, measures: NDArray[np.float64]) -> None:
            nonlocal done
            block, (sampled, _, values) = blocks[number], added[number]
            first = part.start - block.replications.start
            values[:, first : first + len(part)] = measures[:, :, sampled.columns]
            done += block.tasks * len(part) // len(block.replications)
            self.report(began + (share - began) * done / tasks)

        if self._engine != "compiled":  # once that is loaded, it is always the faster one
            self._engine = engine_for(self._asked, tasks)
        simulate_blocks(blocks, self._engine, self._jobs, keep)
        for sampled, some, values in added:
            sampled.add(some, values)
        self.report(share)

    def refine(
        self,
        points: Iterable[Sampled],
        needed: Callable[[Sampled], Numbers],
        replications: int,
        share: float = 1.0,
        first: int = FIRST,
    ) -> None:
        """Simulate more of the strategies that a rule names, until it names none or they have a number.

        Parameters
        ----------
        needed : the rule, for a point with replications; of others all strategies are needed.
        first : replications of all strategies; for a percentile at least `FIRST`.
        """
        left, number = list(points), min(first if self._is_mean else FIRST, replications)
        while left:
            named = [(each, needed(each) if each.counts.any() else each.everything) for each in left]
            short = [(each, some) for each, some in named if (each.counts[some] < replications).any()]
            is_last = number == replications
            self.extend(
                ((each, some, number) for each, some in short),
                share if is_last or not short else (self.share + share) / 2,
            )
            left = [] if is_last else [each for each, _ in short]
            number = min(FACTOR * number, replications)

    def report(self, share: float) -> None:
        """Report which share of the work is done."""
        self.share = share
        if self._on_progress is not None:
            self._on_progress(round(100 * share), 100)
