"""Grid points: a scenario with other values in place of its own, and the cost of each strategy there.

Values are given by the path of the key that each replaces; `tasks` is the size of the batch. All grid points
share the replications' random numbers, so differences between them are not noise between samples.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dispatch_sim.model.plan import make_batch, plan_batch
from dispatch_sim.scenario.loader import Given, Source, load
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.design import DesignError, Variant, left_out, spread

BATCH = "tasks"
"""The path that stands for the size of the batch."""

_LOG = logging.getLogger("dispatch_sim")


@dataclass(frozen=True)
class GridPoint:
    """A scenario at one set of values, with a plan for each strategy."""

    variant: Variant

    @cached_property
    def strategies(self) -> tuple[Strategy, ...]:
        """The strategies, in the order of the plans."""
        return tuple(plan.strategy for plan in self.variant.plans)

    @cached_property
    def numbers(self) -> dict[Strategy, int]:
        """The number of each strategy."""
        return {strategy: number for number, strategy in enumerate(self.strategies)}

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
    if "dispatch.spawn.tokens" in put:  # replaced alone: without these, a profile's shared prefix
        put = {"dispatch.spawn.shared": source.scenario().dispatch.spawn.shared, **put}
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
    return source.replaced({"sweep": sweep})


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


def warn_about_concurrencies(scenario: Scenario, tasks: int) -> None:
    """Warn of strategies that are left out because their own concurrency exceeds the largest batch."""
    for message in left_out(scenario, tasks):
        _LOG.warning(message)
