"""Grid points: a scenario with other values in place of its own; and what findings at grid points rest on.

Values are given by the path of the key that each replaces; `tasks` is the size of the batch. All grid points
share the replications' random numbers, so differences between them are not noise between samples.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from pydantic import ConfigDict

from dispatch_sim.display import Displayed
from dispatch_sim.model.plan import make_batch, plan_batch
from dispatch_sim.scenario.loader import Given, Source, load
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.design import DesignError, Variant, left_out, spread
from dispatch_sim.study.objectives import OBJECTIVES

BATCH = "tasks"
"""The path that stands for the size of the batch."""

_LOG = logging.getLogger("dispatch_sim")


def make_grid_point(
    source: Source, values: Mapping[str, Any], strategies: Sequence[Strategy] | None = None
) -> Variant:
    """Put values into a scenario, and plan each strategy.

    Raises ScenarioError where a value does not fit, and DesignError where the concurrency of every strategy
    is above the size of the batch.

    Parameters
    ----------
    source : as `without_factors` returns it.
    values : by path.
    strategies : what to simulate, each with a concurrency where its kind has one; those above the size of the
        batch are left out. Default: the scenario's strategies, at every concurrency of its sweep.
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
    return Variant((), scenario, tuple(plan_batch(scenario, each, batch) for each in fitting))


def without_factors(given: Given) -> Source:
    """Return a source whose sweep has no further factors, so that other keys can be varied in turn.

    Raises ScenarioError with what is wrong with the scenario.
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


@dataclass(frozen=True, kw_only=True)
class Findings(Displayed):
    """Findings about a scenario, and what they rest on.

    The replications are those of the strategies that the findings rest on; strategies that are worse may have
    fewer. The indifference threshold is in the unit of the objective, the measure that is minimised.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    name: str
    sha256: str
    seed: int
    replications: int
    objective: str
    confidence: float
    indifference: float

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}, {self.replications:,} replications>"

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(Findings)}
        return {"scenario": found.pop("name"), **found}


def basis(scenario: Scenario, replications: int, indifference: float) -> dict[str, Any]:
    """Return the fields of `Findings` about a scenario."""
    return {
        "name": scenario.name,
        "sha256": scenario.fingerprint,
        "seed": scenario.study.seed,
        "replications": replications,
        "objective": OBJECTIVES[scenario.objective.minimise],
        "confidence": scenario.study.confidence,
        "indifference": indifference,
    }
