"""Sweeps and comparisons, and how many replications each of their design points needs, by the results so far.

All points of the batch's own size have some, and at other sizes those that may be the best of their strategy.
Those that may be recommended, and the best of each kind, which a report compares with the recommended one,
have `QUOTED`: from there on t intervals cover as often as stated unless costs are very skewed. Where they
are, and where the scenario states rare events, there are more. So are there as long as the best one is not
resolved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.decide.answer import choices, concurrencies_to_compare
from dispatch_sim.decide.axis_comparison import Point, samples_of
from dispatch_sim.decide.break_even import break_evens_of
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.rare_events import replications_to_quote
from dispatch_sim.decide.winners import Criterion
from dispatch_sim.scenario.loader import Given
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import strategy_of
from dispatch_sim.stats.screening import may_be_best
from dispatch_sim.study.design import Design, design_comparison, design_sweep
from dispatch_sim.study.objectives import column_of
from dispatch_sim.study.results import Results
from dispatch_sim.study.run_study import Needed, run_study
from dispatch_sim.study.runner import OnProgress
from dispatch_sim.study.table import factor_combinations


def sweep(
    scenario: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool | None = None,
    cluster: str | None = None,
) -> Results:
    """Simulate every strategy at every concurrency, batch size and factor level of the scenario's sweep.

    Raises ScenarioError, DesignError, ResultsError, ClusterError or WorkerError with a message for the user.
    The checkpoint stays.

    Parameters
    ----------
    scenario : as `load` accepts it.
    seed, replications : in place of those in the scenario.
    jobs : threads of the compiled engine; results do not depend on it. The SimPy engine has one.
    on_progress : called with the replications done and all of them.
    folder : where a checkpoint is stored until `write_results` writes the results there. A study that is
        interrupted can be resumed from it. Without a folder it is held in memory.
    resume : whether to continue from the checkpoint, or to return complete results. False discards the
        checkpoint, and so does None unless it took more than a minute to simulate. Only False replaces a
        larger study of the scenario in the folder: with more design points, or more replications of them.
    cluster : a Dask scheduler, `tcp://HOST:PORT`, whose workers simulate in place of this machine, or
        `local:N`.

    Returns
    -------
    With `replications: auto`, each design point has as many as `replications_needed` asks for. After an
    interruption (Ctrl-C) the results have the replications that are done, and the manifest says so.
    """
    study = (scenario, seed, replications, jobs, on_progress, folder, resume, cluster)
    return run_study(design_sweep, replications_needed, *study)


def compare(
    scenario: Given,
    *,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool | None = None,
    cluster: str | None = None,
) -> Results:
    """Simulate the scenario's strategies side by side at the batch's own size; otherwise as `sweep`."""
    study = (scenario, seed, replications, jobs, on_progress, folder, resume, cluster)
    return run_study(design_comparison, replications_needed, *study)


def replications_needed(design: Design, results: Results) -> Needed:
    """Return how many replications each point of a design needs, by its results so far."""
    scenarios = [variant.scenario for variant in design.variants for _ in variant.plans]
    needed, resolving = np.zeros((2, len(results.points)), np.int64)
    keys = zip(*(results.points[name].tolist() for name in results.points), strict=True)
    rows = {(strategy_of(*key[:3]), *key[2:]): row for row, key in enumerate(keys)}
    criterion = Criterion.of(results.manifest["scenario"]["resolved"])
    table = results.table([column_of(criterion.objective)])
    for choice, (factors, part) in zip(choices(results), factor_combinations(table), strict=True):
        level = tuple(factors.values())
        scenario = scenarios[rows[choice.strategy, choice.tasks, *level]]
        if not choice.is_resolved:
            strategies = (choice.strategy, *(other.strategy for other in choice.contenders))
            open_ = [rows[each, choice.tasks, *level] for each in strategies]
            have = results.counts[open_]
            resolving[open_] = have.max() + (have.min() == have.max())
        for point, count in chain(_of_choice(choice, scenario), _of_axes(part, criterion, choice, scenario)):
            row = rows[*point, *level]
            needed[row] = max(needed[row], count)
    return Needed(needed, np.maximum(needed, resolving))


def _of_choice(choice: Choice, scenario: Scenario) -> Iterator[tuple[Point, int]]:
    """Yield design points of the batch's own size with the replications that they need."""
    feasible = [other for other in choice.alternatives if not (other.identical or other.infeasible)]
    references = {other.strategy.at(None): other for other in reversed(feasible)}
    quoted = [choice.estimate, *(other.difference for other in references.values())]
    together = replications_to_quote(scenario, choice.tasks, choice.indifference, quoted)
    alike = [each for each in choice.strategies if each.at(None) == choice.strategy.at(None)]
    alike.sort(key=lambda strategy: strategy.concurrency_in(choice.tasks))
    at = alike.index(choice.strategy)
    neighbours = alike[max(at - 1, 0) : at + 2]
    # Contenders too: with fewer replications than the recommended one they could not take its place.
    quoted_with = (other.strategy for other in (*references.values(), *choice.contenders))
    for strategy in (*neighbours, *quoted_with):
        yield (strategy, choice.tasks), together


def _of_axes(
    part: pd.DataFrame, criterion: Criterion, choice: Choice, scenario: Scenario
) -> Iterator[tuple[Point, int]]:
    """Yield design points along the batch size and the concurrency with the replications that they need.

    As many as at first where they may be the best of their strategy at a size, or are of a concurrency that a
    break-even along the size is stated for, and more where they bracket a break-even.
    """
    samples = samples_of(part, criterion.objective)

    def best_of(points: Iterable[Point]) -> Iterable[Point]:
        return may_be_best({point: samples[point] for point in points}, choice.confidence)

    alike: dict[tuple[Any, ...], list[Point]] = {}
    for point in samples:
        strategy, tasks, *_ = point
        is_wide = strategy.concurrency_in(tasks) >= tasks
        alike.setdefault((strategy.at(None), tasks, is_wide), []).append(point)
    for point in chain.from_iterable(map(best_of, alike.values())):
        yield point, scenario.study.first
    for found, sides in break_evens_of(criterion, samples, choice.tasks, concurrencies_to_compare(choice)):
        if found.queue.concurrency is not None:
            for point in chain.from_iterable(queues for _, queues in sides.values()):
                yield point, scenario.study.first
        if found.practically_equal:
            continue
        for number in _brackets(found.values, [crossing.at for crossing in found.crossings]):
            value, quoted = found.values[number], [found.differences[number]]
            count = replications_to_quote(scenario, found.tasks or value, choice.indifference, quoted)
            for point in chain.from_iterable(map(best_of, sides[value])):
                yield point, count


def _brackets(values: tuple[int, ...], crossings: Iterable[float]) -> set[int]:
    """Return the numbers of the values next to each crossing."""
    found: set[int] = set()
    for at in crossings:
        below, above = np.searchsorted(values, at, "left") - 1, np.searchsorted(values, at, "right")
        found.update(range(max(int(below), 0), min(int(above) + 1, len(values))))
    return found
