"""How many replications each design point of a study needs, by the results so far.

All points of the batch's own size have some, and at other sizes those that may be the best of their strategy.
Those that may be recommended, and the best of each kind, which a report compares with the recommended one,
have `QUOTED`: from there on t intervals cover as often as stated unless costs are very skewed. Where they
are, and where the scenario states rare events, there are more. So are there as long as the best one is not
resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.decide.answer import choices, concurrencies_to_compare, objective_of
from dispatch_sim.decide.axis_comparison import Criterion, Point, Samples, samples_of
from dispatch_sim.decide.break_even import break_evens_of
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.rare_events import replications_to_quote
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy, strategy_of
from dispatch_sim.stats.screening import may_be_best
from dispatch_sim.study.design import Design
from dispatch_sim.study.objectives import as_means, column_of
from dispatch_sim.study.results import Results
from dispatch_sim.study.run_study import Needed
from dispatch_sim.study.table import factor_combinations


def replications_needed(design: Design, results: Results) -> Needed:
    """Return how many replications each point of a design needs, by its results so far."""
    scenarios = [variant.scenario for variant in design.variants for _ in variant.plans]
    needed = np.zeros(len(results.points), np.int64)
    resolving = np.zeros(len(results.points), np.int64)
    rows = _rows(results.points)
    objective = objective_of(results.manifest["scenario"]["resolved"])
    table = results.table([column_of(objective)])
    for choice, (factors, part) in zip(choices(results), factor_combinations(table), strict=True):
        level = tuple(factors.values())
        scenario = scenarios[rows[choice.strategy, choice.tasks, *level]]
        for strategy, count in _of_choice(choice, scenario):
            row = rows[strategy, choice.tasks, *level]
            needed[row] = max(needed[row], count)
        if not choice.is_resolved:
            strategies = (choice.strategy, *(other.strategy for other in choice.contenders))
            open_ = [rows[each, choice.tasks, *level] for each in strategies]
            have = results.counts[open_]
            resolving[open_] = have.max() + (have.min() == have.max())
        for point, count in _of_axes(part, objective, choice, scenario):
            row = rows[*point, *level]
            needed[row] = max(needed[row], count)
    return Needed(needed, np.maximum(needed, resolving))


def _rows(points: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    """Return the number of each design point, by its strategy, batch size and factor levels."""
    keys = zip(*(points[name].tolist() for name in points.columns), strict=True)
    return {(strategy_of(*key[:3]), *key[2:]): row for row, key in enumerate(keys)}


def _of_choice(choice: Choice, scenario: Scenario) -> Iterator[tuple[Strategy, int]]:
    """Yield strategies at the batch's own size with the replications that they need."""
    feasible = [other for other in choice.alternatives if not (other.identical or other.infeasible)]
    references = {other.strategy.at(None): other for other in reversed(feasible)}
    quoted = [choice.estimate, *(other.difference for other in references.values())]
    together = replications_to_quote(scenario, choice.tasks, choice.indifference, quoted)
    # Contenders too: with fewer replications than the recommended one they could not take its place.
    quoted_with = (other.strategy for other in (*references.values(), *choice.contenders))
    for strategy in (choice.strategy, *quoted_with, *_neighbours(choice)):
        yield strategy, together


def _neighbours(choice: Choice) -> Iterator[Strategy]:
    """Yield the recommended strategy at the next concurrencies that were simulated."""
    alike = [
        strategy
        for strategy in (choice.strategy, *(other.strategy for other in choice.alternatives))
        if strategy.at(None) == choice.strategy.at(None)
    ]
    alike.sort(key=lambda strategy: strategy.concurrency_in(choice.tasks))
    at = alike.index(choice.strategy)
    yield from (alike[near] for near in (at - 1, at + 1) if 0 <= near < len(alike))


def _of_axes(
    part: pd.DataFrame, objective: str, choice: Choice, scenario: Scenario
) -> Iterator[tuple[Point, int]]:
    """Yield design points along the batch size and the concurrency with the replications that they need.

    As many as at first where they may be the best of their strategy at a size, or are of a concurrency that a
    break-even along the size is stated for, and more where they bracket a break-even.
    """
    samples = samples_of(part, objective)
    alike: dict[tuple[Any, ...], list[Point]] = {}
    for point in samples:
        strategy, tasks, *_ = point
        is_wide = strategy.concurrency_in(tasks) >= tasks
        alike.setdefault((strategy.at(None), tasks, is_wide), []).append(point)
    for points in alike.values():
        for point in _may_be_best(samples, points, objective, choice.confidence):
            yield point, scenario.study.first
    criterion = Criterion(objective, choice.confidence, scenario.threshold)
    for found, sides in break_evens_of(criterion, samples, choice.tasks, concurrencies_to_compare(choice)):
        if found.queue.concurrency is not None:
            for point in chain.from_iterable(queues for _, queues in sides.values()):
                yield point, scenario.study.first
        if found.practically_equal:
            continue
        for number in _brackets(found.values, [crossing.at for crossing in found.crossings]):
            value, quoted = found.values[number], [found.differences[number]]
            count = replications_to_quote(scenario, found.tasks or value, choice.indifference, quoted)
            for side in sides[value]:
                for point in _may_be_best(samples, side, objective, choice.confidence):
                    yield point, count


def _brackets(values: tuple[int, ...], crossings: Iterable[float]) -> set[int]:
    """Return the numbers of the values next to each crossing."""
    found: set[int] = set()
    for at in crossings:
        below, above = np.searchsorted(values, at, "left") - 1, np.searchsorted(values, at, "right")
        found |= {number for number in range(int(below), int(above) + 1) if 0 <= number < len(values)}
    return found


def _may_be_best(samples: Samples, side: list[Point], objective: str, confidence: float) -> list[Point]:
    """Return the points of a side that may be its best."""
    return list(may_be_best({point: as_means(objective, samples[point]) for point in side}, confidence))
