"""Grid points: a scenario with other values in place of its own, and the cost of each strategy there.

Values are given by the path of the key that each replaces; `tasks` is the size of the batch. All grid points
share the replications' random numbers, so differences between them are not noise between samples.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.plan import make_batch, plan_batch
from dispatch_sim.scenario import factors
from dispatch_sim.scenario.loader import Given, Source, load
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.design import Design, DesignError, Variant, spread
from dispatch_sim.study.objectives import OBJECTIVES, costs_of
from dispatch_sim.study.runner import OnProgress, simulate_design

BATCH = "tasks"
"""The path that stands for the size of the batch."""

MAX_RUNS = 20_000_000
"""Most runs of one question, over all grid points and strategies; they take minutes."""

_ROWS_AT_ONCE = 200_000
"""Rows of all measures that are held at once, of which one column is stored: 100 MB."""

_LOG = logging.getLogger("dispatch_sim")


@dataclass(frozen=True)
class GridPoint:
    """A scenario at one set of values, with a plan for each strategy."""

    variant: Variant

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The strategies, in the order of the plans."""
        return tuple(plan.strategy for plan in self.variant.plans)

    @property
    def tasks(self) -> int:
        """Size of the batch."""
        return len(self.variant.plans[0].tasks)


def make_grid_point(
    source: Source, values: Mapping[str, Any], strategies: Sequence[Strategy] | None = None
) -> GridPoint:
    """Put values into a scenario.

    Parameters
    ----------
    source : as `without_factors` returns it.
    values : by path.
    strategies : what to simulate, each with a concurrency where its kind has one; those above the size of the
        batch are left out. Default: the scenario's strategies, at every concurrency of its sweep.

    Raises
    ------
    ScenarioError
        Where a value does not fit.
    DesignError
        Where the concurrency of every strategy is above the size of the batch.
    """
    put = {path: value for path, value in values.items() if path != BATCH}
    scenario = (source.replaced(put) if put else source).scenario()
    tasks = int(values.get(BATCH, scenario.batch_size))
    batch = make_batch(scenario, tasks)
    if strategies is None:
        strategies = spread(scenario, tasks)
    fitting = [each for each in strategies if (each.within(tasks).concurrency or tasks) <= tasks]
    if not fitting:
        raise DesignError(
            f"no strategy can be simulated with {tasks} tasks: every concurrency exceeds the batch size; "
            "add a lower one"
        )
    return GridPoint(Variant((), scenario, tuple(plan_batch(scenario, each, batch) for each in fitting)))


def try_grid_point(
    source: Source, values: Mapping[str, Any], strategies: Sequence[Strategy] | None = None
) -> GridPoint | None:
    """Return `make_grid_point`, or None where the batch cannot be simulated with these values."""
    try:
        return make_grid_point(source, values, strategies)
    except (ScenarioError, DesignError):
        return None


def simulate_points(
    points: Sequence[GridPoint],
    replications: int,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    measure: str | None = None,
) -> list[NDArray[np.float64]]:
    """Simulate grid points, and return the costs of their strategies.

    Parameters
    ----------
    points : see `make_grid_point`.
    replications : of each strategy at each point.
    jobs : threads of the compiled engine; results do not depend on it.
    on_progress : called with the points done and all of them.
    measure : default: the objective of the scenario.

    Returns
    -------
    For each point shape (strategies, replications), in the order of its strategies.

    Raises
    ------
    DesignError
        As `simulate_design`, and where it would take too long.
    KeyboardInterrupt
        Where interrupted.
    """
    runs = replications * sum(len(point.strategies) for point in points)
    if runs > MAX_RUNS:
        raise DesignError(
            f"{len(points):,} grid points of {replications:,} replications are {runs:,} runs; at most "
            f"{MAX_RUNS:,} are simulated: ask for fewer replications, grid points or concurrencies"
        )
    column = measure or OBJECTIVES[points[0].variant.scenario.objective.minimise]
    found: list[NDArray[np.float64]] = []
    for group in _groups(points, replications):
        design = Design((), tuple(point.variant for point in group), replications)
        measures = simulate_design(design, jobs, _of_all(on_progress, len(found), len(group), len(points)))
        ends = np.cumsum([len(point.strategies) for point in group])
        # A copy: a part of the whole would keep all of it.
        found += [part.copy() for part in np.split(costs_of(measures, column), ends[:-1])]
    return found


def _of_all(on_progress: OnProgress | None, before: int, group: int, points: int) -> OnProgress | None:
    """Return a callback that turns a group's progress into that of all points."""
    if on_progress is None:
        return None
    return lambda done, total: on_progress(before + group * done // total, points)


def _groups(points: Sequence[GridPoint], replications: int) -> list[list[GridPoint]]:
    groups: list[list[GridPoint]] = [[]]
    rows = 0
    for point in points:
        more = len(point.strategies) * replications
        if groups[-1] and rows + more > _ROWS_AT_ONCE:
            groups.append([])
            rows = 0
        groups[-1].append(point)
        rows += more
    return groups


def without_factors(given: Given) -> Source:
    """Return a source whose sweep has no further factors, so that other keys can be varied in turn.

    Raises
    ------
    ScenarioError
        With what is wrong with the scenario.
    """
    source = load(given)
    scenario = source.scenario()
    if not scenario.sweep.factors:
        return source
    sweep = {"tasks": list(scenario.sweep.tasks), "concurrency": list(scenario.sweep.concurrency)}
    plain = source.replaced({"sweep": sweep})
    try:
        plain.scenario()
    except ScenarioError:
        # It cannot be simulated without a key that only an axis gives.
        plain = source.replaced(factors.first_levels(source.raw)).replaced({"sweep": sweep})
    return plain


def warn_about_limits(scenario: Scenario) -> None:
    """Warn where a scenario has a deadline or a budget, and only its objective is compared."""
    named = [key for key in ("deadline", "budget") if getattr(scenario.objective, key) is not None]
    if named:
        _LOG.warning(
            "objective.%s: not considered here; strategies are compared by %s alone. sweep and compare "
            "leave out what misses it",
            " and ".join(named),
            scenario.objective.minimise,
        )
